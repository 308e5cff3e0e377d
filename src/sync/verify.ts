import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { limits } from '../config.js';
import { columnDefinitions, type FeatureTable } from '../definitions/feature-table.js';
import { StoreUnavailableError } from '../errors.js';
import { appendColumns } from '../lake/append-columns.js';
import { type Session, tempTable } from '../lake/index.js';
import { writeParquet } from '../lake/parquet-file.js';
import { entityKeyValues } from '../online-store/entity-key-values.js';
import type { OnlineEntry } from '../online-store/online-store.js';
import { storedSchema } from '../online-store/stored-schema.js';
import { bytes } from '../types.js';
import { readCursor } from './cursor.js';
import { readPackedRows } from './online-rows.js';
import { readOrigin } from './origin.js';
import type { Stores } from './stores.js';
import { pinFacts, type VerifyFacts } from './verify-facts.js';
import { headerOf, type Judged, type Looker, look, readColumns } from './verify-look.js';
import { Tally, type VerifyResult } from './verify-result.js';
import { RowComparer } from './verify-rows.js';
import { KeySample, onlineKeys } from './verify-scan.js';
import { sampleSql, tables } from './verify-sql.js';
import { isTooEarly, wrongs } from './verify-verdict.js';

/** How far a check is. Small and plain: shown by the CLI and in heartbeats. */
export interface VerifyProgress {
  readonly phase: 'read the lake' | 'compare' | 'scan the online store' | 'look again';
  /** Keys done, and of how many where that is known. */
  readonly done: number;
  readonly of: number | undefined;
}

