import pg from 'pg';
import type { Check } from './doctor-check.js';
import { toolchain } from './toolchain-limits.js';

export interface PostgresCheckOptions {
  /** What is looked at, e.g. `source "orders"`. */
  readonly name: string;
  readonly required: boolean;
  /** `postgres://user:password@host:5432/database`; its password is never shown. */
  readonly url: string;
}

/** Whether a Postgres database answers. Changes nothing there. */
export async function postgresCheck({ name, required, url }: PostgresCheckOptions): Promise<Check> {
  const base = { name, required };
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol)) {
    const mend = 'write postgres://user:password@host:5432/database';
    return { ...base, ok: false, found: 'its setting is no Postgres URL', mend };
  }
  const parsed = new URL(url);
  const where = `${parsed.hostname}:${parsed.port || 5432}${parsed.pathname}`;
  const client = new pg.Client({
    connectionString: asLibpq(parsed),
    connectionTimeoutMillis: toolchain.serviceProbeMs,
    query_timeout: toolchain.serviceProbeMs,
  });
  // A connection that breaks is told by the query that needed it.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return { ...base, ok: true, found: `Postgres ${rows[0]?.server_version.split(' ')[0]} answers`, where };
  } catch (error) {
    const { found, mend } = whatIsWrong(error, parsed);
    return { ...base, ok: false, found, mend, where };
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** `sslmode` as every other Postgres program means it; the driver alone would check more than was asked. */
function asLibpq(url: URL): string {
  const same = new URL(url);
  const mode = same.searchParams.get('sslmode');
  // With "prefer", TLS is a matter of the server's; looking needs none.
  if (mode === 'prefer' || mode === 'allow') same.searchParams.delete('sslmode');
  else if (mode !== null) same.searchParams.set('uselibpqcompat', 'true');
  return same.href;
}

function whatIsWrong(error: unknown, { username, password, pathname }: URL): { found: string; mend: string } {
  const { code = '', message } = error as { code?: string; message: string };
  const said = password === '' ? message || code : (message || code).replaceAll(decodeURIComponent(password), '***');
  switch (code) {
    case '28P01':
      return { found: `it refuses the password of user "${username}"`, mend: 'correct user and password in the URL' };
    case '3D000':
      return {
        found: `it has no database "${decodeURIComponent(pathname.slice(1))}"`,
        mend: '`asof services prepare` makes it, or CREATE DATABASE',
      };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { found: 'its host is unknown', mend: 'correct the host in the URL' };
  }
  return {
    found: `it does not answer: ${said}`,
    mend: 'see that Postgres runs and can be reached from here; `asof services` runs one',
  };
}
