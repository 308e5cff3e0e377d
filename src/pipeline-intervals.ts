import { type Pipeline, pipelineNamed } from './definitions/index.js';
import type { FeatureStore } from './feature-store.js';
import type { ViewSpec } from './registry/index.js';
import {
  type DataInterval,
  type IntervalStatus,
  intervalsBetween,
  type LeaseHolder,
  intervalStatuses as readStatuses,
} from './runs/index.js';

/** Whether a run without an end in its record is still alive; the lake alone can't tell. */
export type IsRunning = (holder: LeaseHolder) => Promise<boolean>;

/**
 * What became of each interval of a pipeline that lies whole in [from, to), the oldest first.
 * @param isRunning default: a run without an end in its record is alive.
 * @throws DefinitionError for a pipeline that is unknown or has no intervals.
 */
export function intervalStatuses(
  store: FeatureStore,
  pipeline: string,
  { from, to, isRunning }: { from: Date; to: Date; isRunning?: IsRunning | undefined },
): Promise<IntervalStatus[]> {
  const known = pipelineNamed(store.repo.pipelines, pipeline);
  return statusesOf(store, known, [...intervalsBetween(known, from, to)], isRunning);
}

/** The same of intervals given. */
export async function statusesOf(
  store: FeatureStore,
  { name, args }: Pipeline,
  intervals: readonly DataInterval[],
  isRunning?: IsRunning,
): Promise<IntervalStatus[]> {
  const views = viewsOf(args);
  const tablesSince = new Map<string, number>();
  // No run is older than a view's first table.
  for (const [view, { table }] of (await store.state()).views)
    if (table.generation > 1) tablesSince.set(view, await tableSince(store, view, table.generation));
  return readStatuses(store.lake, { pipeline: name, intervals, tablesSince, views, isRunning });
}

/** The version of the registry with which a view's present table began. */
async function tableSince(store: FeatureStore, view: string, generation: number): Promise<number> {
  const versions = await store.registry.history('feature_view', view);
  return versions.find(({ spec }) => (spec as ViewSpec).table.generation === generation)?.version ?? 0;
}

function viewsOf({ view, views }: Readonly<Record<string, unknown>>): string[] {
  const named = view === undefined ? views : [view];
  return Array.isArray(named) ? named.filter((name): name is string => typeof name === 'string') : [];
}
