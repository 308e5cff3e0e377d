import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import type pg from 'pg';
import { limits } from '../../config.js';
import type { PostgresSource } from '../../definitions/postgres-source.js';
import { id, lit, type Session, type StatementOptions } from '../../lake/index.js';
import { writeFileByCopy } from '../../lake/parquet-file.js';
import type { PostgresAddress } from '../../lake/postgres/postgres-url.js';
import { withScratchDatabase } from '../../lake/scratch-database.js';
import { hashes, piiKey } from '../../personal-data/index.js';
import type { IngestRequest, IngestResult } from '../ingest.js';
import { protectColumns } from '../personal-data.js';
import { sourceLabel } from '../source-label.js';
import { positionColumn, type SourceColumn } from '../source-reader.js';
import { attach, attached, connect, databaseOf, endSessions } from './connection.js';
import { type CursorFound, type CursorRange, cursorSql, rangeOf } from './cursor.js';
import { clientError, isNested, type PostgresPlace, readError } from './errors.js';
import { describeRelation, type PostgresColumn, relationSql } from './relation.js';

type PostgresRequest = IngestRequest<PostgresSource>;

/** One read of one source: what its parts need to know of it. */
interface Reading {
  readonly request: PostgresRequest;
  readonly database: PostgresAddress;
  /** Names the read's sessions in the database, so that they can be found and ended. */
  readonly applicationName: string;
  readonly place: PostgresPlace;
}

/**
 * Reads a table or query into a staging Parquet file, personal data already dropped, masked or hashed. DuckDB reads the rows in
 * one read-only transaction, as Postgres sends them: they never pass through JavaScript, and never lie whole in memory.
 * @throws DefinitionError for what the definition or the URL has wrong; DataError for columns and values that can't be read;
 * StoreUnavailableError when Postgres can't be reached or goes away. Nothing is left half-written.
 */
export async function ingestPostgres(request: PostgresRequest): Promise<IngestResult> {
  const { source, signal, env = process.env } = request;
  const applicationName = `asof:${source.name.slice(0, 40)}:${randomUUID().slice(0, 8)}`;
  const database = databaseOf(source, applicationName, env);
  if (hashes(source.pii)) piiKey(sourceLabel(source), env);
  const place: PostgresPlace = {
    where: `${sourceLabel(source)} (${database.shown})`,
    user: database.user,
    relation: source.table === undefined ? 'the query' : `table ${source.table}`,
    password: database.password,
  };
  const reading: Reading = { request, database, applicationName, place };
  signal?.throwIfAborted();
  const end = (): void => void endSessions(database).catch(() => undefined);
  signal?.addEventListener('abort', end, { once: true });
  try {
    const client = await connect(database).catch((error: unknown) => {
      throw clientError(error, place);
    });
    try {
      const columns = await look(client, reading);
      return await read(client, columns, reading);
    } finally {
      await client.end().catch(() => undefined);
    }
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error;
  } finally {
    signal?.removeEventListener('abort', end);
  }
}

/** Columns and types, before anything is read. */
async function look(client: pg.Client, { request, place }: Reading): Promise<PostgresColumn[]> {
  try {
    await client.query('BEGIN TRANSACTION READ ONLY');
    await client.query("SELECT set_config('statement_timeout', $1, true)", [String(limits.sourceLookMaxMs)]);
    const columns = await describeRelation(client, request.source, place.where);
    await client.query('COMMIT');
    return columns;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    const unknown = (error as { code?: string }).code === '42P01';
    throw clientError(error, unknown ? { ...place, tables: await tablesOf(client) } : place);
  }
}

async function tablesOf(client: pg.Client): Promise<string[]> {
  const found = await client
    .query<{ name: string }>(
      `SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
       UNION ALL SELECT schemaname || '.' || viewname FROM pg_views WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
       ORDER BY 1 LIMIT 500`,
    )
    .catch(() => undefined);
  return found?.rows.map(({ name }) => name) ?? [];
}

