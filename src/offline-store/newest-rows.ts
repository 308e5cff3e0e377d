import { createdTimestamp, eventTimestamp, type FeatureTable, tableName } from '../definitions/feature-table.js';
import { catalog, id, ids, type Lake, lit, type SqlValue } from '../lake/index.js';
import { writeParquet } from '../lake/parquet-file.js';
import type { NewestRowsRequest } from './offline-store.js';

/**
 * The newest row per key in two passes: the greatest event time per key, which needs two columns only, then the tie order among
 * the few rows that have it. One pass with arg_max over a whole row carries every column through the aggregate.
 */
export async function writeNewestRows(lake: Lake, request: NewestRowsRequest): Promise<{ keys: number }> {
  const { sql, values } = newestRowsSql(lake, request);
  const { rows } = await lake.withSession((session) =>
    writeParquet(session, sql, values, request.file, { signal: request.signal }),
  );
  return { keys: rows };
}

function newestRowsSql(
  lake: Lake,
  { table, keys: selection, snapshot, end }: NewestRowsRequest,
): { sql: string; values: SqlValue[] } {
  const keys = Object.keys(table.joinKeys);
  const rows = `(FROM ${lake.table(tableName(table))} AT (VERSION => ${snapshot}))`;
  const values: SqlValue[] = [end];
  const bind = (value: Date): string => `$${values.push(value)}::TIMESTAMPTZ`;
  const affected = affectedKeys(lake, table, selection, rows, bind);
  const semi = affected === undefined ? '' : `SEMI JOIN affected USING (${ids(keys)})`;
  const columns = [createdTimestamp, ...Object.keys(table.features), '_ingest_time', '_ingest_position'];
  const newest = `newest AS (
      SELECT ${ids(keys)}, t.${eventTimestamp}, ${ids(columns)} FROM ${rows} AS t
      JOIN (SELECT ${ids(keys)}, max(${eventTimestamp}) AS ${eventTimestamp} FROM ${rows} ${semi}
            WHERE ${eventTimestamp} <= $1::TIMESTAMPTZ GROUP BY ALL) AS latest USING (${ids([...keys, eventTimestamp])})
      QUALIFY row_number() OVER (PARTITION BY ${ids(keys)}
        ORDER BY ${createdTimestamp} DESC NULLS LAST, _ingest_time DESC, _ingest_position DESC) = 1)`;
  if (affected === undefined) return { sql: `WITH ${newest} FROM newest`, values };
  return {
    sql: `WITH affected AS MATERIALIZED (${affected}), ${newest} SELECT * FROM affected LEFT JOIN newest USING (${ids(keys)})`,
    values,
  };
}

/** The distinct keys a run has to look at; `undefined` = all. The change feed is used as a set of keys only: its types change with upkeep. */
function affectedKeys(
  lake: Lake,
  table: FeatureTable,
  selection: NewestRowsRequest['keys'],
  rows: string,
  bind: (value: Date) => string,
): string | undefined {
  const keys = ids(Object.keys(table.joinKeys));
  switch (selection.type) {
    case 'all':
      return undefined;
    case 'window':
      return `SELECT DISTINCT ${keys} FROM ${rows} WHERE ${id(eventTimestamp)} BETWEEN ${bind(selection.from)} AND ${bind(selection.to)}`;
    case 'changed': {
      const { fromSnapshot, toSnapshot, after } = selection;
      const parts: string[] = [];
      if (fromSnapshot <= toSnapshot) {
        const feed = `ducklake_table_changes(${lit(catalog)}, ${lit(lake.project)}, ${lit(tableName(table))}, ${fromSnapshot}, ${toSnapshot})`;
        parts.push(`SELECT ${keys} FROM ${feed}`);
      }
      if (after !== undefined)
        parts.push(
          `SELECT ${keys} FROM ${rows} WHERE ${id(eventTimestamp)} > ${bind(after)} AND ${id(eventTimestamp)} <= $1::TIMESTAMPTZ`,
        );
      return parts.length === 0
        ? `SELECT ${keys} FROM ${rows} WHERE false`
        : `SELECT DISTINCT ${keys} FROM (${parts.join(' UNION ALL ')})`;
    }
  }
}
