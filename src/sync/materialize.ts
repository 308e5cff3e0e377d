import { existsSync, rmSync } from 'node:fs';
import { limits } from '../config.js';
import type { FeatureTable } from '../definitions/feature-table.js';
import { StoreUnavailableError } from '../errors.js';
import { whilePinned } from '../lake/index.js';
import { ensureSchema } from '../online-store/feature-schemas.js';
import { type Cursor, readCursor, writeCursor } from './cursor.js';
import { readLakeState, snapshotHistory } from './lake-state.js';
import { choosePlan, type MaterializeMode } from './materialize-plan.js';
import { latest, readOnlineEnds, writeOnlineEnd } from './online-ends.js';
import { readPackedRows } from './online-rows.js';
import { readOrigin, settleOrigin } from './origin.js';
import type { Stores } from './stores.js';

/** A run's pinned facts and how far it is: small and plain, so that it can be kept with a heartbeat and gone on with. */
export interface MaterializeProgress {
  readonly file: string;
  readonly snapshot: number;
  /** What the file was written from and what its rows were written into; where one differs, a run starts over. */
  readonly pinned: {
    readonly lakeId: string;
    readonly tableId: string;
    readonly generation: number;
    /** Of the features. */
    readonly schemaId: string;
    /** Of the online rows (see Origin). */
    readonly incarnation: string;
    /** Behind the online store: another one may have lost what the run wrote. */
    readonly servers: string;
    /** By which the engine lets rows expire. */
    readonly ttlMs: number;
  };
  /** ISO time. */
  readonly end: string;
  readonly mode: MaterializeMode['type'];
  /** Why a full run instead of the one asked for. */
  readonly reason?: string | undefined;
  readonly rows: number;
  readonly rowsDone: number;
  readonly counts: { readonly written: number; readonly deleted: number; readonly left: number };
}

