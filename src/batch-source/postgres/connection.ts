import type pg from 'pg';
import { limits } from '../../config.js';
import type { PostgresSource } from '../../definitions/postgres-source.js';
import { readSetting } from '../../definitions/setting.js';
import { DefinitionError } from '../../errors.js';
import { lit, type Session } from '../../lake/index.js';
import { connectPostgres } from '../../lake/postgres/postgres-client.js';
import { type PostgresAddress, parsePostgresUrl } from '../../lake/postgres/postgres-url.js';
import { sourceLabel } from '../source-label.js';

/** The name under which the database is attached to a scratch DuckDB. */
export const attached = 'source';

/**
 * The database of a source, its URL read from the environment.
 * @param applicationName names its sessions there, so that they can be found and ended.
 * @throws DefinitionError when the variable is not set or holds no Postgres URL; the URL itself is not shown, it holds a password.
 */
export function databaseOf(source: PostgresSource, applicationName: string, env: NodeJS.ProcessEnv): PostgresAddress {
  const { connection } = source;
  const where = sourceLabel(source);
  const holder = `${where}, ${typeof connection === 'string' ? 'connection' : connection.env}`;
  const address = parsePostgresUrl(readSetting(where, 'connection', connection, env), holder);
  if (address.schema !== 'public') {
    throw new DefinitionError('has the parameter "schema", which only a catalog has', {
      where: holder,
      mend: "name the schema with the table: table: 'my_schema.my_table'",
    });
  }
  return { ...address, parameters: { ...address.parameters, application_name: applicationName } };
}

/** A connection by `pg`, for small questions. The caller ends it. */
export const connect = (database: PostgresAddress): Promise<pg.Client> =>
  connectPostgres(database, database.connectTimeoutMs ?? limits.sourceConnectMaxMs, limits.sourceLookMaxMs);

/**
 * Attaches the database to a scratch DuckDB, read-only. User and password go by a secret that is dropped at once: a connection
 * string would stand in DuckDB's catalog and in its errors.
 */
export async function attach(session: Session, database: PostgresAddress): Promise<void> {
  const { host, port, user, password, sslmode, parameters } = database;
  const login = { HOST: host, PORT: String(port), DATABASE: database.database, USER: user, PASSWORD: password };
  const secret = Object.entries(login).flatMap(([field, value]) =>
    value === undefined ? [] : [`${field} ${lit(value)}`],
  );
  const settings = {
    connect_timeout: String(Math.ceil(limits.sourceConnectMaxMs / 1_000)),
    // A host that is gone without a word is noticed within a minute.
    keepalives_idle: '30',
    keepalives_interval: '10',
    keepalives_count: '3',
    ...parameters,
    sslmode,
  };
  const string = Object.entries(settings)
    .map(([name, value]) => `${name}='${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`)
    .join(' ');
  await session.run(`CREATE TEMPORARY SECRET source_login (TYPE postgres, ${secret.join(', ')})`);
  try {
    await session.run(`ATTACH ${lit(string)} AS ${attached} (TYPE postgres, READ_ONLY, SECRET source_login)`);
  } finally {
    await session.run('DROP SECRET source_login');
  }
}

/** Ends a read's sessions, whatever they are doing: DuckDB can't be interrupted while it waits for Postgres. */
export async function endSessions(database: PostgresAddress): Promise<void> {
  const name = database.parameters['application_name'] ?? '';
  const client = await connect({
    ...database,
    parameters: { ...database.parameters, application_name: `${name}:end` },
  });
  try {
    await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [name]);
  } finally {
    await client.end();
  }
}
