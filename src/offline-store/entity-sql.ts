import { DefinitionError } from '../errors.js';
import type { Session } from '../lake/index.js';

/** Table functions that only read; others may write through a SELECT (`ducklake_expire_snapshots`, `query`). */
const readingFunctions =
  /^(read_(csv|csv_auto|parquet|json|json_auto|ndjson|ndjson_auto|json_objects|ndjson_objects|text|blob)|parquet_scan|sniff_csv|glob|range|generate_series|unnest|repeat|repeat_row|(ducklake_)?(snapshots|table_changes|table_insertions|table_deletions)|current_snapshot)$/;

/**
 * @returns the query if it is one SELECT that only reads; without trailing semicolons.
 * @throws DefinitionError otherwise.
 */
export async function checkSelect(session: Session, sql: string, where: string): Promise<string> {
  const select = sql.trim().replace(/[;\s]+$/, '');
  const found = await session.one<{ parsed: string }>('SELECT json_serialize_sql($1::VARCHAR)::VARCHAR AS parsed', [
    select,
  ]);
  const parsed = JSON.parse(found?.parsed ?? '{}') as {
    error?: boolean;
    error_message?: string;
    statements?: unknown[];
  };
  if (parsed.error === true) {
    throw new DefinitionError(parsed.error_message ?? 'the query can not be parsed', {
      where,
      mend: 'give one SELECT; nothing is written by an entity query',
    });
  }
  const count = parsed.statements?.length ?? 0;
  if (count !== 1) {
    throw new DefinitionError(count === 0 ? 'the query is empty' : `there are ${count} statements`, {
      where,
      mend: 'give one SELECT',
    });
  }
  const forbidden = tableFunctions(parsed.statements).find((name) => !readingFunctions.test(name));
  if (forbidden !== undefined) {
    throw new DefinitionError(`the table function "${forbidden}" is not allowed here`, {
      where,
      mend: 'select from tables, files or read_csv, read_parquet, read_json, range, unnest',
    });
  }
  return select;
}

/** Names of the table functions anywhere in a serialized query. */
function tableFunctions(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(tableFunctions);
  if (typeof node !== 'object' || node === null) return [];
  const { type, function: call } = node as { type?: unknown; function?: { function_name?: unknown } };
  const own = type === 'TABLE_FUNCTION' ? [String(call?.function_name).toLowerCase()] : [];
  return [...own, ...Object.values(node).flatMap(tableFunctions)];
}
