import type { Expectation } from '../definitions/expectations.js';
import { eventTimestamp, type FeatureTable, newness, tableColumns, tableName } from '../definitions/feature-table.js';
import { id, ids, type Lake, type Session, type StatementOptions, sameIn, whilePinned } from '../lake/index.js';
import { writeParquet } from '../lake/parquet-file.js';
import { columnClass, fileType } from './value-json.js';

export interface PreviousRequest extends StatementOptions {
  /** A staging Parquet file of the view. */
  readonly file: string;
  readonly table: FeatureTable;
  readonly expectations: readonly Expectation[];
  /** Where the values go. */
  readonly previousFile: string;
}

/** The column of such a file that holds the newest value of a column. */
export const previousOf = (column: string): string => `_previous_${column}`;

/**
 * Writes, for each entity of a file, the newest values that its history has from before its first event in the file: what
 * monotonic compares that event with. Events of the same time and later ones don't count, so that data that is read again, or late,
 * is not compared with itself or with what came after it.
 * @returns the file; nothing is written when no rule asks for it.
 */
export async function writePrevious(
  lake: Lake,
  session: Session,
  { file, table, expectations, previousFile, signal }: PreviousRequest,
): Promise<string | undefined> {
  const columns = [...new Set(expectations.flatMap((e) => (e.rule === 'monotonic' ? [e.column] : [])))];
  if (columns.length === 0) return undefined;
  const types = tableColumns(table);
  const newest = columns.map((column) => {
    const [value, type] = [`h.${id(column)}`, types[column]];
    const isFloat = type !== undefined && columnClass(fileType(type)) === 'float';
    const counts = `${value} IS NOT NULL${isFloat ? ` AND NOT isnan(${value})` : ''}`;
    return `arg_max(${value}, ${newness('h')}) FILTER (WHERE ${counts}) AS ${id(previousOf(column))}`;
  });
  const keys = Object.keys(table.joinKeys);
  const snapshot = await lake.currentSnapshot();
  const sql = `WITH firsts AS (
      SELECT ${ids(keys)}, min(${id(eventTimestamp)}) AS _first FROM read_parquet($1) GROUP BY ${ids(keys)}
    )
    SELECT ${ids(keys, 'h')}, ${newest.join(', ')}
    FROM (FROM ${lake.table(tableName(table))} AT (VERSION => ${snapshot})) AS h
    JOIN firsts AS f ON ${sameIn(keys, 'h', 'f')} AND h.${id(eventTimestamp)} < f._first GROUP BY ${ids(keys, 'h')}`;
  await whilePinned(lake, { snapshot, reason: `what came before new rows of ${table.view}` }, () =>
    writeParquet(session, sql, [file], previousFile, { signal }),
  );
  return previousFile;
}
