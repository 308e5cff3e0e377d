import type { PipelineInput, RunSummary } from './lib/contract.js';
import { pipelineRun } from './lib/run.js';
import { publishView } from './lib/views.js';

/**
 * Brings the views' sources into the offline store: ingest → clean → explore and validate → publish, one view after the other. The
 * argument `full` reads all rows of a source that has a cursor, not only what is new; `onlyInterval` keeps only rows whose event time
 * lies in the run's data interval, for sources that hold more than that.
 */
export async function dbToOfflineStore(input: PipelineInput): Promise<RunSummary> {
  return pipelineRun(input, {}, async (run) => {
    for (const view of run.views) await publishView(run, view, run.args);
  });
}
