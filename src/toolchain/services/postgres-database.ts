import pg from 'pg';
import { DefinitionError, StoreUnavailableError } from '../../errors.js';
import { toolchain } from '../toolchain-limits.js';

/**
 * Makes the database of a URL where it is missing; only then the user needs the right to.
 * @param variable that holds the URL, for errors: the URL itself holds a password.
 * @returns whether it was made.
 * @throws StoreUnavailableError with the mend when it is not there and can't be made.
 */
export async function ensureDatabase(url: string, variable: string): Promise<boolean> {
  const database = databaseOf(url, variable);
  try {
    await withClient(url, async () => undefined);
    return false;
  } catch (error) {
    if ((error as { code?: string }).code !== '3D000') throw unavailable(error, url, variable);
  }
  const admin = new URL(url);
  // The server's own database, which is always there.
  admin.pathname = '/postgres';
  try {
    await withClient(admin.href, (client) => client.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`));
    return true;
  } catch (error) {
    // Another process was faster: 42P04 when it is done, 23505 while both were at it.
    if (['42P04', '23505'].includes((error as { code?: string }).code ?? '')) return false;
    throw unavailable(error, url, variable);
  }
}

function databaseOf(url: string, variable: string): string {
  try {
    const { protocol, pathname } = new URL(url);
    const database = decodeURIComponent(pathname.slice(1));
    if (/^postgres(ql)?:$/.test(protocol) && database !== '') return database;
  } catch {
    // Told below, without the URL.
  }
  throw new DefinitionError('is no URL of a Postgres database', {
    where: variable,
    mend: `export ${variable}=postgres://user:password@host:5432/database`,
  });
}

async function withClient(connectionString: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: toolchain.serviceProbeMs });
  // A connection that breaks is told by the query that needed it.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function unavailable(error: unknown, url: string, variable: string): StoreUnavailableError {
  const { host, pathname } = new URL(url);
  const { message, code } = error as { message: string; code?: string };
  return new StoreUnavailableError(`the database of ${variable} is not there for us: ${message || code}`, {
    where: `${host}${pathname}`,
    mend: `see that Postgres runs there, and that user and password of ${variable} are right; a missing database is made by a user with CREATEDB`,
    cause: error,
  });
}
