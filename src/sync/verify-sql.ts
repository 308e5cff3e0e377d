import { createdTimestamp, eventTimestamp, type FeatureTable, tableName } from '../definitions/feature-table.js';
import { changeFeed } from '../lake/change-feed.js';
import { id, ids, type Lake, lit, type Session, type StatementOptions, tempTable } from '../lake/index.js';
import { newestOf } from '../offline-store/newest-rows.js';
import { bool, bytes, int64, type Schema, sqlType, timestamp } from '../types.js';
import type { VerifyFacts } from './verify-facts.js';

/** What is kept of a looked-at online row beside its keys; its features follow under their own names. */
export const seenColumns = {
  _seen_row: bytes(),
  _seen_event: timestamp(),
  _seen_created: timestamp(),
  _seen_ingest_time: timestamp(),
  _seen_position: int64(),
} satisfies Schema;

/** Names of temporary tables of the session. */
export const tables = {
  /** Keys to look at. */
  suspects: 'verify_suspects',
  /** Their online rows. */
  seen: 'verify_seen',
  /** Packed keys of the rows of the lake, and of the online store. */
  expected: 'verify_expected',
  scanned: 'verify_scanned',
} as const;

const seen = tempTable(tables.seen);
const atCursor = tempTable('verify_at_cursor');
const newest = tempTable('verify_newest');

export const seenSchema = (table: FeatureTable): Schema => ({ ...table.joinKeys, ...seenColumns, ...table.features });

/** The columns of a row beside its keys. */
export const rowSchema = (table: FeatureTable): Schema => ({
  [eventTimestamp]: timestamp(),
  [createdTimestamp]: timestamp(),
  ...table.features,
  _ingest_time: timestamp(),
  _ingest_position: int64(),
});

/** The columns of {@link sightsSql}, in order. */
export const sightTypes = (table: FeatureTable) => [
  ...Object.values(table.joinKeys),
  seenColumns._seen_row,
  bool(),
  bool(),
  int64(),
  ...Object.values(rowSchema(table)),
  ...Object.values(rowSchema(table)),
];

/** Some keys of the lake, the same ones for the same seed. */
export function sampleSql(lake: Lake, table: FeatureTable, facts: VerifyFacts, size: number, seed: number): string {
  const keys = ids(Object.keys(table.joinKeys));
  return `SELECT ${keys} FROM (SELECT DISTINCT ${keys} FROM ${lake.table(tableName(table))} AT (VERSION => ${facts.snapshot})
      WHERE ${eventTimestamp} <= ${time(facts.end)})
    ORDER BY hash(${keys}, ${seed}), ${keys} LIMIT ${size}`;
}

/**
 * Prepares, for the keys of the table `seen`, the answer at the cursor and the newest row of the pinned snapshot.
 * @returns a query of one row per key: what {@link sightTypes} lists.
 */
