import { steps } from './lib/activity-proxies.js';
import type { PipelineInput, RunSummary } from './lib/contract.js';
import { pipelineRun } from './lib/run.js';

/**
 * Brings the views' sources into the offline store: ingest → clean → explore and validate → publish, one view after the other. The
 * argument `full` reads all rows of a source that has a cursor, not only what is new.
 */
export async function dbToOfflineStore(input: PipelineInput): Promise<RunSummary> {
  return pipelineRun(input, { accepts: ['views', 'full'] }, async (run) => {
    const { runId, retries } = run;
    const { full } = run.args;
    for (const view of run.views) {
      const target = { runId, view, pipeline: input.pipeline, retries };
      const call = { summary: view };
      await run.step(`ingest ${view}`, (resume) =>
        steps.ingest.executeWithOptions(call, [{ ...target, resume, ...(full === undefined ? {} : { full }) }]),
      );
      await run.step(`clean ${view}`, (resume) => steps.clean.executeWithOptions(call, [{ ...target, resume }]));
      const explored = await run.step(`explore and validate ${view}`, (resume) =>
        steps.exploreAndValidate.executeWithOptions(call, [{ ...target, resume }]),
      );
      run.reports[view] = explored.report.html;
      run.quality = run.quality === 'warned' ? 'warned' : explored.quality;
      const { published } = await run.step(`publish ${view}`, (resume) =>
        steps.publish.executeWithOptions(call, [{ ...target, resume }]),
      );
      run.published += published;
    }
  });
}
