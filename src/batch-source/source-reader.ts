import type { FileSource } from '../definitions/sources.js';
import { DataError } from '../errors.js';
import { id, lit, type Session, type StatementOptions } from '../lake/index.js';
import { readCsvHeader } from './csv-header.js';
import { readerError } from './reader-errors.js';
import type { SourceFile } from './source-file.js';

/** The column that says where in its source a row stood: 1 for the first row, the same on every run. */
export const positionColumn = '_ingest_position';

export interface SourceColumn {
  readonly name: string;
  /** DuckDB's type. CSV has no types: all its columns are VARCHAR until the clean step casts them to what the view declares. */
  readonly type: string;
  /** The type it has in its database, e.g. `numeric(10,2)`. */
  readonly sourceType?: string;
  /** Numbers kept as text, to their last digit: the view's type decides what they become. */
  readonly digits?: boolean;
}

/** How a file is read: a FROM clause whose rows carry all columns and the position. */
export interface SourceReader {
  readonly columns: readonly SourceColumn[];
  /** A relation in parentheses. */
  readonly relation: string;
}

/**
 * Looks at a file and says how to read it losslessly: CSV as text, NDJSON with its numbers, booleans and lists but with every string
 * as it stands (what looks like a date or a UUID is not rewritten), Parquet as it is.
 * @throws DataError when the file is not what the source says.
 */
export async function openSourceReader(
  session: Session,
  source: FileSource,
  file: SourceFile,
  options: StatementOptions,
): Promise<SourceReader> {
  try {
    switch (source.format) {
      case 'parquet':
        return await parquetReader(session, file, options);
      case 'ndjson':
        return await ndjsonReader(session, file, options);
      default:
        return csvReader(file);
    }
  } catch (error) {
    throw await readerError(error, source.format, file, options.signal);
  }
}

async function parquetReader(session: Session, file: SourceFile, options: StatementOptions): Promise<SourceReader> {
  const from = `read_parquet(${lit(file.path)}`;
  const columns = await describe(session, `${from})`, options);
  return {
    columns,
    relation: `(SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS ${positionColumn} FROM
      (SELECT ${selectList(columns)}, file_row_number FROM ${from}, file_row_number => true)))`,
  };
}

function csvReader(file: SourceFile): SourceReader {
  const header = readCsvHeader(file);
  const columns = header.columns.map((name) => ({ name, type: 'VARCHAR' }));
  const types = columns.map(({ name }) => `${lit(name)}: 'VARCHAR'`).join(', ');
  const from = `read_csv(${lit(file.path)}, auto_detect => false, header => true, delim => ${lit(header.delimiter)}, quote => '"',
    escape => '"', nullstr => '', allow_quoted_nulls => false, strict_mode => true, columns => {${types}})`;
  return { columns: withoutPosition(columns), relation: numbered(columns, from) };
}

async function ndjsonReader(session: Session, file: SourceFile, options: StatementOptions): Promise<SourceReader> {
  const read = `read_json(${lit(file.path)}, format => 'newline_delimited', records => 'true'`;
  const found = await describe(session, `${read}, sample_size => -1)`, options);
  await refuseTwinFields(session, file, found, options);
  const columns = found.map(({ name, type }) => ({ name, type: plainJsonType(type) }));
  const types = columns.map(({ name, type }) => `${lit(name)}: ${lit(type)}`).join(', ');
  return { columns, relation: numbered(columns, `${read}, columns => {${types}})`) };
}

/** Rows leave a file in its order (DuckDB keeps it, and numbers them as they come), so the position is the same on every run. */
const numbered = (columns: readonly SourceColumn[], from: string): string =>
  `(SELECT ${selectList(withoutPosition(columns))}, row_number() OVER () AS ${positionColumn} FROM ${from})`;

const selectList = (columns: readonly SourceColumn[]): string => columns.map(({ name }) => id(name)).join(', ');

/** A file that asof itself wrote may hold a position already; it is of another file. */
const withoutPosition = <T extends SourceColumn>(columns: readonly T[]): T[] =>
  columns.filter(({ name }) => name.toLowerCase() !== positionColumn);

async function describe(session: Session, from: string, options: StatementOptions): Promise<SourceColumn[]> {
  const rows = await session.all<{ column_name: string; column_type: string }>(
    `DESCRIBE SELECT * FROM ${from}`,
    [],
    options,
  );
  return withoutPosition(rows.map((row) => ({ name: row.column_name, type: row.column_type })));
}

/** Columns and types of a Parquet file that an earlier step wrote, with what that step told of them. */
export async function parquetColumns(
  session: Session,
  file: string,
  options: StatementOptions,
  told: readonly SourceColumn[] = [],
): Promise<SourceColumn[]> {
  const columns = await describe(session, `read_parquet(${lit(file)})`, options);
  return columns.map((column) => ({ ...told.find(({ name }) => name === column.name), ...column }));
}

/** Numbers, booleans and lists of them keep their type; all else is read as the text it is. */
function plainJsonType(type: string): string {
  const [, scalar, lists] = /^([A-Z ]+?)((?:\[\])*)$/.exec(type) ?? [];
  if (scalar === undefined) return 'VARCHAR';
  return `${['BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE', 'BOOLEAN'].includes(scalar) ? scalar : 'VARCHAR'}${lists}`;
}

/** DuckDB renames the second of two fields that differ in case only (`A` becomes `A_1`), and would then find nothing under that name. */
async function refuseTwinFields(
  session: Session,
  file: SourceFile,
  columns: readonly SourceColumn[],
  options: StatementOptions,
): Promise<void> {
  const lower = new Set(columns.map(({ name }) => name.toLowerCase()));
  for (const { name } of columns) {
    const [, first] = /^(.+)_\d+$/.exec(name) ?? [];
    if (first === undefined || !lower.has(first.toLowerCase())) continue;
    const real = await session.one(
      `SELECT 1 FROM read_json_objects(${lit(file.path)}, format => 'newline_delimited')
       WHERE list_contains(json_keys(json), ${lit(name)}) LIMIT 1`,
      [],
      options,
    );
    if (real !== undefined) continue;
    throw new DataError(`two fields differ from "${first}" in upper and lower case only`, {
      where: file.shown,
      mend: 'write one spelling in all lines',
    });
  }
}
