import { steps } from './lib/activity-proxies.js';
import type { PipelineInput, RunSummary } from './lib/contract.js';
import { pipelineRun } from './lib/run.js';

/**
 * Brings the newest rows of the views online. Arguments: `views`; `full: true`, or `start` and `end` (ISO, both inclusive) for a
 * window of event times; otherwise only what changed since the last run.
 */
export async function materializeOfflineToOnline(input: PipelineInput): Promise<RunSummary> {
  return pipelineRun(input, { accepts: ['views', 'full', 'start', 'end'] }, async (run) => {
    const { full, start, end } = run.args;
    for (const view of run.views) {
      const target = { runId: run.runId, view, pipeline: input.pipeline, retries: run.retries };
      const { written } = await run.step(
        `materialize ${view}`,
        (resume) => steps.materialize.executeWithOptions({ summary: view }, [{ ...target, full, start, end, resume }]),
        view,
      );
      run.published += written;
    }
  });
}
