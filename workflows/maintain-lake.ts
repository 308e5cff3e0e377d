import { patched } from '@temporalio/workflow';
import { steps } from './lib/activity-proxies.js';
import type { PipelineInput, RunSummary } from './lib/contract.js';
import { startDue } from './lib/dependents.js';
import { closeLostRuns } from './lib/lost-runs.js';
import { pipelineRun } from './lib/run.js';

/**
 * Keeps the lake small and fast: merges files, expires snapshots nobody needs, removes what is left over. That does nothing until it is due:
 * arguments `snapshots` and `smallFiles` (counts) and `every` (a time such as '1 hour') say when, `force: true` does it in any case.
 */
export async function maintainLake(input: PipelineInput): Promise<RunSummary> {
  return pipelineRun(input, {}, async (run) => {
    // What a worker that died, or a service that was away, left to do.
    await startDue(run.runId);
    const lost = patched('close lost runs') ? await closeLostRuns(run.runId) : 0;
    const target = { runId: run.runId, pipeline: input.pipeline, retries: run.retries };
    const { force, snapshots, smallFiles, every } = run.args;
    const { summary } = await run.step('maintain the lake', (resume) =>
      steps.maintainLake.executeWithOptions({ summary: 'maintain' }, [
        { ...target, force, snapshots, smallFiles, every, resume },
      ]),
    );
    const told =
      lost === 0 ? [] : [`${lost} ${lost === 1 ? 'run' : 'runs'} closed whose workflow had ended without it`];
    run.detail([summary, ...told].join('\n'));
  });
}