export interface VerifyRequest {
  readonly table: FeatureTable;
  /** Only so many keys of the lake, and as many of the online store; default: all. */
  readonly sample?: { readonly size: number; readonly seed: number } | undefined;
  /** A folder for staging files; what is written there is removed at the end. */
  readonly directory: string;
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How often a check starts over because the view's online rows were removed meanwhile. */
const startsMax = 3;

/**
 * Checks that what is online equals the point-in-time answer of the lake at the cursor, for all keys of both stores (design §4,
 * "Materialize"); see `judge` for what exactly must hold. May run while streams, pushes and materialize runs write: what seems wrong
 * is looked at again, at newer snapshots, before it is called so. Only a full run with an end of its own is told of as what it
 * does, while it is at work: rows go back or ahead in time. Reads only.
 * @throws StoreUnavailableError when a store can't be reached, or the online rows were removed again and again.
 */
export async function verifyView(stores: Stores, request: VerifyRequest): Promise<VerifyResult> {
  const { table } = request;
  for (let start = 1; start <= startsMax; start += 1) {
    const before = await readOrigin(stores.online, table.view);
    const result = await verifyOnce(stores, request);
    const after = await readOrigin(stores.online, table.view);
    if (before?.incarnation === after?.incarnation) return result;
  }
  throw new StoreUnavailableError(
    `the online rows of view ${table.view} were removed ${startsMax} times during a check`,
    {
      mend: 'try again; look for what empties the online store',
    },
  );
}

async function verifyOnce(stores: Stores, request: VerifyRequest): Promise<VerifyResult> {
  const startedAt = Date.now();
  const { table, sample, signal, directory } = request;
  const id = randomUUID();
  const files = new Set<string>();
  const session = await stores.lake.session();
  const looker: Looker = {
    stores,
    table,
    session,
    signal,
    comparer: new RowComparer(stores.online, table),
    file: (name) => {
      const file = path.join(directory, `verify-${id}-${name}`);
      files.add(file);
      return file;
    },
  };
  const tally = new Tally(table);
  try {
    await emptyTable(session, tables.suspects, columnDefinitions(table.joinKeys));
    const facts =
      sample === undefined ? await compareAll(looker, request, tally) : await pickSample(looker, request, sample);
    const looked = await lookUntilSure(looker, request, tally);
    return tally.result(looked ?? facts, sample, Date.now() - startedAt);
  } finally {
    session.close();
    for (const file of files) rmSync(file, { force: true });
  }
}

const emptyTable = (session: Session, name: string, columns: string): Promise<number> =>
  session.run(`CREATE OR REPLACE TEMP TABLE ${name} (${columns})`);

const packedKey = { key: bytes() };

/** Compares all keys of both stores in bulk; what is not plainly the same becomes a suspect. */
async function compareAll(looker: Looker, { onProgress }: VerifyRequest, tally: Tally): Promise<VerifyFacts> {
  const { stores, table, session, signal } = looker;
  const { lake, offline, online } = stores;
  for (const name of [tables.expected, tables.scanned]) await emptyTable(session, name, columnDefinitions(packedKey));
  const facts = await pinFacts(stores, table, await readCursor(online, table.view));
  const { snapshot, end } = facts;
  onProgress?.({ phase: 'read the lake', done: 0, of: undefined });
  const file = looker.file('newest.parquet');
  const { keys: of } = await offline.writeNewestRows({ table, keys: { type: 'all' }, snapshot, end, file, signal });
  const origin = { schema: storedSchema(table.features), committed: snapshot, reflects: snapshot };
  const batches = readPackedRows(lake, table, file, { origin, batchRows: limits.onlineWriteChunkRows, signal });
  let done = 0;
  for await (const entries of batches) {
    const keys = entries.map(({ key }) => key);
    await appendColumns(session, tables.expected, packedKey, [keys]);
    const different = await differing(looker, entries, facts);
    tally.same(entries.length - different.length);
    await suspect(looker, different);
    done += entries.length;
    onProgress?.({ phase: 'compare', done, of });
  }
  done = 0;
  for await (const keys of onlineKeys(online, table, signal)) {
    await appendColumns(session, tables.scanned, packedKey, [keys]);
    done += keys.length;
    onProgress?.({ phase: 'scan the online store', done, of });
  }
  await suspectUnexpected(looker);
  return facts;
}

/** Keys whose online row is not the newest of the lake to the last bit, or should not be online yet. */
async function differing(
  { stores, table, comparer }: Looker,
  entries: readonly OnlineEntry[],
  facts: VerifyFacts,
): Promise<Uint8Array[]> {
  const [rows = []] = await stores.online.read([{ table, keys: entries.map(({ key }) => key) }]);
  await comparer.learn(rows);
  return entries.flatMap(({ key, row: expected }, index) => {
    const row = rows[index];
    const header = headerOf(row);
    const isSame =
      row !== undefined &&
      header !== undefined &&
      Math.max(header.committed, header.reflects) <= facts.snapshot &&
      !isTooEarly(header, facts) &&
      comparer.differences(expected, row).length === 0;
    return isSame ? [] : [key];
  });
}

async function suspect({ table, session }: Looker, keys: readonly Uint8Array[]): Promise<void> {
  if (keys.length === 0) return;
  const rows = keys.map((key) => entityKeyValues(table.joinKeys, key));
  const columns = Object.keys(table.joinKeys).map((_, index) => rows.map((row) => row[index]));
  await appendColumns(session, tables.suspects, table.joinKeys, columns);
}

/** Online keys that the lake has no row of. */
async function suspectUnexpected(looker: Looker): Promise<void> {
  const { session, signal } = looker;
  const file = looker.file('unexpected.parquet');
  const sql = `SELECT DISTINCT key FROM ${tempTable(tables.scanned)} ANTI JOIN ${tempTable(tables.expected)} USING (key)`;
  await writeParquet(session, sql, [], file, { signal });
  for await (const [keys = []] of readColumns(looker, file, [bytes()])) await suspect(looker, keys as Uint8Array[]);
}

/** Some keys of the lake and some of the online store: each a suspect. */
async function pickSample(
  looker: Looker,
  { onProgress, signal }: VerifyRequest,
  { size, seed }: NonNullable<VerifyRequest['sample']>,
): Promise<VerifyFacts> {
  const { stores, table, session } = looker;
  const facts = await pinFacts(stores, table, await readCursor(stores.online, table.view));
  onProgress?.({ phase: 'read the lake', done: 0, of: undefined });
  const sql = sampleSql(stores.lake, table, facts, size, seed);
  await session.run(`INSERT INTO ${tempTable(tables.suspects)} ${sql}`, [], { signal });
  const picked = new KeySample(size, seed);
  let done = 0;
  for await (const keys of onlineKeys(stores.online, table, signal)) {
    for (const key of keys) picked.offer(key);
    done += keys.length;
    onProgress?.({ phase: 'scan the online store', done, of: undefined });
  }
  const keys = picked.keys();
  for (let from = 0; from < keys.length; from += limits.onlineWriteChunkRows)
    await suspect(looker, keys.slice(from, from + limits.onlineWriteChunkRows));
  return facts;
}

/** Looks at the suspects, and again at those that seem wrong. @returns what the last look went by, if there was one. */
async function lookUntilSure(
  looker: Looker,
  { onProgress }: VerifyRequest,
  tally: Tally,
): Promise<VerifyFacts | undefined> {
  const { session, table, signal } = looker;
  let facts: VerifyFacts | undefined;
  for (let turn = 1; turn <= limits.verifyLooksMax; turn += 1) {
    const counted = await session.one<{ n: bigint }>(`SELECT count(*) AS n FROM ${tempTable(tables.suspects)}`);
    const of = Number(counted?.n ?? 0);
    if (of === 0) return facts;
    if (turn > 1) await wait(limits.verifyLookWaitMs * (turn - 1));
    signal?.throwIfAborted();
    onProgress?.({ phase: 'look again', done: 0, of });
    const looked = await look(looker);
    facts = looked.facts;
    await emptyTable(session, tables.suspects, columnDefinitions(table.joinKeys));
    let done = 0;
    for await (const judged of looked.judged) {
      const again: Judged[] = [];
      for (const one of judged) {
        if (turn < limits.verifyLooksMax && isWrong(one.verdict.is)) again.push(one);
        else tally.add(one);
      }
      const columns = Object.keys(table.joinKeys).map((_, index) => again.map(({ key }) => key[index]));
      if (again.length > 0) await appendColumns(session, tables.suspects, table.joinKeys, columns);
      done += judged.length;
      onProgress?.({ phase: 'look again', done, of });
    }
  }
  return facts;
}

const isWrong = (is: string): boolean => (wrongs as readonly string[]).includes(is);