export interface MaterializeResult {
  readonly view: string;
  readonly mode: MaterializeMode['type'];
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

/** How often a run starts over because the view's online rows may have been lost while it wrote. */
const startsMax = 5;

/**
 * Makes the online rows of a view equal to the newest rows of the lake at one pinned snapshot (design §4, "Materialize"). DuckDB
 * reduces to one row per key into a file, which then streams to the online store in batches; a run that was killed goes on in its
 * file. Doing it twice is harmless: the online store decides row by row.
 * @throws DefinitionError when an end is asked for that lies before what is online already.
 */
export async function materializeView(stores: Stores, request: MaterializeRequest): Promise<MaterializeResult> {
  const { table } = request;
  for (let start = 1; start <= startsMax; start += 1) {
    const begun = await begin(stores, start === 1 ? request : { ...request, resume: undefined });
    const { snapshot } = begun;
    const result = await whilePinned(stores.lake, { snapshot, reason: `materialize ${table.view}` }, async () =>
      finish(stores, request, await writeRows(stores, request, begun)),
    );
    if (result !== undefined) return result;
  }
  throw new StoreUnavailableError(
    `the online rows of view ${table.view} were removed, or their server restarted, ${startsMax} times during a run`,
    {
      mend: 'it is tried again; look for what empties or restarts the online store',
    },
  );
}

/** Goes on where an earlier try was, or pins the snapshot, decides what to look at and writes the rows to the run's file. */
async function begin(stores: Stores, request: MaterializeRequest): Promise<MaterializeProgress> {
  const { table, file, signal, resume } = request;
  const { lake, offline, online } = stores;
  const state = await readLakeState(stores, table);
  const { incarnation, dropped } = await settleOrigin(stores, table.view, state);
  const schemaId = (await ensureSchema(online, table)).id;
  const { lakeId, tableId, snapshot } = state;
  const { generation, ttlMs } = table;
  const servers = await online.servers();
  const pinned = { lakeId, tableId, generation, schemaId, incarnation, servers, ttlMs };
  if (resume !== undefined && isSame(resume.pinned, pinned) && existsSync(resume.file)) return resume;

  const plan = await choosePlan(lake, {
    table,
    mode: request.mode,
    end: request.end,
    cursor: await readCursor(online, table.view),
    ends: await readOnlineEnds(online, table.view),
    now: { ...state, incarnation },
    dropped,
  });
  const { keys, all } = await whilePinned(lake, { snapshot, reason: `materialize ${table.view}` }, () =>
    offline.writeNewestRows({
      table,
      keys: plan.keys,
      snapshot,
      end: plan.end,
      allAboveShare: plan.mode === 'incremental' ? limits.materializeFullAboveShare : undefined,
      file,
      signal,
    }),
  );
  const turned = all && plan.mode === 'incremental';
  return {
    file,
    snapshot,
    pinned,
    end: plan.end.toISOString(),
    mode: turned ? 'full' : plan.mode,
    reason: turned ? `more than ${limits.materializeFullAboveShare * 100} % of the keys changed` : plan.reason,
    rows: keys,
    rowsDone: 0,
    counts: { written: 0, deleted: 0, left: 0 },
  };
}

/** What was kept with a heartbeat may be of an earlier version, which pinned less. */
const isSame = (
  kept: Partial<MaterializeProgress['pinned']> | undefined,
  now: MaterializeProgress['pinned'],
): boolean => (Object.keys(now) as (keyof typeof now)[]).every((fact) => kept?.[fact] === now[fact]);

async function writeRows(
  { lake, online }: Stores,
  { table, signal, onProgress }: MaterializeRequest,
  begun: MaterializeProgress,
): Promise<MaterializeProgress> {
  const { file, snapshot, mode, end, rowsDone } = begun;
  onProgress?.(begun);
  if (mode === 'window') {
    const { window } = await readOnlineEnds(online, table.view);
    await writeOnlineEnd(online, table.view, 'window', latest(window, new Date(end)));
  }
  const schema = await ensureSchema(online, table);
  const batches = readPackedRows(lake, table, file, {
    origin: { schema, committed: snapshot, reflects: snapshot },
    fromRow: rowsDone,
    batchRows: limits.onlineWriteChunkRows,
    signal,
  });
  let progress = begun;
  // One batch is packed while the one before is written.
  let writing: Promise<MaterializeProgress> = Promise.resolve(begun);
  const written = async (): Promise<void> => {
    const next = await writing;
    if (next !== progress) onProgress?.(next);
    progress = next;
  };
  try {
    for await (const entries of batches) {
      await written();
      signal?.throwIfAborted();
      const before = progress;
      writing = online.replace(table, entries, snapshot).then((report) => advance(before, entries.length, report));
      // Awaited by the next turn; only a rejection that nobody awaits yet must not end the process.
      writing.catch(() => undefined);
    }
    await written();
  } catch (error) {
    // What was begun is waited for and counts as done: the caller may close the store, and goes on behind it.
    await written().catch(() => undefined);
    throw error;
  }
  return progress;
}

/** @returns nothing when the online rows, or a part of them, may have been lost meanwhile: then what was written says nothing. */
async function finish(
  { lake, online }: Stores,
  { table, end: asked }: MaterializeRequest,
  { file, snapshot, pinned, end, mode, reason, rows, counts }: MaterializeProgress,
): Promise<MaterializeResult | undefined> {
  const { view } = table;
  const swept = mode === 'full' ? (await online.sweep(table, snapshot, rows)).deleted : 0;
  if ((await readOrigin(online, view))?.incarnation !== pinned.incarnation) return undefined;
  if ((await online.servers()) !== pinned.servers) return undefined;
  if (mode === 'full') {
    await writeOnlineEnd(online, view, 'window', new Date(end));
    if (asked !== undefined) await writeOnlineEnd(online, view, 'live', new Date(end));
  }
  if (mode !== 'window') await writeCursor(online, view, await cursorAt(lake, pinned, snapshot, end));
  rmSync(file, { force: true });
  return { view, mode, reason, keys: rows, ...counts, deleted: counts.deleted + swept, snapshot, end };
}

async function cursorAt(
  lake: Stores['lake'],
  { lakeId, tableId, generation, incarnation, ttlMs }: MaterializeProgress['pinned'],
  snapshot: number,
  end: string,
): Promise<Cursor> {
  const { committedAt } = await snapshotHistory(lake, snapshot, snapshot);
  return { lakeId, tableId, generation, snapshot, committedAt, end: new Date(end), incarnation, ttlMs };
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
