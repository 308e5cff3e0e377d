import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import { AsofError, DataError, DefinitionError, StoreUnavailableError } from '../errors.js';
import { firstLine, id, ids, type Lake, lit, type Session } from '../lake/index.js';
import type { EntityInput, EntityRequest, EntitySource } from './entity-input.js';
import { objectSource } from './entity-objects.js';
import { checkSelect } from './entity-sql.js';

export async function openEntitySource(
  session: Session,
  lake: Lake,
  input: EntityInput,
  request: EntityRequest,
): Promise<EntitySource> {
  switch (input.type) {
    case 'rows':
      return objectSource(session, input.rows, request);
    case 'file':
      return fileSource(session, input.path, request.signal);
    case 'sql':
      return sqlSource(session, lake, input.sql, request.signal);
  }
}

const readCsv = (file: string, text: string): string =>
  `read_csv(${lit(file)}, delim = ${lit(delimiterOf(file))}, header = true, skip = 0, quote = '"', escape = '"', sample_size = -1${text})`;
const readLines = (file: string): string => `read_json(${lit(file)}, format = 'newline_delimited', sample_size = -1)`;

const readers: Readonly<Record<string, (file: string, text: string) => string>> = {
  '.parquet': (file) => `read_parquet(${lit(file)})`,
  '.csv': readCsv,
  '.tsv': readCsv,
  '.ndjson': readLines,
  '.jsonl': readLines,
};

const readingMends: Readonly<Record<string, string>> = {
  '.parquet': 'the file is truncated or no Parquet; write it again',
  '.csv': 'each line must have as many values as the header, in double quotes where they hold the delimiter',
};

/** The delimiter that is most frequent in the header. Left to guess, DuckDB skips the good lines of a file that has a bad one. */
function delimiterOf(file: string): string {
  const buffer = Buffer.alloc(65_536);
  const handle = openSync(file, 'r');
  const length = readSync(handle, buffer);
  closeSync(handle);
  const header = (buffer.toString('utf8', 0, length).split(/[\r\n]/)[0] ?? '').replaceAll(/"[^"]*"/g, '');
  const count = (delimiter: string) => header.split(delimiter).length;
  return [',', '\t', ';', '|'].reduce((best, next) => (count(next) > count(best) ? next : best));
}

async function fileSource(session: Session, file: string, signal: AbortSignal | undefined): Promise<EntitySource> {
  const name = `entity file ${file}`;
  const ending = path.extname(file).toLowerCase();
  const reader = readers[ending];
  if (reader === undefined) {
    throw new DataError(`files ending in "${ending}" are not read`, {
      where: name,
      mend: `give one of ${Object.keys(readers).join(', ')}`,
    });
  }
  if (!existsSync(file))
    throw new DataError('there is no such file', {
      where: name,
      mend: 'check the path; a relative one starts at the current folder',
    });
  const { size } = statSync(file);
  if (size === 0)
    throw new DataError('the file is empty', { where: name, mend: 'write it again, with a header line if it is CSV' });
  const reading = <T>(work: () => Promise<T>): Promise<T> =>
    Promise.resolve()
      .then(work)
      .catch((error: unknown) => {
        throw translated(error, signal, (message) => {
          const mend = readingMends[ending === '.tsv' ? '.csv' : ending] ?? 'each line must be one JSON object';
          return new DataError(`the file can't be read: ${message}`, { where: name, mend, cause: error });
        });
      });
  const columns = await reading(() => columnTypes(session, `FROM ${reader(file, '')}`));
  return {
    name,
    columns,
    load: (table, position, wanted, strict) => {
      const text = strict.map((column) => `${lit(column)}: 'VARCHAR'`).join(', ');
      return reading(() => createTable(session, table, position, wanted, reader(file, `, types = {${text}}`), signal));
    },
  };
}

async function sqlSource(
  session: Session,
  lake: Lake,
  sql: string,
  signal: AbortSignal | undefined,
): Promise<EntitySource> {
  const name = 'entity SQL';
  const select = await checkSelect(session, sql, name);
  const running = async <T>(work: () => Promise<T>): Promise<T> => {
    await session.run(`USE ${lake.table('x').split('.').slice(0, 2).join('.')}`);
    await session.run('BEGIN TRANSACTION READ ONLY');
    try {
      const result = await work();
      await session.run('COMMIT');
      return result;
    } catch (error) {
      await session.run('ROLLBACK').catch(() => undefined);
      throw translated(error, signal, (message) => {
        return new DefinitionError(`the query fails: ${message}`, {
          where: name,
          mend: 'mend the query; tables of the project go by their view names',
          cause: error,
        });
      });
    } finally {
      await session.run('USE memory');
    }
  };
  return {
    name,
    columns: await running(() => columnTypes(session, select)),
    load: (table, position, wanted) =>
      running(() => createTable(session, table, position, wanted, `(${select}\n)`, signal)),
  };
}

/** The order of the source is kept: DuckDB numbers rows as they come, and they come in order. */
async function createTable(
  session: Session,
  table: string,
  position: string,
  wanted: readonly string[],
  from: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await session.run(
    `CREATE OR REPLACE TEMP TABLE ${table} AS SELECT row_number() OVER () AS ${id(position)}, ${ids(wanted)} FROM ${from}`,
    [],
    { signal },
  );
}

/** Column → SQL type of a query's result. */
export async function columnTypes(session: Session, query: string): Promise<Record<string, string>> {
  const rows = await session.all<{ column_name: string; column_type: string }>(`DESCRIBE ${query}`);
  return Object.fromEntries(rows.map((row) => [row.column_name, row.column_type]));
}

/** What the reader of the message can do differs: an aborted statement stays as it is, a machine at its end is tried again. */
function translated(
  error: unknown,
  signal: AbortSignal | undefined,
  otherwise: (message: string) => AsofError,
): unknown {
  if (signal?.aborted === true || error instanceof AsofError) return error;
  const message = firstLine(error);
  if (!/^Out of Memory|No space left|Disk quota/i.test(message)) return otherwise(message);
  return new StoreUnavailableError(message, {
    mend: 'free memory or disk space, or give DuckDB more with ASOF_DUCKDB_MEMORY',
    cause: error,
  });
}
