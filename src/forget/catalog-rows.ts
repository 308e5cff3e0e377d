import { id, type Lake, systemSchema } from '../lake/index.js';
import { lookAtTexts } from './data-files.js';
import { type ForgottenKey, type KeyPart, rowsOf } from './key.js';
import { tellingColumns } from './own-tables.js';
import { hasValues, isEndOf, startHolds } from './text.js';

/** A table of the catalog in which a key was found. */
export interface CatalogHit {
  readonly schema: string;
  readonly table: string;
  readonly place: 'rows in the catalog' | 'statistics of a file' | 'statistics of the table';
  readonly rows: number;
  readonly tableId: bigint;
  /** Of statistics: the columns. */
  readonly columnIds: readonly bigint[];
}

interface OwnTable {
  readonly table_id: bigint;
  readonly schema: string;
  readonly name: string;
}

/** Looks at what the catalog itself keeps of the project's tables: small inserts, and the least and greatest values of files. */
export async function lookAtCatalog(lake: Lake, keys: readonly ForgottenKey[]): Promise<CatalogHit[]> {
  const meta = (name: string): string => lake.metadata(`ducklake_${name}`);
  const schemas = [lake.project, systemSchema(lake.project)];
  const tables = await lake.all<OwnTable>(
    `SELECT DISTINCT t.table_id, s.schema_name AS schema, t.table_name AS name FROM ${meta('table')} AS t
     JOIN ${meta('schema')} AS s USING (schema_id) WHERE s.schema_name IN ($1, $2)`,
    schemas,
  );
  const byId = new Map(tables.map((table) => [table.table_id, table]));
  const hits: CatalogHit[] = [];
  const add = (table: OwnTable, place: CatalogHit['place'], rows: number, columnIds: readonly bigint[] = []): void => {
    const { schema, name, table_id: tableId } = table;
    if (rows > 0) hits.push({ schema, table: name, place, rows, tableId, columnIds });
  };
  const inlined = await lake.all<{ table_id: bigint; table_name: string }>(
    `SELECT table_id, table_name FROM ${meta('inlined_data_tables')}`,
  );
  for (const { table_id, table_name } of inlined) {
    const table = byId.get(table_id);
    if (table !== undefined) add(table, 'rows in the catalog', await inlinedRows(lake, keys, table, table_name));
  }
  // Rows of files that are there are read from the files themselves.
  const isUnread = `(s.table_id IN (SELECT table_id FROM ${meta('table')} JOIN ${meta('schema')} USING (schema_id) WHERE schema_name = $1)
    OR s.data_file_id NOT IN (SELECT data_file_id FROM ${meta('data_file')}))`;
  for (const [source, place, where] of [
    ['file_column_stats', 'statistics of a file', isUnread],
    ['table_column_stats', 'statistics of the table', "$1 <> ''"],
  ] as const) {
    const stats = await lake.all<{
      table_id: bigint;
      column_id: bigint;
      name: string;
      type: string;
      low: string | null;
      high: string | null;
    }>(
      `SELECT DISTINCT s.table_id, s.column_id, c.column_name AS name, lower(c.column_type) AS type, s.min_value AS low,
         s.max_value AS high FROM ${meta(source)} AS s
       JOIN ${meta('column')} AS c ON c.table_id = s.table_id AND c.column_id = s.column_id WHERE ${where}`,
      [lake.project],
    );
    for (const { table_id, column_id, name, type, low, high } of stats) {
      const table = byId.get(table_id);
      if (table === undefined) continue;
      const found = [low, high].filter(
        (value) => value !== null && statTells({ table, column: name, type, place }, value, keys, lake.project),
      );
      add(table, place, found.length, [column_id]);
    }
  }
  return hits;
}

interface StatColumn {
  readonly table: OwnTable;
  readonly column: string;
  /** DuckLake's name of its type. */
  readonly type: string;
  readonly place: CatalogHit['place'];
}

/** A least or greatest value of one column can be that of a key of one column; of several, it tells of none by itself. */
function statTells(
  { table, column, type, place }: StatColumn,
  value: string,
  keys: readonly ForgottenKey[],
  features: string,
): boolean {
  const isBlob = type === 'blob';
  if (table.schema === features)
    return keys.some(([part, ...more]) => part?.name === column && more.length === 0 && isPart(part, value, isBlob));
  if (!tellingColumns(table.name, new Map([[column, 'VARCHAR']])).has(column)) return false;
  // Of which column a range was observed, it does not tell: of files, the rows in them do.
  const isRange = table.name === 'expectation_results' && column === 'observed';
  if (isRange && place === 'statistics of the table')
    return keys.some(([part, ...more]) => part !== undefined && more.length === 0 && isEndOf(jsonText(value), part));
  if (!isBlob) return startHolds(value, keys);
  return bytesOf(value).some((bytes) => {
    const text = bytes.toString('utf8');
    // An event that is no JSON goes when the values stand in it.
    return startHolds(text, keys) || (!/^\s*[[{]/.test(text) && keys.some((key) => hasValues(text, key)));
  });
}

const isPart = ({ texts, values }: KeyPart, value: string, isBlob: boolean): boolean =>
  isBlob
    ? bytesOf(value).some((bytes) => values.some((one) => one instanceof Uint8Array && bytes.equals(one)))
    : texts.includes(value);

/** Bytes as statistics write them: of rows in the catalog as a text with escapes, of files in hex. */
function bytesOf(value: string): Buffer[] {
  const plain = value.replace(/\\x([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const isHex = /^(?:[0-9a-f]{2})+$/i.test(value);
  return [Buffer.from(plain, 'latin1'), ...(isHex ? [Buffer.from(value, 'hex')] : [])];
}

const jsonText = (text: string): string => text.replace(/^"|"$/g, '');

async function inlinedRows(lake: Lake, keys: readonly ForgottenKey[], table: OwnTable, name: string): Promise<number> {
  const relation = lake.metadata(name);
  const described = await lake.all<{ column_name: string; column_type: string }>(`DESCRIBE SELECT * FROM ${relation}`);
  const columns = new Map(described.map(({ column_name, column_type }) => [column_name, column_type]));
  if (table.schema !== lake.project) return lookAtTexts(lake, relation, columns, keys, table.name);
  const condition = rowsOf(keys, columns);
  if (condition === undefined) return 0;
  const found = await lake.one<{ n: bigint }>(
    `SELECT count(*) AS n FROM ${relation} WHERE ${condition.sql}`,
    condition.values,
  );
  return Number(found?.n ?? 0);
}

/** `"schema"."table"` for messages. */
export const shownTable = ({ schema, table }: Pick<CatalogHit, 'schema' | 'table'>): string =>
  `${id(schema)}.${id(table)}`;
