import type { PipelineInput, RunSummary } from './lib/contract.js';
import { pipelineRun } from './lib/run.js';
import { materializeView } from './lib/views.js';

/**
 * Brings the newest rows of the views online. Arguments: `views`; `full: true`, or `start` and `end` (ISO, both inclusive) for a
 * window of event times, with `upTo` for one of several; otherwise only what changed since the last run.
 */
export async function materializeOfflineToOnline(input: PipelineInput): Promise<RunSummary> {
  return pipelineRun(input, {}, async (run) => {
    for (const view of run.views) run.published += await materializeView(run, view, run.args);
  });
}
