import { createdTimestamp, eventTimestamp, type FeatureTable, tableName } from '../definitions/feature-table.js';
import { changeFeed } from '../lake/change-feed.js';
import { id, ids, type Lake, type Session, type SqlValue, tempTable } from '../lake/index.js';
import { writeParquet } from '../lake/parquet-file.js';
import type { NewestRowsRequest, StreamRowsRequest } from './offline-store.js';

/**
 * The newest row per key in two passes: the greatest event time per key, which needs two columns only, then the tie order among
 * the few rows that have it. One pass with arg_max over a whole row carries every column through the aggregate.
 */
export async function writeNewestRows(lake: Lake, request: NewestRowsRequest): Promise<{ keys: number; all: boolean }> {
  return lake.withSession(async (session) => {
    const all = !(await selectKeys(session, lake, request));
    const { rows } = await writeParquet(session, newestRows(lake, request, all), [request.end], request.file, {
      signal: request.signal,
    });
    return { keys: rows, all };
  });
}

/** The columns of a row in both stores, without those that only say where it came from. */
const rowColumns = (table: FeatureTable): string[] => [
  createdTimestamp,
  ...Object.keys(table.features),
  '_ingest_time',
  '_ingest_position',
];

/** A relation: in DuckDB an alias can't follow AT. */
const rowsAt = (lake: Lake, table: FeatureTable, snapshot: number): string =>
  `(FROM ${lake.table(tableName(table))} AT (VERSION => ${snapshot}))`;

const affected = tempTable('affected_keys');

function newestRows(lake: Lake, { table, snapshot }: NewestRowsRequest, all: boolean): string {
  const keys = ids(Object.keys(table.joinKeys));
  const newest = newestOf(table, rowsAt(lake, table, snapshot), { end: '$1', among: all ? undefined : affected });
  const found = all ? newest : `SELECT * FROM ${affected} LEFT JOIN (${newest}) AS newest USING (${keys})`;
  // Ordered online stores then change neighbouring pages instead of nearly all of them with every batch.
  return `${found} ORDER BY ${keys}`;
}

/**
 * The newest row of each key, by the tie order, among those with an event time up to `end`.
 * @param rows the relation that holds the rows; it is read twice.
 * @param end SQL of a time; `among` a table of keys, for only these.
 */
export function newestOf(
  table: FeatureTable,
  rows: string,
  { end, among }: { readonly end: string; readonly among?: string | undefined },
): string {
  const keys = Object.keys(table.joinKeys);
  return `
    SELECT ${ids(keys)}, t.${eventTimestamp}, ${ids(rowColumns(table))} FROM ${rows} AS t
    JOIN (SELECT ${ids(keys)}, max(${eventTimestamp}) AS ${eventTimestamp} FROM ${rows} AS r
          ${among === undefined ? '' : `SEMI JOIN ${among} AS a USING (${ids(keys)})`}
          WHERE ${eventTimestamp} <= ${end}::TIMESTAMPTZ GROUP BY ALL) AS latest USING (${ids([...keys, eventTimestamp])})
    QUALIFY row_number() OVER (PARTITION BY ${ids(keys)}
      ORDER BY ${createdTimestamp} DESC NULLS LAST, _ingest_time DESC, _ingest_position DESC) = 1`;
}

/** Puts the distinct keys a run has to look at into a temporary table. @returns false when that would be (nearly) all of them. */
async function selectKeys(session: Session, lake: Lake, request: NewestRowsRequest): Promise<boolean> {
  const selected = await keySelection(lake, request);
  if (selected === undefined) return false;
  const { sql, values } = selected;
  const options = { signal: request.signal };
  await session.run(`CREATE OR REPLACE TEMP TABLE affected_keys AS ${sql}`, values, options);
  if (request.allAboveShare === undefined) return true;
  const keys = ids(Object.keys(request.table.joinKeys));
  const counts = await session.one<{ some: bigint; every: bigint }>(
    `SELECT (SELECT count(*) FROM ${affected}) AS "some",
       (SELECT count(*) FROM (SELECT DISTINCT ${keys} FROM ${rowsAt(lake, request.table, request.snapshot)})) AS "every"`,
    [],
    options,
  );
  return Number(counts?.some ?? 0) <= request.allAboveShare * Number(counts?.every ?? 0);
}

/** `undefined` = all keys. The change feed is used as a set of keys only: its types change with upkeep. */
async function keySelection(
  lake: Lake,
  { table, keys: selection, snapshot, end }: NewestRowsRequest,
): Promise<{ sql: string; values: SqlValue[] } | undefined> {
  const keys = ids(Object.keys(table.joinKeys));
  const rows = rowsAt(lake, table, snapshot);
  const time = id(eventTimestamp);
  if (selection.type === 'all') return undefined;
  if (selection.type === 'window') {
    return {
      sql: `SELECT DISTINCT ${keys} FROM ${rows} WHERE ${time} BETWEEN $1::TIMESTAMPTZ AND $2::TIMESTAMPTZ`,
      values: [selection.from, selection.to],
    };
  }
  const { fromSnapshot, toSnapshot, after } = selection;
  const parts: string[] = [];
  if (fromSnapshot <= toSnapshot) {
    parts.push(await changeFeed(lake, tableName(table), { columns: keys, from: fromSnapshot, to: toSnapshot }));
  }
  if (after !== undefined) {
    parts.push(`SELECT ${keys} FROM ${rows} WHERE ${time} > $1::TIMESTAMPTZ AND ${time} <= $2::TIMESTAMPTZ`);
  }
  if (parts.length === 0) parts.push(`SELECT ${keys} FROM ${rows} WHERE false`);
  return {
    sql: `SELECT DISTINCT ${keys} FROM (${parts.join(' UNION ALL ')})`,
    values: after === undefined ? [] : [after, end],
  };
}

/** See {@link OfflineStore.writeStreamRows}. */
export async function writeStreamRows(lake: Lake, request: StreamRowsRequest): Promise<{ rows: number }> {
  const { table, topic, partition, from, to, file, signal } = request;
  return lake.withSession((session) =>
    writeParquet(
      session,
      `SELECT ${ids(Object.keys(table.joinKeys))}, ${eventTimestamp}, ${ids(rowColumns(table))}, snapshot_id AS committed
       FROM ${lake.table(tableName(table))}
       WHERE _topic = $1 AND _partition = $2 AND _offset >= $3 AND _offset < $4 ORDER BY _offset`,
      [topic, partition, BigInt(from), BigInt(to)],
      file,
      { signal },
    ),
  );
}
