import { rmSync } from 'node:fs';
import { limits } from '../config.js';
import { eventTimestamp, type FeatureTable } from '../definitions/feature-table.js';
import type { Lake } from '../lake/index.js';
import type { KeySelection, MadeBy, PublishResult } from '../offline-store/offline-store.js';
import { ensureSchema } from '../online-store/feature-schemas.js';
import { readCursor } from './cursor.js';
import { readLakeState, snapshotHistory } from './lake-state.js';
import { dueNow, latest, readOnlineEnds, writeOnlineEnd } from './online-ends.js';
import { readPackedRows } from './online-rows.js';
import { settleOrigin } from './origin.js';
import type { Stores } from './stores.js';

export interface PushRequest {
  readonly table: FeatureTable;
  /** Cleaned staging file of the pushed rows. */
  readonly cleaned: string;
  /** A file of this push's own, removed at the end. */
  readonly file: string;
  readonly pushId: string;
  readonly provenance: string;
  readonly madeBy?: MadeBy | undefined;
  readonly online: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface PushResult extends PublishResult {
  /** Keys whose newest row is now online, and those that somebody else has written since. */
  readonly online: { readonly written: number; readonly left: number };
}

/**
 * Publishes rows and brings the newest row of each pushed key online, as a materialize of those keys at the snapshot of the
 * publication would: both stores agree, whatever else is going on. Rows that are in the lake already are brought online too: an
 * earlier push of them may have died between the stores.
 */
export async function pushRows(stores: Stores, request: PushRequest): Promise<PushResult> {
  const { lake, offline, online } = stores;
  const { table, cleaned, file, pushId, provenance, madeBy, signal } = request;
  const result = await offline.publish({ table, file: cleaned, runId: pushId, provenance, madeBy, signal });
  const pushed = await eventTimes(lake, cleaned);
  if (!request.online || pushed === undefined) return { ...result, online: { written: 0, left: 0 } };

  const state = await readLakeState(stores, table);
  const { snapshot } = state;
  await settleOrigin(stores, table.view, state);
  const { live, window } = await readOnlineEnds(online, table.view);
  // Nothing that is online goes back in time, whoever brought it there.
  const end = latest(dueNow(), (await readCursor(online, table.view))?.end, window, live);
  await writeOnlineEnd(online, table.view, 'live', end);
  await offline.writeNewestRows({ table, keys: await keysOf(lake, result, pushed), snapshot, end, file, signal });
  const schema = await ensureSchema(online, table);
  const counts = { written: 0, left: 0 };
  const origin = { schema, committed: snapshot, reflects: snapshot };
  const batches = readPackedRows(lake, table, file, { origin, batchRows: limits.onlineWriteChunkRows, signal });
  for await (const entries of batches) {
    const report = await online.replace(table, entries, snapshot);
    counts.written += report.written;
    counts.left += report.left;
  }
  rmSync(file, { force: true });
  return { ...result, online: counts };
}

interface Times {
  readonly from: Date;
  readonly to: Date;
}

/** Between which event times the pushed rows lie; `undefined` = there are none. */
async function eventTimes(lake: Lake, file: string): Promise<Times | undefined> {
  const found = await lake.one<{ from: Date | null; to: Date | null }>(
    `SELECT min(${eventTimestamp}) AS "from", max(${eventTimestamp}) AS "to" FROM read_parquet($1)`,
    [file],
  );
  if (found?.from == null || found.to == null) return undefined;
  // A Date has no microseconds: rounded up at the end.
  return { from: found.from, to: new Date(found.to.getTime() + 1) };
}

/** The keys of the publication; where rows were there before it, all keys with rows between the event times. */
async function keysOf(
  lake: Lake,
  { published, alreadyThere, snapshot }: PublishResult,
  times: Times,
): Promise<KeySelection> {
  const { committedAt, isUpkeep } = await snapshotHistory(lake, snapshot, snapshot);
  const isThere = committedAt !== undefined && !isUpkeep;
  if (published > 0 && alreadyThere === 0 && isThere) {
    return { type: 'changed', fromSnapshot: snapshot, toSnapshot: snapshot, after: undefined };
  }
  return { type: 'window', ...times };
}
