import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ingestSource } from '../../src/batch-source/index.js';
import { env, postgresSource } from '../../src/definitions/index.js';
import { describeError } from '../../src/errors.js';
import { type TempLake, withTempLake } from '../support/lake.js';
import { type SecurePostgres, startSecurePostgres } from '../support/secure-postgres.js';
import { lacks } from '../support/services.js';

describe.skipIf(lacks('postgres'))('a Postgres source by TLS', () => {
  let server: SecurePostgres;
  let temp: TempLake;

  beforeAll(async () => {
    server = await startSecurePostgres();
    await server.demandTls();
    temp = await withTempLake();
    mkdirSync(path.join(temp.stateDir, 'staging'));
  });
  afterAll(async () => {
    temp?.close();
    await server?.close();
  });

  const source = postgresSource({
    name: 'd',
    connection: env('SHOP'),
    query: 'SELECT now() AS at, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    timestampField: 'at',
  });

  /** Whether DuckDB's session was encrypted, or the error. */
  async function read(parameters: string, host = 'localhost'): Promise<unknown> {
    const file = path.join(temp.stateDir, 'staging', 'd.parquet');
    const url = server.url('postgres').replace('127.0.0.1', host) + parameters;
    try {
      await ingestSource(temp.lake, { source, projectRoot: '/', file, env: { SHOP: url } });
    } catch (error) {
      const text = `${(error as Error).name}: ${describeError(error)}`;
      expect(text).not.toContain(server.password);
      return text;
    }
    expect(existsSync(file)).toBe(true);
    return temp.lake.one('SELECT ssl FROM read_parquet($1)', [file]);
  }

  it.each([
    ['unasked', () => '', 'localhost'],
    ['when asked', () => '?sslmode=require', '127.0.0.1'],
    ['with the authority of its certificate', () => `?sslmode=verify-full&sslrootcert=${server.ca}`, 'localhost'],
    ['whatever its name', () => `?sslmode=verify-ca&sslrootcert=${server.ca}`, '127.0.0.1'],
  ])('reads %s', async (_, parameters, host) => {
    expect(await read(parameters(), host)).toEqual({ ssl: true });
  });

  it.each([
    [
      'another authority',
      () => `?sslmode=verify-full&sslrootcert=${server.otherCa}`,
      'localhost',
      /certificate is not trusted.*\n.*sslrootcert/,
    ],
    [
      'a certificate for another name',
      () => `?sslmode=verify-full&sslrootcert=${server.ca}`,
      '127.0.0.1',
      /certificate is not trusted.*\n.*name/,
    ],
    [
      'no TLS where it is demanded',
      () => '?sslmode=disable',
      '127.0.0.1',
      /Postgres wants TLS.*\n.*sslmode=verify-full/,
    ],
  ])('refuses %s', async (_, parameters, host, pattern) => {
    const text = await read(parameters(), host);
    expect(text).toMatch(/^DefinitionError: postgresSource "d"/);
    expect(text).toMatch(pattern);
  });
});
