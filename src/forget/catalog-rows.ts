import { readFileSync } from 'node:fs';
import { id, type Lake, systemSchema } from '../lake/index.js';
import { lookAtTexts } from './data-files.js';
import { type ForgottenKey, rowsOf } from './key.js';
import { tellingColumns } from './own-tables.js';
import { isEndOf, startHolds } from './text.js';

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
      low: string | null;
      high: string | null;
    }>(
      `SELECT DISTINCT s.table_id, s.column_id, c.column_name AS name, s.min_value AS low, s.max_value AS high FROM ${meta(source)} AS s
       JOIN ${meta('column')} AS c ON c.table_id = s.table_id AND c.column_id = s.column_id WHERE ${where}`,
      [lake.project],
    );
    for (const { table_id, column_id, name, low, high } of stats) {
      const table = byId.get(table_id);
      if (table === undefined) continue;
      const found = [low, high].filter(
        (value) => value !== null && statTells({ table, column: name, place }, value, keys, lake.project),
      );
      add(table, place, found.length, [column_id]);
    }
  }
  return hits;
}

/** A least or greatest value of one column can be that of a key of one column; of several, it tells of none by itself. */
function statTells(
  { table, column, place }: { table: OwnTable; column: string; place: CatalogHit['place'] },
  value: string,
  keys: readonly ForgottenKey[],
  features: string,
): boolean {
  if (table.schema === features)
    return keys.some((key) => key.length === 1 && key[0]?.name === column && key[0].texts.includes(value));
  if (!tellingColumns(table.name, new Map([[column, 'VARCHAR']])).has(column)) return false;
  // Of which column a range was observed, it does not tell: of files, the rows in them do.
  const isRange = table.name === 'expectation_results' && column === 'observed';
  if (isRange && place === 'statistics of the table')
    return keys.some(([part, ...more]) => part !== undefined && more.length === 0 && isEndOf(jsonText(value), part));
  return startHolds(value, keys);
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

/** Texts that are long enough not to stand anywhere by chance. */
const longEnough = 8;

/**
 * Looks for the keys in the bytes of the catalog's files, free pages and the log of changes included: as JSON writes them behind their
 * names, and by themselves where they are long enough to be no coincidence.
 */
export function lookAtBytes(files: readonly string[], keys: readonly ForgottenKey[]): { bytes: number; hits: number } {
  const wanted = keys
    .filter((key) => key.length === 1)
    .flat()
    .flatMap(({ name, texts }) =>
      texts.flatMap((text) => [
        ...[`"${name}":${text},`, `"${name}":${text}}`, `"${name}":"${text}"`, `"${name}": "${text}"`],
        ...(text.length >= longEnough ? [text] : []),
      ]),
    );
  let bytes = 0;
  let hits = 0;
  for (const file of files) {
    const content = readIfThere(file);
    bytes += content.length;
    for (const text of wanted) if (content.includes(text)) hits += 1;
  }
  return { bytes, hits };
}

function readIfThere(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}

/** `"schema"."table"` for messages. */
export const shownTable = ({ schema, table }: Pick<CatalogHit, 'schema' | 'table'>): string =>
  `${id(schema)}.${id(table)}`;
