import type { Json } from '../../src/index.js';
import { type StepReply, steps } from './activity-proxies.js';
import type { PipelineRun } from './run.js';

type OfRun = Pick<PipelineRun, 'interval' | 'target' | 'step' | 'reports' | 'quality' | 'published'>;

/**
 * Brings a view's source into the offline store: ingest → clean → explore and validate → publish. What is published, the report and
 * the quality go to the run.
 * @param options.full reads all rows of a source that has a cursor, not only what is new.
 * @param options.onlyInterval keeps only rows whose event time lies in the run's data interval.
 */
export async function publishView(
  run: OfRun,
  view: string,
  { full, onlyInterval }: { full?: unknown; onlyInterval?: unknown } = {},
): Promise<void> {
  const target = { ...run.target, view };
  const call = { summary: view };
  const step = <R extends { rowsIn: number; rowsOut: number }>(
    name: string,
    work: (resume: unknown) => Promise<StepReply<R>>,
  ): Promise<R> => run.step(`${name} ${view}`, work, view);
  await step('ingest', (resume) =>
    steps.ingest.executeWithOptions(call, [{ ...target, resume, ...(full === undefined ? {} : { full }) }]),
  );
  const { interval } = run;
  await step('clean', (resume) =>
    steps.clean.executeWithOptions(call, [{ ...target, resume, ...(onlyInterval === true ? { interval } : {}) }]),
  );
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

/**
 * Brings a view's newest rows online: what changed since the last time, everything (`full`), or a window of event times (`start`
 * and `end`, ISO, both inclusive).
 * @returns how many keys were written.
 */
export async function materializeView(
  run: OfRun,
  view: string,
  { full, start, end, upTo }: { full?: Json; start?: Json; end?: Json; upTo?: Json } = {},
): Promise<number> {
  const { written } = await run.step(
    `materialize ${view}`,
    (resume) =>
      steps.materialize.executeWithOptions({ summary: view }, [
        { ...run.target, view, full, start, end, upTo, resume },
      ]),
    view,
  );
  return written;
}
