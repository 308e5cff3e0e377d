import { tableName } from '../definitions/feature-table.js';
import type { FeatureStore, Pipeline } from '../index.js';

/** How new the data of a view is; ISO times, `null` = there is none. */
export interface ViewAge {
  readonly view: string;
  readonly newestEvent: string | null;
  readonly published: string | null;
}

/** The views a pipeline works on by its definition. */
export function pipelineViews({ args: { view, views = view === undefined ? [] : [view] } }: Pipeline): string[] {
  return Array.isArray(views) ? views.filter((name): name is string => typeof name === 'string') : [];
}

/** Views that are not applied have no data, and are left out. */
export async function viewAges(store: FeatureStore, views: Iterable<string>): Promise<ReadonlyMap<string, ViewAge>> {
  const { views: applied } = await store.state();
  const ages = new Map<string, ViewAge>();
  for (const view of new Set(views)) {
    const registered = applied.get(view);
    if (registered === undefined) continue;
    const table = tableName(registered.table);
    const found = await store.lake.one<{ newest: Date | null; published: Date | null }>(
      `SELECT (SELECT max(event_timestamp) FROM ${store.lake.table(table)}) AS newest,
         (SELECT max(recorded_at) FROM ${store.lake.system('publications')} WHERE table_name = $1) AS published`,
      [table],
    );
    const iso = (time: Date | null | undefined) => time?.toISOString() ?? null;
    ages.set(view, { view, newestEvent: iso(found?.newest), published: iso(found?.published) });
  }
  return ages;
}
