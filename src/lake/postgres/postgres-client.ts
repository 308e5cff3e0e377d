import { readFileSync } from 'node:fs';
import pg from 'pg';
import { limits } from '../../config.js';
import type { PostgresAddress } from './postgres-url.js';

/**
 * A connection by `pg`, for small questions beside DuckDB's own. The caller ends it.
 * @param questionMs how long an answer may take; default: as long as connecting.
 */
export async function connectPostgres(
  address: PostgresAddress,
  timeoutMs?: number,
  questionMs?: number,
): Promise<pg.Client> {
  const atMostMs = timeoutMs ?? address.connectTimeoutMs ?? limits.catalogConnectMaxMs;
  try {
    return await connectWith(address, tlsOf(address), atMostMs, questionMs);
  } catch (error) {
    // As libpq's "prefer": TLS where the server has it.
    const optional = address.sslmode === 'prefer' || address.sslmode === 'allow';
    if (!optional || !/does not support SSL/.test((error as Error).message)) throw error;
    return connectWith(address, false, atMostMs, questionMs);
  }
}

/** Whether the server says anything at all within the time, be it that it is busy, shutting down or refuses connections. */
export async function answersAtAll(address: PostgresAddress, timeoutMs: number): Promise<boolean> {
  try {
    const client = await connectPostgres(address, timeoutMs);
    try {
      await client.query({ text: 'SELECT 1' });
    } finally {
      void client.end().catch(() => undefined);
    }
    return true;
  } catch (error) {
    return !isSilence(error);
  }
}

const isSilence = (error: unknown): boolean =>
  /timeout|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/i.test(
    `${(error as { code?: string }).code} ${(error as Error).message}`,
  );

async function connectWith(
  { host, port, database, user, password, parameters }: PostgresAddress,
  ssl: pg.ClientConfig['ssl'],
  timeoutMs: number,
  questionMs = timeoutMs,
): Promise<pg.Client> {
  const client = new pg.Client({
    host,
    port,
    database,
    user,
    ...(password === undefined ? {} : { password }),
    ...(parameters['options'] === undefined ? {} : { options: parameters['options'] }),
    ssl,
    application_name: parameters['application_name'] ?? 'asof',
    connectionTimeoutMillis: timeoutMs,
    query_timeout: questionMs,
    keepAlive: true,
  });
  // A connection that breaks rejects the query at work; without a listener it would end the process too.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    void client.end().catch(() => undefined);
    throw error;
  }
}

function tlsOf({ sslmode, parameters }: PostgresAddress): pg.ClientConfig['ssl'] {
  if (sslmode === 'disable') return false;
  const { sslrootcert, sslcert, sslkey } = parameters;
  const read = (file: string | undefined): string | undefined =>
    file === undefined || file === 'system' ? undefined : readFileSync(file, 'utf8');
  const ca = read(sslrootcert);
  const isChecked = sslmode.startsWith('verify') || (sslmode === 'require' && ca !== undefined);
  return {
    rejectUnauthorized: isChecked,
    ...(ca === undefined ? {} : { ca }),
    ...(sslcert === undefined ? {} : { cert: read(sslcert) }),
    ...(sslkey === undefined ? {} : { key: read(sslkey) }),
    ...(sslmode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  };
}
