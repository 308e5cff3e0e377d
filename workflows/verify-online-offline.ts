import { ApplicationFailure, upsertSearchAttributes } from '@temporalio/workflow';
import { steps } from './lib/activity-proxies.js';
import type { PipelineInput, RunSummary } from './lib/contract.js';
import { pipelineRun } from './lib/run.js';
import { qualityAttribute } from './lib/search-attributes.js';

/**
 * Checks that what is online of the views is what the offline store says, all views before it fails for any. Arguments: `views`;
 * `sample` and `seed` for some keys only; `failOn: false` only warns. The quality is `passed`, `warned` or `failed`.
 */
export async function verifyOnlineOffline(input: PipelineInput): Promise<RunSummary> {
  return pipelineRun(input, {}, async (run) => {
    const { sample, seed, failOn } = run.args;
    const qualities = new Set<string>();
    const wrong: string[] = [];
    for (const view of run.views) {
      const target = { runId: run.runId, view, pipeline: input.pipeline, retries: run.retries };
      const found = await run.step(
        `verify ${view}`,
        (resume) => steps.verify.executeWithOptions({ summary: view }, [{ ...target, sample, seed, failOn, resume }]),
        view,
      );
      run.reports[view] = found.report;
      qualities.add(found.quality);
      if (!found.agrees) wrong.push(`view ${view}: ${found.wrong} of ${found.rowsIn} keys. Report: ${found.report}`);
    }
    run.quality = ['failed', 'warned', 'passed'].find((quality) => qualities.has(quality));
    if (wrong.length > 0) run.detail(wrong.join('\n\n'));
    if (run.quality !== 'failed') return;
    upsertSearchAttributes([{ key: qualityAttribute, value: 'failed' }]);
    const mend = `\`asof runs show ${run.runId}\` prints examples; \`asof materialize --full\` writes the online rows from the lake`;
    throw ApplicationFailure.nonRetryable(`${wrong.join('; ')}\n  → ${mend}`, 'DataError');
  });
}