/** The rows, in one snapshot of the database with the cursor's mark. */
async function read(client: pg.Client, columns: readonly PostgresColumn[], reading: Reading): Promise<IngestResult> {
  const { request, database, place } = reading;
  const { source, signal, file } = request;
  const options: StatementOptions = { signal };
  const cursor = cursorSql(source, columns, { last: request.after, database: database.shown }, place.where);
  const told = tellProgress(client, reading);
  try {
    return await withScratchDatabase({ extensions: ['postgres_scanner'] }, async (session) => {
      await attach(session, database);
      try {
        await session.run('BEGIN TRANSACTION');
        const { version, at } = await settle(session, source.timeoutMs, options);
        const found = cursor && (await ask<CursorFound>(session, cursor.look, options));
        const range = cursor && found && rangeOf(cursor, found);
        const staged = await stage(session, columns, range && cursor?.where(range), reading);
        await session.run('COMMIT');
        told.stop();
        return resultOf(reading, columns, { ...staged, version, at, range, found });
      } catch (error) {
        // Left to the end of the session, the rollback of a lost connection throws where DuckDB can't catch it: the process dies.
        await session.run('ROLLBACK').catch(() => undefined);
        throw error;
      } finally {
        await session.run(`DETACH ${attached}`).catch(() => undefined);
      }
    });
  } catch (error) {
    rmSync(file, { force: true });
    if (signal?.aborted === true) throw signal.reason;
    const nested = isNested(error) ? await nestedColumn(client, source, columns) : undefined;
    throw readError(error, { ...place, nested }, source.timeoutMs);
  } finally {
    told.stop();
  }
}

/** Which column holds an array of arrays; found out only once one was met. */
async function nestedColumn(
  client: pg.Client,
  source: PostgresSource,
  columns: readonly PostgresColumn[],
): Promise<string | undefined> {
  for (const { name, type } of columns) {
    if (!type.isArray) continue;
    const found = await client
      .query(`SELECT 1 FROM ${relationSql(source)} AS q WHERE array_ndims(q.${id(name)}) > 1 LIMIT 1`)
      .catch(() => undefined);
    if (found?.rowCount === 1) return name;
  }
  return undefined;
}

