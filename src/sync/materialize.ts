import { existsSync, rmSync } from 'node:fs';
import { limits } from '../config.js';
import type { FeatureTable } from '../definitions/feature-table.js';
import { DefinitionError } from '../errors.js';
import type { Lake } from '../lake/index.js';
import type { KeySelection, OfflineStore } from '../offline-store/offline-store.js';
import { ensureSchema } from '../online-store/feature-schemas.js';
import type { OnlineStore } from '../online-store/online-store.js';
import { type Cursor, cursorMismatch, forgetOtherLake, type LakeState, readCursor, writeCursor } from './cursor.js';
import { packRows, readRowFile } from './online-rows.js';

export interface Stores {
  readonly lake: Lake;
  readonly offline: OfflineStore;
  readonly online: OnlineStore;
}

/** What to bring online: what changed since the cursor, everything, or keys with rows in a window of event times (inclusive). */
export type MaterializeMode =
  | { readonly type: 'incremental' }
  | { readonly type: 'full' }
  | { readonly type: 'window'; readonly start: Date; readonly end: Date };

/** A run's pinned facts and how far it is: small and plain, so that it can be kept with a heartbeat and gone on with. */
export interface MaterializeProgress {
  readonly file: string;
  readonly snapshot: number;
  /** ISO time. */
  readonly end: string;
  readonly mode: 'incremental' | 'full' | 'window';
  /** Why a full run instead of the one asked for. */
  readonly reason?: string | undefined;
  readonly rows: number;
  readonly rowsDone: number;
  readonly counts: { readonly written: number; readonly deleted: number; readonly left: number };
}

export interface MaterializeResult {
  readonly view: string;
  readonly mode: 'incremental' | 'full' | 'window';
  readonly reason?: string | undefined;
  /** Keys looked at. */
  readonly keys: number;
  readonly written: number;
  readonly deleted: number;
  /** Rows a stream committed after the snapshot; the next run names them again. */
  readonly left: number;
  readonly snapshot: number;
  /** ISO time. */
  readonly end: string;
}

