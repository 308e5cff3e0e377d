import type { FeatureTable } from '../definitions/feature-table.js';
import { type Cursor, cursorMismatch, readCursor } from './cursor.js';
import { readLakeState } from './lake-state.js';
import { dueNow, latest, readOnlineEnds } from './online-ends.js';
import { originMismatch, readOrigin } from './origin.js';
import type { Stores } from './stores.js';
import type { SightFacts } from './verify-verdict.js';

/** Where both stores are, for one look. */
export interface VerifyFacts extends SightFacts {
  /** The cursor to go by; undefined = there is none, `reason` says why. */
  readonly cursor: Cursor | undefined;
  readonly reason: string | undefined;
  readonly incarnation: string | undefined;
  /** Event times up to which rows may be online by now. */
  readonly end: Date;
}

/**
 * Pins the newest snapshot. The order matters while others write: the cursor is noted after the rows it speaks of, so it is read
 * before the online rows; rows are committed, and ends noted, before the rows go online, so these are read behind them.
 * @param cursor as read before the online rows that will be judged.
 */
export async function pinFacts(
  stores: Stores,
  table: FeatureTable,
  cursor: Cursor | undefined,
): Promise<VerifyFacts & { readonly snapshot: number }> {
  const { lake, online } = stores;
  const { view, ttlMs } = table;
  const due = dueNow();
  const { window, live } = await readOnlineEnds(online, view);
  const ends = [cursor?.end, (await readCursor(online, view))?.end, window, live].filter((end) => end !== undefined);
  const incarnation = (await readOrigin(online, view))?.incarnation;
  const state = await readLakeState(stores, table);
  const reason =
    cursor === undefined
      ? 'the view was never materialized, or the online store was emptied'
      : ((await originMismatch(stores, view, state)) ??
        (await cursorMismatch(cursor, table, { ...state, incarnation: incarnation ?? '' }, lake)));
  const usable = reason === undefined ? cursor : undefined;
  return {
    cursor: usable,
    reason,
    incarnation,
    snapshot: state.snapshot,
    cursorSnapshot: usable?.snapshot ?? -1,
    end: latest(due, ...ends),
    reachedUs: ends.length === 0 ? -(2n ** 63n) : microseconds(latest(...ends)),
    dueUs: microseconds(due),
    oldestUs: ttlMs === 0 ? undefined : microseconds(new Date(Math.ceil(Date.now() - ttlMs))),
  };
}

const microseconds = (time: Date): bigint => BigInt(time.getTime()) * 1_000n;
