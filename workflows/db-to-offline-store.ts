import { type StepReply, steps } from './lib/activity-proxies.js';
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
      const step = <R extends { rowsIn: number; rowsOut: number }>(
        name: string,
        work: (resume: unknown) => Promise<StepReply<R>>,
      ): Promise<R> => run.step(`${name} ${view}`, work, view);
      await step('ingest', (resume) =>
        steps.ingest.executeWithOptions(call, [{ ...target, resume, ...(full === undefined ? {} : { full }) }]),
      );
      await step('clean', (resume) => steps.clean.executeWithOptions(call, [{ ...target, resume }]));
      const explored = await step('explore and validate', (resume) =>
        steps.exploreAndValidate.executeWithOptions(call, [{ ...target, resume }]),
      );
      run.reports[view] = explored.report.html;
      run.quality = run.quality === 'warned' ? 'warned' : explored.quality;
      const { published } = await step('publish', (resume) =>
        steps.publish.executeWithOptions(call, [{ ...target, resume }]),
      );
      run.published += published;
    }
  });
}
