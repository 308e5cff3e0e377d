import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { generate } from 'selfsigned';
import { startPostgres, type TestPostgres } from './services.js';

export interface SecurePostgres extends TestPostgres {
  /** PEM file of the authority of its certificate, which is for `localhost` alone. */
  readonly ca: string;
  /** PEM file of another authority. */
  readonly otherCa: string;
  /** From now on it takes nobody without TLS. */
  demandTls(): Promise<void>;
  allowPlain(): Promise<void>;
}

/** A Postgres server with TLS. */
export async function startSecurePostgres(): Promise<SecurePostgres> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'asof-tls-'));
  chmodSync(folder, 0o755);
  const file = (name: string): string => path.join(folder, name);
  const [own, other] = await Promise.all([certificateOf('localhost'), certificateOf('localhost')]);
  writeFileSync(file('cert.pem'), own.cert);
  writeFileSync(file('other.pem'), other.cert);
  writeFileSync(file('key.pem'), own.private, { mode: 0o600 });
  // As root the server runs as nobody, who has to own its key.
  if (process.getuid?.() === 0) chownSync(file('key.pem'), 65_534, 65_534);
  const server = await startPostgres([
    ...['-c', 'ssl=on', '-c', `ssl_cert_file=${file('cert.pem')}`],
    ...['-c', `ssl_key_file=${file('key.pem')}`],
  ]);
  const rule = async (kind: string): Promise<void> => {
    const rules = path.join(server.directory, 'server/data/pg_hba.conf');
    writeFileSync(rules, `${kind} all all 127.0.0.1/32 scram-sha-256\n`);
    const loadedAt = async (): Promise<string> =>
      (await ask(server, 'SELECT pg_conf_load_time()::TEXT AS at'))[0]?.at ?? '';
    const before = await loadedAt();
    await ask(server, 'SELECT pg_reload_conf()');
    while ((await loadedAt()) === before) await sleep(20);
  };
  return {
    ...server,
    ca: file('cert.pem'),
    otherCa: file('other.pem'),
    demandTls: () => rule('hostssl'),
    allowPlain: () => rule('host'),
    close: async () => {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks as superuser, by TLS. */
async function ask({ port, password }: TestPostgres, sql: string): Promise<{ at: string }[]> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    ssl: { rejectUnauthorized: false },
  });
  await client.connect();
  try {
    return (await client.query<{ at: string }>(sql)).rows;
  } finally {
    await client.end();
  }
}

const certificateOf = (name: string) =>
  generate([{ name: 'commonName', value: name }], {
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: name }] }],
  });