/** Settings of the transaction: by a statement, because poolers refuse them in a connection string. */
async function settle(
  session: Session,
  timeoutMs: number,
  options: StatementOptions,
): Promise<{ version: string; at: string }> {
  const settings = {
    TimeZone: 'UTC',
    DateStyle: 'ISO',
    ...(timeoutMs > 0 ? { statement_timeout: String(timeoutMs) } : {}),
  };
  const set = Object.entries(settings).map(([name, value]) => `set_config('${name}', '${value}', true) AS ${id(name)}`);
  await ask(session, `SELECT ${set.join(', ')}`, options);
  const at = `to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
  return ask(session, `SELECT current_setting('server_version') AS version, ${at} AS at`, options);
}

/** The one row of a query that Postgres answers. */
async function ask<T>(session: Session, sql: string, options: StatementOptions): Promise<T> {
  return (await session.one<T>(`FROM postgres_query(${lit(attached)}, ${lit(sql)})`, [], options)) as T;
}

async function stage(
  session: Session,
  columns: readonly PostgresColumn[],
  condition: string | undefined,
  { request, place }: Reading,
): Promise<{ rows: number; columns: SourceColumn[] }> {
  const { source, file, signal, env = process.env } = request;
  // A column that is to be dropped is not even asked for.
  const kept = columns.filter(({ name }) => source.pii?.[name] !== 'drop' && name.toLowerCase() !== positionColumn);
  const list = kept.map(({ name, sql }) => `${sql} AS ${id(name)}`).join(', ');
  const sql = `SELECT ${list} FROM ${relationSql(source)} AS q${condition === undefined ? '' : ` WHERE ${condition}`}`;
  const from = `postgres_query(${lit(attached)}, ${lit(sql)})`;
  const described = await session.all<{ column_name: string; column_type: string }>(`DESCRIBE FROM ${from}`, [], {
    signal,
  });
  const typed = columns.map((column): SourceColumn => {
    const type = described.find((each) => each.column_name === column.name)?.column_type ?? 'VARCHAR';
    return { name: column.name, type, sourceType: column.type.shown, ...(column.digits ? { digits: true } : {}) };
  });
  const protect = await protectColumns(session, source, typed, place.where, env);
  const selected = protect.map((column) => `${column.sql} AS ${id(column.name)}`);
  request.onProgress?.({ step: 'read', doneRows: 0 });
  // A group of rows waits in memory until it is written: bounded by bytes too, because a row may hold megabytes.
  const { rows } = await writeFileByCopy(
    session,
    `SELECT ${[...selected, `row_number() OVER () AS ${positionColumn}`].join(', ')} FROM ${from}`,
    [],
    file,
    `FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE_BYTES ${limits.sourceRowGroupBytesMax}`,
    { signal },
  );
  request.onProgress?.({ step: 'read', doneRows: rows });
  return {
    rows,
    columns: protect.map(({ name, type }) => {
      const { sourceType, digits } = typed.find((column) => column.name === name) ?? {};
      return {
        name,
        type,
        ...(sourceType === undefined ? {} : { sourceType }),
        ...(digits === undefined ? {} : { digits }),
      };
    }),
  };
}

interface Read {
  readonly rows: number;
  readonly columns: readonly SourceColumn[];
  readonly version: string;
  readonly at: string;
  readonly range: CursorRange | undefined;
  readonly found: CursorFound | undefined;
}

function resultOf(
  { request: { source }, database }: Reading,
  columns: readonly PostgresColumn[],
  done: Read,
): IngestResult {
  const { rows, version, at, range, found } = done;
  const notes = [...zoneNotes(source, columns), ...cursorNotes(range, found)];
  return {
    rows,
    columns: done.columns,
    notes,
    provenance: {
      source: source.name,
      database: database.shown,
      ...(source.table === undefined ? { query: source.query ?? '' } : { table: source.table }),
      server: `PostgreSQL ${version}`,
      readAt: at,
      ...(range === undefined ? {} : { cursor: range, unread: Number(found?.unread ?? 0) }),
      rows,
      schema: columns.map(({ name, type }) => ({ name, type: type.shown })),
      ...(source.owner === undefined ? {} : { owner: source.owner }),
    },
  };
}

function zoneNotes(
  { timestampField, createdTimestampField }: PostgresSource,
  columns: readonly PostgresColumn[],
): string[] {
  return columns
    .filter(({ name, zoneless }) => zoneless && (name === timestampField || name === createdTimestampField))
    .map(({ name, type }) => `Column ${name} is ${type.shown}: its times are taken as UTC.`);
}

function cursorNotes(range: CursorRange | undefined, found: CursorFound | undefined): string[] {
  if (range === undefined || found === undefined) return [];
  const { column, after } = range;
  return [
    ...(found.unread > 0n
      ? [`${found.unread} rows have no value in the cursor ${column} (null, infinite or NaN) and were not read.`]
      : []),
    ...(found.behind === true
      ? [
          `The largest ${column} is ${found.mark}, smaller than ${after}, where the last run ended. If the table was filled anew, run the pipeline with {"full": true}.`,
        ]
      : []),
  ];
}

/** Asks Postgres from time to time how many rows it has sent (version 14 and later; older ones are not asked again). */
function tellProgress(client: pg.Client, { request, applicationName }: Reading): { stop(): void } {
  let stopped = false;
  const stop = (): void => {
    stopped = true;
    clearInterval(timer);
  };
  const timer = setInterval(() => {
    client
      .query<{ rows: string }>(
        `SELECT p.tuples_processed AS rows FROM pg_stat_progress_copy AS p JOIN pg_stat_activity AS a USING (pid)
         WHERE a.application_name = $1`,
        [applicationName],
      )
      .then(({ rows: [found] }) => {
        if (found !== undefined && !stopped) request.onProgress?.({ step: 'read', doneRows: Number(found.rows) });
      })
      .catch(stop);
  }, limits.sourceProgressEveryMs);
  return { stop };
}
