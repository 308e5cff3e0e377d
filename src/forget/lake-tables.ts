import { tableName } from '../definitions/feature-table.js';
import { catalog, id, type Lake, type SqlValue, systemSchema } from '../lake/index.js';
import { bool, bytes, int64, type Schema, string, timestamp, type ValueType } from '../types.js';
import { type ForgottenKey, rowsOf } from './key.js';
import { tellingColumns, textColumns } from './own-tables.js';

/** A table of the project's schema as the lake has it: of a view, of one of its earlier generations, or a training set. */
export interface KeyTable {
  readonly name: string;
  /** Column → DuckDB's type, in order. */
  readonly columns: ReadonlyMap<string, string>;
}

/** All tables that have the join keys of one of the keys. */
export async function keyTables(lake: Lake, keys: readonly ForgottenKey[]): Promise<KeyTable[]> {
  const tables = await tablesOf(lake, lake.project);
  return tables.filter(({ columns }) => rowsOf(keys, columns) !== undefined);
}

/** asof's own tables, with their columns in which an entity may be told of; of definitions, all texts. */
export async function textTables(lake: Lake): Promise<KeyTable[]> {
  const tables = await tablesOf(lake, systemSchema(lake.project));
  return tables
    .filter(({ name }) => !name.startsWith('head_'))
    .map(({ name, columns }) => ({
      name,
      columns: name === 'registry_objects' ? textColumns(columns) : tellingColumns(name, columns),
    }))
    .filter(({ columns }) => columns.size > 0);
}

async function tablesOf(lake: Lake, schema: string): Promise<KeyTable[]> {
  const rows = await lake.all<{ table_name: string; column_name: string; data_type: string }>(
    `SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = $1 AND schema_name = $2
     ORDER BY table_name, column_index`,
    [catalog, schema],
  );
  const tables = new Map<string, Map<string, string>>();
  for (const { table_name, column_name, data_type } of rows) {
    const columns = tables.get(table_name) ?? new Map<string, string>();
    tables.set(table_name, columns.set(column_name, data_type));
  }
  return [...tables].map(([name, columns]) => ({ name, columns }));
}

/** A view's table of some generation, as the online store has to know it. */
export interface ViewKeys {
  readonly view: string;
  readonly generation: number;
  readonly joinKeys: Schema;
}

const types: Readonly<Record<string, () => ValueType>> = {
  BIGINT: int64,
  INTEGER: int64,
  VARCHAR: string,
  BOOLEAN: bool,
  BLOB: bytes,
  'TIMESTAMP WITH TIME ZONE': timestamp,
};

/** The join keys of a view's table, which stand before the event time; `undefined` for a training set. */
export function viewKeysOf({ name, columns }: KeyTable): ViewKeys | undefined {
  if (!columns.has('_ingest_position') || !columns.has('_offset')) return undefined;
  const [, view = name, generation = '1'] = /^(.*)__g(\d+)$/.exec(name) ?? [];
  const joinKeys: Record<string, ValueType> = {};
  for (const [column, type] of columns) {
    if (column === 'event_timestamp') break;
    const made = types[type];
    if (made === undefined) return undefined;
    joinKeys[column] = made();
  }
  return { view, generation: Number(generation), joinKeys };
}

/** The head row of a view's table, which publishers watch. */
export const headOf = (lake: Lake, { view, generation }: ViewKeys): string =>
  lake.system(`head_${tableName({ view, generation })}`);

/** SQL that lets through what may hold one of the keys, to be looked at in full. */
export function mayHold(
  columns: readonly string[],
  types: ReadonlyMap<string, string>,
  keys: readonly ForgottenKey[],
): { sql: string; values: SqlValue[] } {
  const values: SqlValue[] = [];
  const texts = [...new Set(keys.flatMap(([first]) => first?.texts ?? []))];
  const each = columns.flatMap((name) => {
    const column = id(name);
    const isBlob = types.get(name) === 'BLOB';
    const looked = isBlob ? `hex(${column})` : `CAST(${column} AS VARCHAR)`;
    const found = texts.map((text) => {
      values.push(isBlob ? Buffer.from(text).toString('hex').toUpperCase() : text);
      return `contains(${looked}, $${values.length})`;
    });
    // An escape in JSON hides letters.
    return [...found, `contains(${looked}, ${isBlob ? "'5C'" : "'\\'"})`];
  });
  return { sql: each.join(' OR '), values };
}
