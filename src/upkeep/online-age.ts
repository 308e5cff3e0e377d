import { eventTimestamp, type FeatureTable, tableName } from '../definitions/feature-table.js';
import type { AnyFeatureView } from '../definitions/index.js';
import { type Cursor, readCursor } from '../sync/cursor.js';
import type { Stores } from '../sync/index.js';
import { snapshotHistory } from '../sync/lake-state.js';
import { readOnlineOffset } from '../sync/stream-offsets.js';
import { pinFacts } from '../sync/verify-facts.js';
import { newestSeenOnline } from './online-probe.js';

export interface OnlineAgeRequest {
  readonly view: AnyFeatureView;
  readonly table: FeatureTable;
  /** Event times up to which a row counts as having happened. */
  readonly due: Date;
  /** The oldest the newest event may be; `undefined` = nothing is promised. */
  readonly since: Date | undefined;
  readonly newestInLake: Date | undefined;
}

/** What the online store holds of a view, as far as its age goes. */
export interface OnlineAge {
  readonly newest: Date | undefined;
  readonly cursor: Cursor | undefined;
  /** Why there is no cursor to go by. */
  readonly reason: string | undefined;
}

/**
 * The newest event that is online: of what a materialize brought there by its cursor, and of what the stream did by its offsets. Pushes
 * and windowed runs leave neither, so where these say too old, some keys are looked up.
 */
export async function readOnlineAge(stores: Stores, request: OnlineAgeRequest): Promise<OnlineAge> {
  const { table, due, since, newestInLake } = request;
  const { cursor, reason, incarnation } = await pinFacts(stores, table, await readCursor(stores.online, table.view));
  const known = [
    cursor === undefined ? undefined : await newestAtCursor(stores, table, due, cursor),
    incarnation === undefined ? undefined : await newestStreamed(stores, request, incarnation),
  ];
  const newest = newestOf(known);
  const isEnough = newest !== undefined && (since === undefined || newest >= since);
  const isBehind = newestInLake !== undefined && (newest === undefined || newest < newestInLake);
  if (isEnough || !isBehind) return { newest, cursor, reason };
  const seen = await newestSeenOnline(stores, table, due);
  return { newest: newestOf([newest, seen]), cursor, reason };
}

const newestOf = (times: readonly (Date | undefined)[]): Date | undefined =>
  times.reduce((most, time) => (time !== undefined && (most === undefined || time > most) ? time : most), undefined);

async function newestAtCursor(
  { lake }: Stores,
  table: FeatureTable,
  due: Date,
  { snapshot, end }: Cursor,
): Promise<Date | undefined> {
  try {
    const found = await lake.one<{ newest: Date | null }>(
      `SELECT max(${eventTimestamp}) AS newest FROM ${lake.table(tableName(table))} AT (VERSION => ${snapshot})
       WHERE ${eventTimestamp} <= $1::TIMESTAMPTZ`,
      [end < due ? end : due],
    );
    return found?.newest ?? undefined;
  } catch (error) {
    // A cursor that moved on no longer keeps its snapshot from being expired.
    if ((await snapshotHistory(lake, snapshot, snapshot)).committedAt !== undefined) throw error;
    return undefined;
  }
}

/** @param incarnation of the online rows: offsets noted under another one are void. */
async function newestStreamed(
  { lake, offline, online }: Stores,
  { view, table, due }: OnlineAgeRequest,
  incarnation: string,
): Promise<Date | undefined> {
  if (view.kind !== 'stream_feature_view') return undefined;
  const { topic } = view.source;
  let newest: Date | undefined;
  for (const partition of (await offline.partitionProgress(table, topic)).keys()) {
    const offset = await readOnlineOffset(online, table.view, topic, partition);
    if (offset?.incarnation !== incarnation) continue;
    const found = await lake.one<{ newest: Date | null }>(
      `SELECT max(${eventTimestamp}) AS newest FROM ${lake.table(tableName(table))}
       WHERE _topic = $1 AND _partition = $2 AND _offset < $3 AND ${eventTimestamp} <= $4::TIMESTAMPTZ`,
      [topic, partition, BigInt(offset.nextOffset), due],
    );
    newest = newestOf([newest, found?.newest ?? undefined]);
  }
  return newest;
}
