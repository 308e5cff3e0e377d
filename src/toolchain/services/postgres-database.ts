import pg from 'pg';
import { DefinitionError, StoreUnavailableError } from '../../errors.js';

/**
 * Makes the database of a URL where it is missing.
 * @param variable that holds the URL, for errors: the URL itself holds a password.
 * @returns whether it was made.
 */
export async function ensureDatabase(url: string, variable: string): Promise<boolean> {
  const database = databaseOf(url, variable);
  return withAdmin(url, variable, async (client) => {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (rowCount !== 0) return false;
    try {
      await client.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`);
      return true;
    } catch (error) {
      // Another process was faster: 42P04 when it is done, 23505 while both were at it.
      if (['42P04', '23505'].includes((error as { code?: string }).code ?? '')) return false;
      throw error;
    }
  });
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

/** On the server's own database, which is always there. */
async function withAdmin<T>(url: string, variable: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const admin = new URL(url);
  const { hostname, port } = admin;
  admin.pathname = '/postgres';
  const client = new pg.Client({ connectionString: admin.href, connectionTimeoutMillis: 10_000 });
  // A connection that breaks is told by the query that needed it.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    const { message, code } = error as { message: string; code?: string };
    throw new StoreUnavailableError(`the database of ${variable} can't be made: ${message || code}`, {
      where: `${hostname}:${port || 5432}`,
      mend: `check that Postgres runs there and that ${variable} names a user who may create databases; or create the database by hand`,
      cause: error,
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}
