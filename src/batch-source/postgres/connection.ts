import { readFileSync } from 'node:fs';
import pg from 'pg';
import { limits } from '../../config.js';
import type { PostgresSource } from '../../definitions/postgres-source.js';
import { readSetting } from '../../definitions/setting.js';
import { DefinitionError } from '../../errors.js';
import { lit, type Session } from '../../lake/index.js';

/** A database to read from, as its URL names it. Two drivers connect to it: `pg` to look, DuckDB's libpq to read. */
export interface PostgresDatabase {
  /** `host:port/database`: for people and provenance; no user, no password. */
  readonly shown: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** Default: as libpq, the user of this process. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly sslmode: SslMode;
  /** Further parameters of the URL, as libpq knows them. */
  readonly parameters: Readonly<Record<string, string>>;
}

const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
type SslMode = (typeof sslModes)[number];

const known = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'host', 'port', 'connect_timeout', 'options'];
/** Of libpq alone: `pg` has no equal, and needs none. */
const libpqOnly = ['channel_binding', 'gssencmode', 'target_session_attrs', 'application_name'];

/** The name under which the database is attached to a scratch DuckDB. */
export const attached = 'source';

/**
 * The database of a source, its URL read from the environment.
 * @throws DefinitionError when the variable is not set or holds no Postgres URL; the URL itself is not shown, it holds a password.
 */
export function databaseOf(source: PostgresSource, env: NodeJS.ProcessEnv): PostgresDatabase {
  const { connection } = source;
  const where = `postgresSource "${source.name}"`;
  const holder = typeof connection === 'string' ? 'connection' : connection.env;
  const bad = (what: string): DefinitionError =>
    new DefinitionError(`${holder} ${what}`, {
      where,
      mend: `write ${holder}=postgres://user:password@host:5432/database; special characters of a password as %40 for @, and so on`,
    });
  const text = readSetting(where, 'connection', connection, env);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol)) throw bad('is no Postgres URL');
  const {
    host: hostParameter,
    port: portParameter,
    sslmode = 'prefer',
    ...parameters
  } = Object.fromEntries(url.searchParams);
  const unknown = [...url.searchParams.keys()].find((name) => !known.includes(name) && !libpqOnly.includes(name));
  if (unknown !== undefined) throw bad(`has the parameter "${unknown}", which is unknown`);
  if (!(sslModes as readonly string[]).includes(sslmode))
    throw bad(`has an sslmode that is none of ${sslModes.join(', ')}`);
  const host = hostParameter ?? url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = Number(portParameter ?? (url.port || 5432));
  const [database, user, password] = [url.pathname.slice(1), url.username, url.password].map((part) =>
    decoded(part, bad),
  );
  if (host === '') throw bad('names no host');
  if (database === undefined || database === '') throw bad('names no database');
  return {
    shown: `${host}:${port}/${database}`,
    host,
    port,
    database,
    user: user || undefined,
    password: password || undefined,
    sslmode: sslmode as SslMode,
    parameters,
  };
}

function decoded(text: string, bad: (what: string) => DefinitionError): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw bad('has a % that is no escape');
  }
}

/** A connection by `pg`, for small questions. The caller ends it. */
export async function connect(database: PostgresDatabase, applicationName: string): Promise<pg.Client> {
  try {
    return await connectWith(database, applicationName, tlsOf(database));
  } catch (error) {
    // As libpq's "prefer": TLS where the server has it.
    const optional = database.sslmode === 'prefer' || database.sslmode === 'allow';
    if (!optional || !/does not support SSL/.test((error as Error).message)) throw error;
    return connectWith(database, applicationName, false);
  }
}

async function connectWith(
  { host, port, database, user, password, parameters }: PostgresDatabase,
  applicationName: string,
  ssl: pg.ClientConfig['ssl'],
): Promise<pg.Client> {
  const client = new pg.Client({
    host,
    port,
    database,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(parameters['options'] === undefined ? {} : { options: parameters['options'] }),
    ssl,
    application_name: applicationName,
    connectionTimeoutMillis: limits.sourceConnectMaxMs,
    keepAlive: true,
  });
  // A connection that breaks rejects the query at work; without a listener it would end the process too.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

function tlsOf({ sslmode, parameters }: PostgresDatabase): pg.ClientConfig['ssl'] {
  if (sslmode === 'disable') return false;
  const { sslrootcert, sslcert, sslkey } = parameters;
  const file = (path: string | undefined): string | undefined =>
    path === undefined || path === 'system' ? undefined : readFileSync(path, 'utf8');
  const ca = file(sslrootcert);
  const isChecked = sslmode.startsWith('verify') || (sslmode === 'require' && ca !== undefined);
  return {
    rejectUnauthorized: isChecked,
    ...(ca === undefined ? {} : { ca }),
    ...(sslcert === undefined ? {} : { cert: file(sslcert) }),
    ...(sslkey === undefined ? {} : { key: file(sslkey) }),
    ...(sslmode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  };
}

/**
 * Attaches the database to a scratch DuckDB, read-only. User and password go by a secret that is dropped at once: a connection
 * string would stand in DuckDB's catalog and in its errors.
 */
export async function attach(session: Session, database: PostgresDatabase, applicationName: string): Promise<void> {
  const { host, port, user, password, sslmode, parameters } = database;
  const secret = Object.entries({
    HOST: host,
    PORT: String(port),
    DATABASE: database.database,
    USER: user,
    PASSWORD: password,
  })
    .flatMap(([field, value]) => (value === undefined ? [] : [`${field} ${lit(value)}`]))
    .join(', ');
  const seconds = String(Math.ceil(limits.sourceConnectMaxMs / 1_000));
  const settings = {
    connect_timeout: seconds,
    // A host that is gone without a word is noticed within a minute.
    keepalives_idle: '30',
    keepalives_interval: '10',
    keepalives_count: '3',
    ...parameters,
    sslmode,
    application_name: applicationName,
  };
  const string = Object.entries(settings)
    .map(([name, value]) => `${name}='${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`)
    .join(' ');
  await session.run(`CREATE TEMPORARY SECRET source_login (TYPE postgres, ${secret})`);
  try {
    await session.run(`ATTACH ${lit(string)} AS ${attached} (TYPE postgres, READ_ONLY, SECRET source_login)`);
  } finally {
    await session.run('DROP SECRET source_login');
  }
}

/** Ends all sessions of a name, whatever they are doing: DuckDB can't be interrupted while it waits for Postgres. */
export async function endSessions(database: PostgresDatabase, applicationName: string): Promise<void> {
  const client = await connect(database, `${applicationName}:end`.slice(0, 63));
  try {
    await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
      applicationName,
    ]);
  } finally {
    await client.end();
  }
}
