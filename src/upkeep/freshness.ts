import type { FeatureTable } from '../definitions/feature-table.js';
import type { AnyFeatureView } from '../definitions/index.js';
import type { Stores } from '../sync/index.js';
import { dueNow } from '../sync/online-ends.js';
import { judgeStore, type ViewFreshness, worst } from './freshness-verdict.js';
import { readLakeAge } from './lake-age.js';
import { readOnlineAge } from './online-age.js';

export interface FreshnessStores extends Omit<Stores, 'online'> {
  /** Only called where a view feeds it. */
  openOnline(): Promise<Stores['online']>;
}

export interface AppliedView {
  readonly view: AnyFeatureView;
  readonly table: FeatureTable;
}

/** How old the newest event of views is in both stores, against what they promise. Reads little and writes nothing. */
export async function checkFreshness(stores: FreshnessStores, views: readonly AppliedView[]): Promise<ViewFreshness[]> {
  const found: ViewFreshness[] = [];
  for (const view of views) found.push(await viewFreshness(stores, view));
  return found;
}

async function viewFreshness(stores: FreshnessStores, { view, table }: AppliedView): Promise<ViewFreshness> {
  const due = dueNow();
  const { newest, lastWritten, notDue } = await readLakeAge(stores.lake, table, due);
  const age = { view, table, due, now: new Date(), newestInLake: newest };
  const lake = {
    ...judgeStore(newest, newest, view.freshnessMs, age.now),
    lastWritten: lastWritten?.toISOString() ?? null,
    notDue,
  };
  const online = view.online
    ? await onlineFreshness({ ...stores, online: await stores.openOnline() }, age)
    : keptOffline;
  const verdict = worst([lake.verdict, online.verdict]);
  return { view: view.name, promiseMs: view.freshnessMs ?? null, verdict, lake, online };
}

const keptOffline: ViewFreshness['online'] = {
  verdict: 'not judged',
  ...{ newestEvent: null, ageMs: null, snapshot: null, end: null, reason: null },
};

async function onlineFreshness(
  stores: Stores,
  age: AppliedView & { readonly due: Date; readonly now: Date; readonly newestInLake: Date | undefined },
): Promise<ViewFreshness['online']> {
  const { freshnessMs } = age.view;
  const since = freshnessMs === undefined ? undefined : new Date(age.now.getTime() - freshnessMs);
  const { newest, cursor, reason } = await readOnlineAge(stores, { ...age, since });
  return {
    ...judgeStore(newest, age.newestInLake, freshnessMs, age.now),
    snapshot: cursor?.snapshot ?? null,
    end: cursor?.end.toISOString() ?? null,
    reason: reason ?? null,
  };
}