export interface MaterializeRequest {
  readonly table: FeatureTable;
  readonly mode: MaterializeMode;
  /** Rows later than this stay history; default now plus the allowed clock skew. */
  readonly end?: Date | undefined;
  /** A file of this run's own, removed at the end. */
  readonly file: string;
  /** Progress of an earlier try of the same run. */
  readonly resume?: MaterializeProgress | undefined;
  readonly onProgress?: ((progress: MaterializeProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the online rows of a view equal to the newest rows of the lake at one pinned snapshot (design §4, "Materialize"). DuckDB
 * reduces to one row per key into a file, which then streams to the online store in batches; a run that was killed goes on in its
 * file. Doing it twice is harmless: the online store decides row by row.
 * @throws DefinitionError when an end is asked for that lies before what is online already.
 */
export async function materializeView(stores: Stores, request: MaterializeRequest): Promise<MaterializeResult> {
  const { online } = stores;
  const { table, resume, signal } = request;
  const lakeState = await readLakeState(stores.offline, table);
  const dropped = await forgetOtherLake(online, table.view, lakeState);
  const usable = resume !== undefined && dropped === undefined && existsSync(resume.file) ? resume : undefined;
  let progress = usable ?? (await prepare(stores, request, lakeState, dropped));
  request.onProgress?.(progress);
  const schema = await ensureSchema(online, table);

  // One batch is packed while the one before is written.
  let writing: Promise<MaterializeProgress> = Promise.resolve(progress);
  const batches = readRowFile(stores.lake, table, progress.file, {
    fromRow: progress.rowsDone,
    batchRows: limits.onlineWriteChunkRows,
    signal,
  });
  const { snapshot } = progress;
  for await (const { rows, columns } of batches) {
    const entries = packRows(table, columns, { schema, committed: snapshot, reflects: snapshot });
    const before = await writing;
    if (before !== progress) request.onProgress?.(before);
    progress = before;
    signal?.throwIfAborted();
    writing = online.replace(table, entries, snapshot).then((report) => advance(before, rows, report));
    // Read again by the next turn; only a rejection that nobody awaits yet must not end the process.
    writing.catch(() => undefined);
  }
  progress = await writing;
  request.onProgress?.(progress);
  return finish(online, table, progress, lakeState);
}

async function finish(
  online: OnlineStore,
  table: FeatureTable,
  progress: MaterializeProgress,
  { lakeId, tableId }: LakeState,
): Promise<MaterializeResult> {
  const { file, snapshot, end, mode, reason, rows, counts } = progress;
  const swept = mode === 'full' ? (await online.sweep(table, snapshot)).deleted : 0;
  if (mode !== 'window') {
    const cursor: Cursor = { lakeId, tableId, generation: table.generation, snapshot, end: new Date(end) };
    await writeCursor(online, table.view, cursor);
  }
  rmSync(file, { force: true });
  return { view: table.view, mode, reason, keys: rows, ...counts, deleted: counts.deleted + swept, snapshot, end };
}

const advance = (
  { rowsDone, counts, ...rest }: MaterializeProgress,
  rows: number,
  report: MaterializeProgress['counts'],
): MaterializeProgress => ({
  ...rest,
  rowsDone: rowsDone + rows,
  counts: {
    written: counts.written + report.written,
    deleted: counts.deleted + report.deleted,
    left: counts.left + report.left,
  },
});

export async function readLakeState(offline: OfflineStore, table: FeatureTable): Promise<LakeState> {
  const [lakeId, tableId, snapshot] = await Promise.all([
    offline.lakeId(),
    offline.tableId(table),
    offline.currentSnapshot(),
  ]);
  if (tableId === undefined) {
    throw new DefinitionError(`view "${table.view}" has no table in the lake`, { mend: 'run `asof apply`' });
  }
  return { lakeId, tableId, snapshot };
}

/** Pins the snapshot, decides what to look at and writes the rows to the run's file. */
async function prepare(
  { offline, online }: Stores,
  request: MaterializeRequest,
  lakeState: LakeState,
  dropped: string | undefined,
): Promise<MaterializeProgress> {
  const { table, file, signal } = request;
  const cursor = await readCursor(online, table.view);
  const plan = await choose(request, cursor, lakeState, offline, dropped);
  const { keys, all } = await offline.writeNewestRows({
    table,
    keys: plan.keys,
    snapshot: lakeState.snapshot,
    end: plan.end,
    allAboveShare: plan.mode === 'incremental' ? limits.materializeFullAboveShare : undefined,
    file,
    signal,
  });
  const turned = all && plan.mode === 'incremental';
  return {
    file,
    snapshot: lakeState.snapshot,
    end: plan.end.toISOString(),
    mode: turned ? 'full' : plan.mode,
    reason: turned ? `more than ${limits.materializeFullAboveShare * 100} % of the keys changed` : plan.reason,
    rows: keys,
    rowsDone: 0,
    counts: { written: 0, deleted: 0, left: 0 },
  };
}

interface Plan {
  readonly keys: KeySelection;
  readonly mode: 'incremental' | 'full' | 'window';
  readonly reason?: string | undefined;
  readonly end: Date;
}

async function choose(
  { table, mode, end: asked }: MaterializeRequest,
  cursor: Cursor | undefined,
  lakeState: LakeState,
  offline: OfflineStore,
  dropped: string | undefined,
): Promise<Plan> {
  const due = asked ?? new Date(Date.now() + limits.allowedClockSkewMs);
  if (mode.type === 'window') {
    // What is online already may be newer than the window; a key named by the window must not go back in time.
    const end = cursor !== undefined && cursor.end > mode.end ? cursor.end : mode.end;
    return { keys: { type: 'window', from: mode.start, to: mode.end }, mode: 'window', end };
  }
  if (mode.type === 'full') return { keys: { type: 'all' }, mode: 'full', end: due };
  if (cursor === undefined) {
    return {
      keys: { type: 'all' },
      mode: 'full',
      reason: dropped ?? 'the online store has no rows of the view yet',
      end: due,
    };
  }
  const mismatch = await cursorMismatch(cursor, table, lakeState, offline);
  if (mismatch !== undefined) return { keys: { type: 'all' }, mode: 'full', reason: mismatch, end: due };
  if (asked !== undefined && asked < cursor.end) {
    throw new DefinitionError(
      `end ${asked.toISOString()} lies before ${cursor.end.toISOString()}, up to which the view is online already`,
      { where: `view ${table.view}`, mend: 'leave --end out, or set the online store back with --full' },
    );
  }
  const keys = {
    type: 'changed',
    fromSnapshot: cursor.snapshot + 1,
    toSnapshot: lakeState.snapshot,
    after: cursor.end,
  } as const;
  return { keys, mode: 'incremental', end: due < cursor.end ? cursor.end : due };
}
