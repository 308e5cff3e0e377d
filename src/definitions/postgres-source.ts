import { DefinitionError } from '../errors.js';
import { type BatchSourceFields, batchSourceFields, checkBatchSource } from './batch-source.js';
import {
  checkFields,
  checkMeta,
  checkName,
  type Definition,
  define,
  label,
  type Meta,
  metaFields,
} from './definition.js';
import { type Duration, parseDuration } from './duration.js';
import type { PiiRule } from './pii-rules.js';
import { checkSelect } from './select-statement.js';
import { checkSetting, type Setting } from './setting.js';

/** A table, view or query of a PostgreSQL database that a pipeline ingests. */
export interface PostgresSource extends Definition<'postgres_source'>, BatchSourceFields {
  /** `postgres://user:password@host:5432/database`; read from the environment when rows are. */
  readonly connection: Setting;
  /** `schema.table`, or a query: one of both. */
  readonly table?: string;
  readonly query?: string;
  /** The column by which runs read only what is new. */
  readonly cursor?: string;
  /** How far behind the last cursor value the next run starts: milliseconds for times, a difference for numbers. */
  readonly cursorLag?: { readonly ms: number } | { readonly difference: number };
  /** A read that takes longer is ended; 0 = the server's own `statement_timeout` holds. */
  readonly timeoutMs: number;
}

const fields = [...metaFields, ...batchSourceFields, 'connection', 'table', 'query', 'cursor', 'cursorLag', 'timeout'];

/**
 * @param def.table `'public.driver_stats'`; without a schema it is found by the user's search_path. Names as Postgres keeps them,
 * in lower case unless they were made with quotes.
 * @param def.query one SELECT or WITH statement, read inside a read-only transaction.
 * @param def.connection `env('ASOF_SOURCE_URL')`: `postgres://user:password@host:5432/database?sslmode=…`. A password never stands
 * in a definition.
 * @param def.cursor a column that only grows (an id, an updated_at): after the first run only rows from its last value on are read.
 * Rows without a value in it are not read.
 * @param def.cursorLag `'10 minutes'`, or a difference for a cursor of numbers. A transaction may take its timestamp or id, and
 * commit after a later one that was read already; its rows would never be seen. Reading again what is a little older finds them,
 * rows that are there already are not written again. As long as your longest writing transaction.
 * @param def.timeout e.g. `'30 minutes'`, after which Postgres ends the statement.
 */
export function postgresSource(
  def: {
    name: string;
    connection: Setting;
    table?: string;
    query?: string;
    timestampField: string;
    createdTimestampField?: string;
    cursor?: string;
    cursorLag?: Duration | number;
    timeout?: Duration;
    pii?: Record<string, PiiRule>;
  } & Meta,
): PostgresSource {
  checkName('postgresSource', def.name);
  const where = label('postgresSource', def.name);
  checkFields(where, def, fields);
  checkMeta(where, def);
  checkRelation(where, def);
  checkConnection(where, def.connection);
  checkBatchSource(where, def);
  const { cursorLag, timeout, ...rest } = def;
  if (def.cursor !== undefined && (typeof def.cursor !== 'string' || def.cursor === '')) {
    throw new DefinitionError('cursor is no column name', { where, mend: "write cursor: 'updated_at'" });
  }
  if (def.cursor === undefined && cursorLag !== undefined) {
    throw new DefinitionError('cursorLag is given without a cursor', { where, mend: "add cursor: 'updated_at'" });
  }
  return define({
    kind: 'postgres_source',
    ...rest,
    ...(cursorLag === undefined ? {} : { cursorLag: lagOf(where, cursorLag) }),
    timeoutMs: timeout === undefined ? 0 : parseDuration(where, 'timeout', timeout),
  });
}

function lagOf(where: string, lag: Duration | number): { ms: number } | { difference: number } {
  if (typeof lag !== 'number') return { ms: parseDuration(where, 'cursorLag', lag) };
  if (Number.isSafeInteger(lag) && lag >= 0) return { difference: lag };
  throw new DefinitionError(`cursorLag ${lag} is no whole number >= 0`, {
    where,
    mend: "write cursorLag: '10 minutes' for times, or how much smaller a number may be: cursorLag: 1000",
  });
}

function checkRelation(where: string, { table, query }: { table?: unknown; query?: unknown }): void {
  if ((table === undefined) === (query === undefined)) {
    throw new DefinitionError(`${table === undefined ? 'table is missing' : 'table and query are both given'}`, {
      where,
      mend: "write table: 'public.my_table', or query: 'SELECT …'",
    });
  }
  if (query !== undefined) {
    checkSelect(where, 'query', query);
    return;
  }
  const parts = typeof table === 'string' ? table.split('.') : [];
  if (parts.length > 2 || parts.length === 0 || parts.some((part) => part.trim() === '' || /["\0]/.test(part))) {
    throw new DefinitionError(`table ${JSON.stringify(table)} is not a table's name`, {
      where,
      mend: "write table: 'schema.table' without quotes; a name with a dot or quotes can be read by a query",
    });
  }
}

function checkConnection(where: string, connection: Setting): void {
  checkSetting(where, 'connection', connection, 'url');
  const written = typeof connection === 'string' ? connection : connection.fallback;
  if (written === undefined) return;
  checkSetting(where, 'connection', written, 'url');
  if (!/^postgres(ql)?:\/\//.test(written)) {
    throw new DefinitionError('connection is no Postgres URL', {
      where,
      mend: "write connection: env('ASOF_SOURCE_URL'), with postgres://user:password@host:5432/database in it",
    });
  }
  if (/[?&](ssl)?password=/i.test(written)) {
    // The value is not shown: it is a secret.
    throw new DefinitionError('connection holds a password in the definitions', {
      where,
      mend: "keep it in the environment: connection: env('ASOF_SOURCE_URL')",
    });
  }
}
