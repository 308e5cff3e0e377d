import { columnDefinitions, type FeatureTable } from '../definitions/feature-table.js';
import { appendColumns } from '../lake/append-columns.js';
import { columnReader } from '../lake/chunk-values.js';
import { ids, type Session, tempTable } from '../lake/index.js';
import { writeParquet } from '../lake/parquet-file.js';
import { entityKeys } from '../online-store/entity-key.js';
import { decodeHeader, type RowHeader } from '../online-store/row-codec.js';
import { storedSchema } from '../online-store/stored-schema.js';
import type { ValueType } from '../types.js';
import { readCursor } from './cursor.js';
import { packRows, type RowColumns } from './online-rows.js';
import type { Stores } from './stores.js';
import { pinFacts, type VerifyFacts } from './verify-facts.js';
import type { RowComparer } from './verify-rows.js';
import { seenSchema, sightsSql, sightTypes, tables } from './verify-sql.js';
import { judge, type Sight, type Verdict } from './verify-verdict.js';

/** What a look works with. */
export interface Looker {
  readonly stores: Stores;
  readonly table: FeatureTable;
  /** Holds the temporary tables. */
  readonly session: Session;
  readonly comparer: RowComparer;
  /** A file of this check's own. */
  file(name: string): string;
  readonly signal: AbortSignal | undefined;
}

/** One key, looked at. */
export interface Judged {
  /** In the order of the join keys. */
  readonly key: readonly unknown[];
  readonly verdict: Verdict;
  readonly sight: Sight;
}

/**
 * Looks at the keys of the table `suspects`: their online rows first, then, at a snapshot pinned behind that, at what the lake says
 * of them. So a row that a stream brought meanwhile is always found in the lake.
 * @returns what the rows are judged by, and the judgements, a chunk at a time.
 */
export async function look(looker: Looker): Promise<{ facts: VerifyFacts; judged: AsyncGenerator<Judged[]> }> {
  const { stores, table, session, signal } = looker;
  const file = looker.file('looked-at.parquet');
  const cursor = await readCursor(stores.online, table.view);
  await readOnlineRows(looker);
  const facts = await pinFacts(stores, table, cursor);
  const sql = await sightsSql(session, stores.lake, table, facts, { signal });
  await writeParquet(session, sql, [], file, { signal });
  return { facts, judged: judgeAll(looker, file, facts) };
}

/** Fills the table `seen` with the online rows of the suspects. */
async function readOnlineRows(looker: Looker): Promise<void> {
  const { stores, table, session, comparer, signal } = looker;
  const schema = seenSchema(table);
  const keys = ids(Object.keys(table.joinKeys));
  const file = looker.file('suspects.parquet');
  await session.run(`CREATE OR REPLACE TEMP TABLE ${tables.seen} (${columnDefinitions(schema)})`);
  await writeParquet(session, `SELECT DISTINCT ${keys} FROM ${tempTable(tables.suspects)}`, [], file, { signal });
  for await (const columns of readColumns(looker, file, Object.values(table.joinKeys))) {
    const packedKeys = entityKeys(table.joinKeys, columns);
    const [rows = []] = await stores.online.read([{ table, keys: packedKeys }]);
    await comparer.learn(rows);
    await appendColumns(session, tables.seen, schema, [...columns, ...seenValues(looker, rows)]);
  }
}

function seenValues({ table, comparer }: Looker, rows: readonly (Uint8Array | undefined)[]): unknown[][] {
  const features = Object.keys(table.features).map(() => [] as unknown[]);
  const [event, created, ingestTime, position] = [[], [], [], []] as unknown[][] as [
    unknown[],
    unknown[],
    unknown[],
    unknown[],
  ];
  for (const row of rows) {
    const values = row === undefined ? undefined : comparer.values(row);
    // A row that can't be read is judged by its bytes alone.
    const header = values === undefined ? undefined : decodeHeader(row as Uint8Array);
    event.push(header?.eventUs);
    created.push(header?.createdUs);
    ingestTime.push(header?.ingestUs);
    position.push(header?.position);
    for (const [index, feature] of features.entries()) feature.push(values?.[index]);
  }
  return [[...rows], event, created, ingestTime, position, ...features];
}

async function* judgeAll(looker: Looker, file: string, facts: VerifyFacts): AsyncGenerator<Judged[]> {
  const { table, comparer } = looker;
  for await (const columns of readColumns(looker, file, sightTypes(table))) {
    const sights = sightsOf(table, columns, facts.snapshot);
    await comparer.learn(sights.map(({ sight }) => sight.online));
    yield sights.map(({ key, sight }) => ({ key, sight, verdict: judge(sight, facts, comparer) }));
  }
}

function sightsOf(
  table: FeatureTable,
  columns: readonly unknown[][],
  snapshot: number,
): { key: unknown[]; sight: Sight }[] {
  const keyCount = Object.keys(table.joinKeys).length;
  const rowWidth = 4 + Object.keys(table.features).length;
  const keys = columns.slice(0, keyCount);
  const [online, held, there, committed] = columns.slice(keyCount, keyCount + 4) as [
    (Uint8Array | null)[],
    boolean[],
    boolean[],
    (number | null)[],
  ];
  const atCursor = packed(table, keys, columns.slice(keyCount + 4, keyCount + 4 + rowWidth), snapshot);
  const newest = packed(table, keys, columns.slice(keyCount + 4 + rowWidth), snapshot);
  return online.map((row, index) => ({
    key: keys.map((column) => column[index]),
    sight: {
      online: row ?? undefined,
      atCursor: atCursor[index],
      newest: newest[index],
      held: held[index] === true,
      cursorRowThere: there[index] === true,
      cursorRowCommitted: committed[index] ?? undefined,
    },
  }));
}

/** Rows of the lake as they would be packed for the online store; undefined where there is none. */
function packed(
  table: FeatureTable,
  keys: unknown[][],
  columns: readonly unknown[][],
  snapshot: number,
): (Uint8Array | undefined)[] {
  const [event, created] = columns as [(bigint | null)[], (bigint | null)[]];
  const [ingestTime, ingestPosition] = columns.slice(-2) as [(bigint | null)[], (number | null)[]];
  const rows: RowColumns = { keys, event, created, features: columns.slice(2, -2), ingestTime, ingestPosition };
  const origin = { schema: storedSchema(table.features), committed: snapshot, reflects: snapshot };
  return packRows(table, rows, origin).map(({ row }, index) => (event[index] === null ? undefined : row));
}

/** A staging file's columns by their place, a chunk at a time. */
export async function* readColumns(
  { stores, signal }: Looker,
  file: string,
  types: readonly ValueType[],
): AsyncGenerator<unknown[][]> {
  const readers = types.map(columnReader);
  const session = await stores.lake.session();
  try {
    for await (const chunk of session.chunks('SELECT * FROM read_parquet($1)', [file], { signal }))
      yield readers.map((read, index) => read(chunk, index));
  } finally {
    session.close();
  }
}

/** The header of a row, unless it is too damaged for that. */
export function headerOf(row: Uint8Array | undefined): RowHeader | undefined {
  try {
    return row === undefined ? undefined : decodeHeader(row);
  } catch {
    return undefined;
  }
}
