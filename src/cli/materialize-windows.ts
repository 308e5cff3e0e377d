import { parseDuration } from '../definitions/duration.js';
import { DefinitionError, type FeatureStore, type Pipeline } from '../index.js';
import { askedBackfill, type GivenBackfill } from './backfill-options.js';
import { type GlobalOptions, withStore } from './command.js';
import { listOption } from './option-values.js';
import { runBackfill } from './run-backfill.js';

export interface GivenWindows extends GivenBackfill {
  readonly views?: string;
  readonly every?: string;
}

const ofWindows = ['from', 'to', 'every', 'only', 'parallel', 'reverse', 'dryRun', 'wait'] as const;

export const isWindowed = (given: GivenWindows): boolean => ofWindows.some((name) => given[name] !== undefined);

/** Brings a stretch of event times online window by window: a backfill of the pipeline that materializes the views. */
export async function materializeWindows(options: GlobalOptions, given: GivenWindows): Promise<number> {
  const asked = askedBackfill({ ...given, only: given.only ?? 'all' });
  const everyMs = parseDuration('asof materialize', '--every', given.every ?? '1 day');
  if (everyMs < 1_000)
    throw new DefinitionError(`--every '${given.every}' is too short`, { mend: "write e.g. '1 day'" });
  return withStore(options, async (store) => {
    const views = store.onlineViews(given.views === undefined ? undefined : listOption('--views', given.views));
    const { name } = pipelineFor(store, views);
    return runBackfill(store, { ...options, ...given }, { ...asked, pipeline: name, everyMs, args: { views } });
  });
}

/** @throws DefinitionError when no pipeline materializes all of the views. */
function pipelineFor({ repo }: FeatureStore, views: readonly string[]): Pipeline {
  const able = [...repo.pipelines.values()].filter(({ workflow }) => workflow === 'materializeOfflineToOnline');
  const viewsOf = ({ args: { views: own } }: Pipeline): readonly unknown[] => (Array.isArray(own) ? own : []);
  const found = able.find((pipeline) => views.every((view) => viewsOf(pipeline).includes(view)));
  if (found !== undefined) return found;
  const some = able.map((pipeline) => `${pipeline.name}: ${viewsOf(pipeline).join(',')}`).join('; ');
  throw new DefinitionError(`no pipeline of workflow materializeOfflineToOnline covers ${views.join(', ')}`, {
    mend:
      some === ''
        ? "define one, e.g. pipeline({ name: …, workflow: 'materializeOfflineToOnline', args: { views: […] } })"
        : `give --views that one covers (${some}), or add the views to it`,
  });
}