export async function sightsSql(
  session: Session,
  lake: Lake,
  table: FeatureTable,
  facts: VerifyFacts,
  options: StatementOptions,
): Promise<string> {
  const { snapshot, cursor, end } = facts;
  const rowsNow = await rowsAt(session, lake, table, snapshot);
  const rowsThen = cursor === undefined ? undefined : await rowsAt(session, lake, table, cursor.snapshot);
  const [keys, columns] = [Object.keys(table.joinKeys), Object.keys(rowSchema(table))];
  const among = (rows: string, upTo: Date): string =>
    newestOf(table, rows, { end: lit(upTo.toISOString()), among: seen });
  const answer = rowsThen === undefined ? undefined : among(rowsThen, cursor?.end ?? end);
  const run = (name: string, sql: string) => session.run(`CREATE OR REPLACE TEMP TABLE ${name} AS ${sql}`, [], options);
  await run('verify_newest', among(rowsNow, end));
  await run('verify_at_cursor', answer ?? `SELECT * FROM ${newest} WHERE false`);
  const held = [
    rowsNow,
    ...(cursor === undefined || cursor.snapshot === snapshot
      ? []
      : [rowsThen, await changed(lake, table, cursor.snapshot + 1, snapshot)]),
  ];
  return `SELECT * FROM (
    WITH held AS (SELECT DISTINCT ${ids(keys, 's')}, true AS _held FROM (${held.map((rows) => `FROM ${rows}`).join(' UNION ALL BY NAME ')}) AS r
           JOIN ${seen} AS s ON ${sameKeys(keys)} AND r.${eventTimestamp} = s._seen_event
             AND r.${createdTimestamp} IS NOT DISTINCT FROM s._seen_created AND ${sameIngest('s._seen_ingest_time', 's._seen_position')}
           ${Object.keys(table.features)
             .map((name) => `AND r.${id(name)} IS NOT DISTINCT FROM s.${id(name)}`)
             .join(' ')}),
         there AS (SELECT DISTINCT ${ids(keys, 's')}, true AS _there FROM ${rowsNow} AS r JOIN ${atCursor} AS s ON ${sameRow(keys)}),
         brought AS (SELECT ${ids(keys, 's')}, max(r._committed) AS _committed FROM ${rowsThen ?? rowsNow} AS r
           JOIN ${atCursor} AS s ON ${sameRow(keys)} GROUP BY ALL)
    SELECT ${ids(keys)}, seen._seen_row, coalesce(_held, false), coalesce(_there, false), brought._committed,
      ${ids(columns, 'c')}, ${ids(columns, 'n')}
    FROM ${seen} AS seen LEFT JOIN held USING (${ids(keys)}) LEFT JOIN there USING (${ids(keys)}) LEFT JOIN brought USING (${ids(keys)})
      LEFT JOIN ${atCursor} AS c USING (${ids(keys)}) LEFT JOIN ${newest} AS n USING (${ids(keys)})
    ORDER BY ${ids(keys)}) AS sights(${sightTypes(table)
      .map((_, index) => `c${index}`)
      .join(', ')})`;
}

const time = (date: Date): string => `${lit(date.toISOString())}::TIMESTAMPTZ`;

const sameKeys = (keys: readonly string[]): string => keys.map((key) => `r.${id(key)} = s.${id(key)}`).join(' AND ');
/** Rows without ingest time and position are packed as if these were 0. */
const sameIngest = (ingestTime: string, position: string): string =>
  `coalesce(epoch_us(r._ingest_time), 0) = coalesce(epoch_us(${ingestTime}), 0)
   AND coalesce(r._ingest_position, 0) = coalesce(${position}, 0)`;
const sameRow = (keys: readonly string[]): string =>
  `${sameKeys(keys)} AND r.${eventTimestamp} = s.${eventTimestamp}
   AND r.${createdTimestamp} IS NOT DISTINCT FROM s.${createdTimestamp} AND ${sameIngest('s._ingest_time', 's._ingest_position')}`;

/** The view's rows at a snapshot with the columns of today: features added since are null, widened ones are of their type now. */
async function rowsAt(session: Session, lake: Lake, table: FeatureTable, snapshot: number): Promise<string> {
  const rows = `${lake.table(tableName(table))} AT (VERSION => ${snapshot})`;
  const described = await session.all<{ column_name: string }>(`DESCRIBE SELECT * FROM ${rows}`);
  const known = new Set(described.map(({ column_name }) => column_name));
  const column = ([name, type]: [string, Schema[string]]): string =>
    `${known.has(name) ? id(name) : 'NULL'}::${sqlType(type)} AS ${id(name)}`;
  const columns = Object.entries({ ...table.joinKeys, ...rowSchema(table) }).map(column);
  return `(SELECT ${columns.join(', ')}, snapshot_id AS _committed FROM ${rows})`;
}

/** All rows that came, went or changed between two snapshots, both inclusive: as they were and as they are. */
async function changed(lake: Lake, table: FeatureTable, from: number, to: number): Promise<string> {
  const columns = ids([...Object.keys(table.joinKeys), ...Object.keys(rowSchema(table))]);
  return changeFeed(lake, tableName(table), { columns, from, to });
}
