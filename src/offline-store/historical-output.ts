import { randomUUID } from 'node:crypto';
import { existsSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { DataError, DefinitionError, StoreUnavailableError } from '../errors.js';
import { columnReader } from '../lake/chunk-values.js';
import { catalog, id, type Lake, lit, type Session, tableExists } from '../lake/index.js';
import { isTooOld, writeFileByCopy } from '../lake/parquet-file.js';
import { itemsOf, sqlType, type ValueType } from '../types.js';
import { insertTrainingSet, type NewTrainingSet } from './training-sets.js';

/** Where the answer goes. */
export type HistoricalOutput =
  /** Objects in memory: times as Dates, whole numbers as numbers (bigint for features of that mode). */
  | { readonly type: 'rows' }
  /** A file ending in .parquet or .csv; replaced as a whole if it is there. */
  | { readonly type: 'file'; readonly path: string }
  /** A new table in the project's schema of the lake. */
  | { readonly type: 'table'; readonly table: string };

/** A row of the answer: the entity row's own columns, then the features. */
export type HistoricalRow = Record<string, unknown>;

/** An own column of the entity rows (SQL type as found), or a feature. */
export type OutputColumn =
  | { readonly name: string; readonly sqlType: string }
  | { readonly name: string; readonly type: ValueType };

export interface OutputRequest {
  readonly lake: Lake;
  /** Holds the temporary tables `sql` reads. */
  readonly session: Session;
  readonly sql: string;
  readonly columns: readonly OutputColumn[];
  /** Entity rows given as objects: handed back with their own values instead of copies that went through the database. */
  readonly given: readonly Readonly<Record<string, unknown>>[] | undefined;
  readonly output: HistoricalOutput;
  /** Noted with a table, in its own transaction. */
  readonly recorded: Pick<NewTrainingSet, 'snapshot' | 'features' | 'keepMs'>;
  readonly signal?: AbortSignal | undefined;
}

export type Written = {
  readonly rowCount: number;
  readonly rows?: HistoricalRow[];
  readonly file?: string;
  readonly table?: string;
};

const fileFormats: Readonly<Record<string, string>> = {
  '.parquet': 'FORMAT parquet, COMPRESSION zstd',
  '.csv': 'FORMAT csv, HEADER true',
};

/** Finds before any work is done what can't be written. @throws DefinitionError naming the mend. */
export async function checkOutput(lake: Lake, output: HistoricalOutput): Promise<void> {
  if (output.type === 'file') {
    const ending = path.extname(output.path).toLowerCase();
    const where = `output ${output.path}`;
    if (fileFormats[ending] === undefined) {
      throw new DefinitionError(`files ending in "${ending}" are not written`, {
        where,
        mend: `use ${Object.keys(fileFormats).join(' or ')}`,
      });
    }
    const folder = path.dirname(output.path);
    if (!existsSync(folder))
      throw new DefinitionError(`there is no folder ${folder}`, { where, mend: `create it: mkdir -p ${folder}` });
    if (existsSync(output.path) && statSync(output.path).isDirectory()) {
      throw new DefinitionError('there is a folder of that name', { where, mend: 'choose another name' });
    }
  }
  if (output.type === 'table') await checkTableFree(lake, output.table);
}

async function checkTableFree(lake: Lake, table: string): Promise<void> {
  const where = `output table ${JSON.stringify(table)}`;
  if (!/^[A-Za-z][A-Za-z0-9_]{0,62}$/.test(table) || table.includes('__')) {
    throw new DefinitionError('is not a usable name', {
      where,
      mend: 'use letters, digits and single underscores, starting with a letter',
    });
  }
  if (await tableExists(lake, lake.project, table)) {
    throw new DefinitionError('the project has a table or feature view of that name', {
      where,
      mend: `choose another, e.g. training_${table}`,
    });
  }
}

/** Runs the statement and brings its rows where they are wanted; a file or table is there whole or not at all. */
export async function writeOutput(request: OutputRequest): Promise<Written> {
  const { session, output, signal } = request;
  switch (output.type) {
    case 'rows': {
      const rows = await readRows(request);
      return { rows, rowCount: rows.length };
    }
    case 'file': {
      const format = fileFormats[path.extname(output.path).toLowerCase()] as string;
      const { rows } = await writeFileByCopy(session, storableSql(request), [], output.path, format, { signal });
      return { file: output.path, rowCount: rows };
    }
    case 'table':
      return { table: output.table, rowCount: await writeTable(request, output.table) };
  }
}

/** The heavy part comes first, outside any transaction: a Parquet file that the transaction only registers. */
async function writeTable(request: OutputRequest, table: string): Promise<number> {
  const { lake, session, recorded, signal } = request;
  const file = path.resolve(lake.dataDirectory(table), `${randomUUID()}.parquet`);
  let registered = false;
  try {
    const { rows } = await writeFileByCopy(session, storableSql(request), [], file, fileFormats['.parquet'] as string, {
      signal,
    });
    const columns = await session.all<{ column_name: string; column_type: string }>(
      `DESCRIBE FROM read_parquet(${lit(file)})`,
    );
    const definitions = columns.map((column) => `${id(column.column_name)} ${column.column_type}`).join(', ');
    const writtenAt = Date.now();
    await lake.transaction({ message: `training set ${table}`, signal }, async (writer) => {
      if (isTooOld(writtenAt)) {
        throw new StoreUnavailableError(`table ${table}: its file could not be registered in time`, {
          mend: 'nothing was written; ask again when the lake answers faster',
        });
      }
      await insertTrainingSet(writer, lake, { ...recorded, name: table, place: `table ${table}`, rows });
      await writer.run(`CREATE TABLE ${lake.table(table)} (${definitions})`);
      if (rows === 0) return;
      await writer.run(
        `CALL ducklake_add_data_files(${lit(catalog)}, ${lit(table)}, ${lit(file)}, schema => ${lit(lake.project)})`,
      );
    });
    registered = rows > 0;
    return rows;
  } catch (error) {
    // Another request took the name in the meantime.
    await checkTableFree(lake, table);
    throw error;
  } finally {
    if (!registered) rmSync(file, { force: true });
  }
}

/** Types a Parquet file can't hold exactly, as ones it can. */
function storableSql({ sql, columns }: OutputRequest): string {
  const replaced = columns.flatMap((column) => {
    if (!('sqlType' in column)) return [];
    if (/^U?HUGEINT$/.test(column.sqlType)) return [`${id(column.name)}::DECIMAL(38, 0) AS ${id(column.name)}`];
    if (/^(ENUM|BIT|BIGNUM|UNION|VARIANT|"NULL")/.test(column.sqlType))
      return [`${id(column.name)}::VARCHAR AS ${id(column.name)}`];
    return [];
  });
  return replaced.length === 0 ? sql : `SELECT * REPLACE (${replaced.join(', ')}) FROM (${sql})`;
}

async function readRows({ session, sql, columns, given, signal }: OutputRequest): Promise<HistoricalRow[]> {
  const readers = columns.map((column) =>
    'type' in column ? featureReader(column.name, column.type) : ownReader(column.sqlType),
  );
  const selected = columns.map((column, index) => `${readers[index]?.sql(id(column.name))} AS ${id(column.name)}`);
  const rows: HistoricalRow[] = [];
  for await (const chunk of session.chunks(`SELECT ${selected.join(', ')} FROM (${sql})`, [], { signal })) {
    const first = rows.length;
    for (let row = 0; row < chunk.rowCount; row += 1) rows.push({ ...given?.[first + row] });
    for (const [index, column] of columns.entries()) {
      // The given rows keep their own keys and times, which were loaded in other types.
      if (given !== undefined && 'sqlType' in column) continue;
      const { read, convert } = readers[index] as CellReader;
      const values = read(chunk, index);
      for (let row = 0; row < values.length; row += 1) {
        const value = values[row];
        (rows[first + row] as HistoricalRow)[column.name] = value == null ? null : convert(value);
      }
    }
  }
  return rows;
}

interface CellReader {
  /** The column as SQL, cast to what is read. */
  readonly sql: (column: string) => string;
  readonly read: ReturnType<typeof columnReader>;
  readonly convert: (value: unknown) => unknown;
}

const asIs = (value: unknown): unknown => value;
/** Microseconds to the millisecond they lie in, also before 1970. */
const toDate = (value: unknown): unknown =>
  typeof value === 'bigint' ? new Date(Number((value - (((value % 1_000n) + 1_000n) % 1_000n)) / 1_000n)) : value;

function featureReader(name: string, type: ValueType): CellReader {
  return { sql: (column) => column, read: columnReader(type), convert: featureConverter(name, type) };
}

function featureConverter(name: string, type: ValueType): (value: unknown) => unknown {
  switch (type.kind) {
    case 'timestamp':
      return toDate;
    case 'int64':
      if (type.mode === 'bigint') return (value) => BigInt(value as number | bigint);
      return (value) => {
        if (typeof value === 'number') return value;
        throw new DataError(`${value} is no safe integer in JavaScript`, {
          where: `feature ${name}`,
          mend: "declare the feature int64({ mode: 'bigint' }), or write the answer to a file",
        });
      };
    case 'list': {
      const item = featureConverter(name, itemsOf(type));
      return (value) => (value as unknown[]).map((v) => (v === null ? null : item(v)));
    }
    default:
      return asIs;
  }
}

/** Own columns have any type of SQL: the simple ones come as they are, times as Dates, anything else by way of JSON. */
function ownReader(found: string): CellReader {
  const plain = (kind: ValueType['kind'], convert: CellReader['convert'] = asIs): CellReader => {
    return { sql: (column) => column, read: columnReader({ kind }), convert };
  };
  const cast = (kind: ValueType['kind'], convert: CellReader['convert'] = asIs): CellReader => {
    return { ...plain(kind, convert), sql: (column) => `CAST(${column} AS ${sqlType({ kind })})` };
  };
  if (/^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER)$/.test(found)) return plain('int64');
  if (/^(FLOAT|DOUBLE|BOOLEAN|VARCHAR)$/.test(found)) return plain('float64');
  if (found === 'BLOB') return plain('bytes');
  if (/^DECIMAL\([^)]*\)$/.test(found)) return cast('float64');
  if (/^(TIMESTAMP[^[]*|DATE)$/.test(found)) return cast('timestamp', toDate);
  if (/^(ENUM\(.*\)|UUID|TIME.*|INTERVAL|BIT|"NULL")$/.test(found)) return cast('string');
  return {
    ...plain('string', (value) => JSON.parse(String(value)) as unknown),
    sql: (column) => `to_json(${column})::VARCHAR`,
  };
}
