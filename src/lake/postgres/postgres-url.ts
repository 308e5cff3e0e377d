import { DefinitionError } from '../../errors.js';

const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof sslModes)[number];

/** Parameters that libpq is given as they are; `pg` has no equal for the last ones and needs none. */
const passedOn = [
  'sslrootcert',
  'sslcert',
  'sslkey',
  'connect_timeout',
  'application_name',
  'options',
  'channel_binding',
  'gssencmode',
  'target_session_attrs',
];

/** A database as its URL names it. Two drivers connect to it: DuckDB's libpq, and `pg` to look before. */
export interface PostgresAddress {
  /** `host:port/database`, for people: no user, no password. */
  readonly shown: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string | undefined;
  readonly sslmode: SslMode;
  readonly connectTimeoutMs: number | undefined;
  /** The schema of the lake's own tables: each holds a lake of its own. */
  readonly schema: string;
  /** Parameters of the URL, as libpq knows them. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * @param text `postgres://user:password@host:5432/database?sslmode=verify-full&sslrootcert=/path/ca.pem&connect_timeout=10`; with
 * `&schema=name` for another schema than `public`.
 * @param where the setting that holds it, for errors.
 * @throws DefinitionError for what is none; the URL is not shown, it holds a password.
 */
export function parsePostgresUrl(text: string, where = 'catalog.url'): PostgresAddress {
  const bad = (what: string, mend = 'write postgres://user:password@host:5432/database'): DefinitionError =>
    new DefinitionError(what, { where, mend });
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw bad(
      'is no Postgres URL',
      'write postgres://user:password@host:5432/database; special characters of a password as %40 for @, and so on',
    );
  }
  const decoded = (part: string): string => {
    try {
      return decodeURIComponent(part);
    } catch {
      throw bad('has a % that is no escape', 'write % itself as %25');
    }
  };
  const known = ['sslmode', 'schema', 'host', 'port', ...passedOn];
  const unknown = [...url.searchParams.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) throw bad(`has the unknown parameter "${unknown}"`, `there are ${known.join(', ')}`);
  const query = Object.fromEntries(url.searchParams);
  const sslmode = query['sslmode'] ?? 'prefer';
  if (!(sslModes as readonly string[]).includes(sslmode)) {
    throw bad(`has the sslmode "${sslmode}", which is unknown`, `use one of ${sslModes.join(', ')}`);
  }
  const seconds = query['connect_timeout'];
  if (seconds !== undefined && !/^[1-9]\d{0,4}$/.test(seconds)) {
    throw bad(`has the connect_timeout "${seconds}"`, 'write whole seconds: connect_timeout=10');
  }
  const host = query['host'] ?? decoded(url.hostname.replace(/^\[(.*)\]$/, '$1'));
  const port = Number(query['port'] ?? (url.port || 5432));
  const [database, user] = [decoded(url.pathname.slice(1)), decoded(url.username)];
  const schema = query['schema'] ?? 'public';
  if (host === '') throw bad('names no host');
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw bad('names no port that could be');
  if (database === '') throw bad('names no database');
  if (user === '') throw bad('names no user');
  if (schema === '') throw bad('names no schema', 'leave &schema= out, or give it a name');
  return {
    shown: `${host}:${port}/${database}${schema === 'public' ? '' : ` (schema ${schema})`}`,
    host,
    port,
    database,
    user,
    password: decoded(url.password) || undefined,
    sslmode: sslmode as SslMode,
    connectTimeoutMs: seconds === undefined ? undefined : Number(seconds) * 1_000,
    schema,
    parameters: Object.fromEntries(Object.entries(query).filter(([name]) => passedOn.includes(name))),
  };
}
