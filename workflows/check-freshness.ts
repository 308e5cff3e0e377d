import { ApplicationFailure, upsertSearchAttributes } from '@temporalio/workflow';
import { steps } from './lib/activity-proxies.js';
import type { PipelineInput, RunSummary } from './lib/contract.js';
import { pipelineRun } from './lib/run.js';
import { qualityAttribute } from './lib/search-attributes.js';

/**
 * Warns when the newest event of a view is older than the view promises, in the lake or online. Arguments: `views`, by default all
 * that promise a freshness; `failOn: true` fails the run, so that `onFailure` tells people. The quality is `passed`, `warned` or `failed`.
 */
export async function checkFreshness(input: PipelineInput): Promise<RunSummary> {
  return pipelineRun(input, {}, async (run) => {
    const { views, failOn } = run.args;
    const target = { runId: run.runId, pipeline: input.pipeline, retries: run.retries };
    const { quality, stale } = await run.step('check freshness', (resume) =>
      steps.checkFreshness({ ...target, views, failOn, resume }),
    );
    run.quality = quality;
    if (stale.length > 0) run.detail(stale.join('\n\n'));
    if (quality !== 'failed') return;
    upsertSearchAttributes([{ key: qualityAttribute, value: quality }]);
    const mend = '`asof freshness` shows how old each view is now';
    throw ApplicationFailure.nonRetryable(`${stale.join('; ')}\n  → ${mend}`, 'DataError');
  });
}
