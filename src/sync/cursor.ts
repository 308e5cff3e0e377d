import type { FeatureTable } from '../definitions/feature-table.js';
import type { Lake } from '../lake/index.js';
import type { OnlineStore } from '../online-store/online-store.js';
import { type LakeState, snapshotHistory } from './lake-state.js';

/**
 * How far the online rows of a view reflect the lake. Kept in the online store itself, written after the rows: a store that was
 * emptied or restored brings its own cursor along, so the next run notices.
 */
export interface Cursor {
  readonly lakeId: string;
  readonly tableId: string;
  readonly generation: number;
  /** The snapshot reflected. */
  readonly snapshot: number;
  /** When that snapshot was committed. */
  readonly committedAt: string | undefined;
  /** Event-time end: rows later than this were not due yet. */
  readonly end: Date;
  /** Of the online rows (see Origin): a store that was emptied while a run wrote its cursor has another. */
  readonly incarnation: string;
  /** The ttl the rows were written with: engines may have let go of what a longer one would still serve. 0 = none. */
  readonly ttlMs?: number;
}

const cursorMark = 'cursor';

export async function readCursor(online: OnlineStore, view: string): Promise<Cursor | undefined> {
  const text = await online.getMark(view, cursorMark);
  if (text === undefined) return undefined;
  const { end, ...rest } = JSON.parse(text) as Omit<Cursor, 'end'> & { end: string };
  return { ...rest, end: new Date(end) };
}

export const writeCursor = (online: OnlineStore, view: string, cursor: Cursor): Promise<void> =>
  online.setMark(view, cursorMark, JSON.stringify(cursor));

/** Whether rows are served for longer than before; 0 = for ever. */
const outlives = (ttlMs: number, before: number | undefined): boolean =>
  before !== undefined && before !== 0 && (ttlMs === 0 || ttlMs > before);

/** Why an incremental run can't start from the cursor; `undefined` = it can. Decided by identities, never by an error's text. */
export async function cursorMismatch(
  cursor: Cursor,
  table: FeatureTable,
  now: LakeState & { readonly incarnation: string },
  lake: Lake,
): Promise<string | undefined> {
  if (cursor.incarnation !== now.incarnation) return 'the online store was emptied during the last run';
  if (cursor.generation !== table.generation)
    return `the view is now generation ${table.generation}, before ${cursor.generation}`;
  if (outlives(table.ttlMs, cursor.ttlMs)) return 'the ttl of the view was raised';
  if (cursor.tableId !== now.tableId) return 'the table was created again since the last run';
  if (cursor.snapshot === now.snapshot) return undefined;
  const { committedAt, unbroken } = await snapshotHistory(lake, cursor.snapshot, now.snapshot);
  if (committedAt === undefined) return `snapshot ${cursor.snapshot} of the last run was expired`;
  return unbroken ? undefined : `snapshots since ${cursor.snapshot}, that of the last run, were expired`;
}
