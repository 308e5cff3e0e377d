import type { FeatureTable } from '../definitions/feature-table.js';
import type { OfflineStore } from '../offline-store/offline-store.js';
import type { OnlineStore } from '../online-store/online-store.js';

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
  /** Event-time end: rows later than this were not due yet. */
  readonly end: Date;
}

const cursorNote = 'cursor';
const lakeNote = 'lake';

export async function readCursor(online: OnlineStore, view: string): Promise<Cursor | undefined> {
  const text = await online.getNote(view, cursorNote);
  if (text === undefined) return undefined;
  const { end, ...rest } = JSON.parse(text) as Omit<Cursor, 'end'> & { end: string };
  return { ...rest, end: new Date(end) };
}

export const writeCursor = (online: OnlineStore, view: string, cursor: Cursor): Promise<void> =>
  online.setNote(view, cursorNote, JSON.stringify(cursor));

/** Where the lake is now, for one view. */
export interface LakeState {
  readonly lakeId: string;
  readonly tableId: string;
  readonly snapshot: number;
}

/** Why an incremental run can't start from the cursor; `undefined` = it can. Decided by identities, never by an error's text. */
export async function cursorMismatch(
  cursor: Cursor,
  table: FeatureTable,
  now: LakeState,
  offline: OfflineStore,
): Promise<string | undefined> {
  if (cursor.tableId !== now.tableId) return 'the table was created again since the last run';
  if (cursor.generation !== table.generation)
    return `the view is now generation ${table.generation}, before ${cursor.generation}`;
  if (cursor.snapshot !== now.snapshot && !(await offline.hasSnapshot(cursor.snapshot))) {
    return `snapshot ${cursor.snapshot} of the last run was expired`;
  }
  return undefined;
}

/**
 * Online rows carry snapshot numbers, which mean something in one lake only. Rows of another lake, or of this one before it was
 * set back, can't be compared and are removed, so that what is written next is not held up by them.
 * @returns the reason when the view's rows were removed.
 */
export async function forgetOtherLake(online: OnlineStore, view: string, now: LakeState): Promise<string | undefined> {
  const known = await online.getNote(view, lakeNote);
  const cursor = await readCursor(online, view);
  const reason =
    known !== undefined && known !== now.lakeId
      ? 'the online rows came from another lake'
      : cursor !== undefined && cursor.snapshot > now.snapshot
        ? `the online rows are ahead of the lake (snapshot ${cursor.snapshot}, the lake has ${now.snapshot})`
        : undefined;
  if (reason !== undefined) await online.dropView(view);
  if (known !== now.lakeId || reason !== undefined) await online.setNote(view, lakeNote, now.lakeId);
  return reason;
}
