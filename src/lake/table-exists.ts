import { catalog } from './catalog.js';
import type { Session } from './session.js';

/**
 * Whether a schema of the lake has a table of a name, whatever its case: names differ by more than that to SQL. Looked up, here and
 * elsewhere, among the columns: DuckDB's list of tables says how many rows each has, for which DuckLake asks its catalog about
 * every table of the lake, twenty times as long.
 */
export async function tableExists(from: Pick<Session, 'one'>, schema: string, table: string): Promise<boolean> {
  const found = await from.one(
    `SELECT 1 FROM duckdb_columns() WHERE database_name = $1 AND schema_name = $2 AND lower(table_name) = lower($3) LIMIT 1`,
    [catalog, schema, table],
  );
  return found !== undefined;
}
