import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AsofError, DefinitionError, StoreUnavailableError } from '../../src/errors.js';
import { Lake } from '../../src/lake/index.js';
import { freePort } from '../../src/toolchain/free-port.js';
import { runPostgres } from '../../src/toolchain/services/index.js';
import { type SecurePostgres, startSecurePostgres } from '../support/secure-postgres.js';
import { lacks } from '../support/services.js';

describe.skipIf(lacks('postgres'))('a Postgres catalog and bad input', () => {
  let server: SecurePostgres;
  let root: string;
  let made = 0;
  beforeAll(async () => {
    server = await startSecurePostgres();
  });
  afterAll(() => server.close());
  beforeEach(() => {
    root = mkdtempSync(path.join(os.tmpdir(), 'asof-bad-catalog-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const database = async (): Promise<{ name: string; url: string }> => {
    made += 1;
    const name = `bad_${made}`;
    return { name, url: await server.createDatabase(name) };
  };
  const sql = <T extends Record<string, unknown>>(name: string, text: string) =>
    runPostgres<T>({ ...server, database: name }, text);
  const tables = async (name: string): Promise<string[]> =>
    (
      await sql<{ name: string }>(
        name,
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
      )
    ).map((row) => row.name);
  const folder = (name: string): string => {
    const made = path.join(root, name);
    mkdirSync(made, { recursive: true });
    return made;
  };

  interface Place {
    readonly url: string;
    readonly sharedPath?: string;
    readonly state?: string;
  }
  const open = ({ url, sharedPath, state = 'state' }: Place): Promise<Lake> =>
    Lake.open({ stateDir: folder(state), project: 'test', catalog: { type: 'postgres', url, sharedPath } });
  const use = async (place: Place): Promise<void> => {
    const lake = await open(place);
    try {
      await lake.transaction({ message: 'use' }, (session) =>
        session.run(`CREATE TABLE ${lake.table('t')} (i INTEGER)`),
      );
    } finally {
      lake.close();
    }
  };

  /** How it is refused; no part of the error holds the password, and no file of a lake was made. */
  async function refusal(place: Place): Promise<AsofError> {
    const error = await open(place).then(
      (lake) => {
        lake.close();
        throw new Error('it was opened');
      },
      (reason: unknown) => reason as AsofError,
    );
    const told = [error.message, error.mend, error.stack, JSON.stringify(error), String((error.cause as Error)?.stack)];
    expect(told.join('\n')).not.toMatch(/only-for-tests|top-secret/);
    expect(error.mend, error.message).toBeTruthy();
    expect(error.where).toMatch(/^catalog/);
    return error;
  }

  it('a wrong password', async () => {
    const { name, url } = await database();
    const error = await refusal({ url: url.replace('only-for-tests', 'top-secret') });
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.message).toContain('refuses the password of user "postgres"');
    expect(error.message).toContain(`127.0.0.1:${server.port}/${name}`);
    expect(await tables(name)).toEqual([]);
  });

  it('no password', async () => {
    const { url } = await database();
    const error = await refusal({ url: url.replace(':only-for-tests', '') });
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.message).toContain('has none');
  });

  it('a host that is unknown, a port nobody listens on: tried again later', async () => {
    const unknown = await refusal({ url: 'postgres://u:top-secret@no-such-host.invalid/asof' });
    expect(unknown).toBeInstanceOf(StoreUnavailableError);
    expect(unknown.message).toContain('the host "no-such-host.invalid" is unknown');
    const port = await freePort(0);
    const refused = await refusal({ url: `postgres://u:top-secret@127.0.0.1:${port}/asof` });
    expect(refused).toBeInstanceOf(StoreUnavailableError);
    expect(refused.message).toContain('nothing listens there');
  });

  it('a server that does not answer: within the connect_timeout of the URL', async () => {
    const { url } = await database();
    server.server.pause();
    try {
      const error = await refusal({ url: `${url}?connect_timeout=2` });
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(error.message).toContain('does not answer');
    } finally {
      server.server.resume();
    }
  });

  it('a database that does not exist, with the command that makes it', async () => {
    const error = await refusal({ url: server.url('not_there') });
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.message).toContain('the database "not_there" does not exist');
    expect(error.mend).toContain('CREATE DATABASE "not_there" OWNER "postgres"');
  });

  it('a user who may not make tables, and one who may not write the tables of another', async () => {
    const { name, url } = await database();
    await sql(name, `CREATE ROLE "reader_${made}" LOGIN PASSWORD 'top-secret'`);
    const asReader = url.replace('postgres:only-for-tests@', `reader_${made}:top-secret@`);
    const empty = await refusal({ url: asReader });
    expect(empty).toBeInstanceOf(DefinitionError);
    expect(empty.message).toContain(`user "reader_${made}" may not make tables`);
    expect(empty.mend).toContain(`GRANT USAGE, CREATE ON SCHEMA "public" TO "reader_${made}"`);
    expect(await tables(name)).toEqual([]);
    await sql(name, `GRANT USAGE, CREATE ON SCHEMA public TO "reader_${made}"`);
    await use({ url });
    const others = await refusal({ url: asReader });
    expect(others).toBeInstanceOf(DefinitionError);
    expect(others.message).toMatch(/may not (use|write into) the lake's tables/);
    expect(others.mend).toContain('GRANT ALL ON ALL TABLES');
    // The mend mends.
    await sql(name, `GRANT ALL ON ALL TABLES IN SCHEMA public TO "reader_${made}"`);
    (await open({ url: asReader })).close();
  });

  it('a catalog of a newer DuckLake, and of an older one; nothing of it is touched', async () => {
    const { name, url } = await database();
    await use({ url });
    const before = await sql(name, 'SELECT max(snapshot_id) FROM ducklake_snapshot');
    for (const [version, mend] of [
      ['1.1-dev.1', 'update asof'],
      ['2.0', 'update asof'],
      ['0.3', 'AUTOMATIC_MIGRATION'],
    ] as const) {
      await sql(name, `UPDATE ducklake_metadata SET value = '${version}' WHERE key = 'version'`);
      const error = await refusal({ url });
      expect(error).toBeInstanceOf(DefinitionError);
      expect(error.message).toContain(`version ${version}`);
      expect(error.mend).toContain(mend);
    }
    expect(await sql(name, 'SELECT max(snapshot_id) FROM ducklake_snapshot')).toEqual(before);
    await sql(name, "UPDATE ducklake_metadata SET value = '1.0' WHERE key = 'version'");
    (await open({ url })).close();
  });

  it('a database that holds something else, unless a schema of its own is named', async () => {
    const { name, url } = await database();
    await sql(name, 'CREATE TABLE orders (id INTEGER); CREATE TABLE customers (id INTEGER)');
    const error = await refusal({ url });
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.message).toContain('holds something else (customers, orders)');
    expect(error.mend).toContain('?schema=asof');
    expect(await tables(name)).toEqual(['customers', 'orders']);
    await use({ url: `${url}?schema=asof`, state: 'schema' });
    const kept = await sql<{ n: string }>(name, 'SELECT count(*) AS n FROM asof.ducklake_snapshot');
    expect(Number(kept[0]?.n)).toBeGreaterThan(1);
  });

  it('a table that is named as one of DuckLake and is none', async () => {
    const { name, url } = await database();
    await sql(name, 'CREATE TABLE ducklake_metadata (a INTEGER)');
    const error = await refusal({ url });
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.message).toContain('no whole DuckLake catalog');
    expect(await tables(name)).toEqual(['ducklake_metadata']);
  });

  it('a shared path that is not there, no folder, or not to be written', async () => {
    const { name, url } = await database();
    const missing = path.join(root, 'mnt/lake');
    const error = await refusal({ url, sharedPath: missing });
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.message).toContain(`${missing} is no folder on this host`);
    expect(existsSync(missing), 'an unmounted folder is not made up').toBe(false);
    writeFileSync(path.join(root, 'file'), '');
    expect((await refusal({ url, sharedPath: path.join(root, 'file') })).message).toContain('is no folder');
    // Permissions don't bind root, but nobody may write there.
    const locked = folder('locked');
    symlinkSync('/proc', path.join(locked, 'lake'));
    const readOnly = await refusal({ url, sharedPath: locked });
    expect(readOnly).toBeInstanceOf(StoreUnavailableError);
    expect(readOnly.message).toContain("can't be written");
    expect(await tables(name)).toEqual([]);
  });

  it('another shared path than the lake was made with, in both directions', async () => {
    const { url } = await database();
    const first = folder('first');
    await use({ url, sharedPath: first });
    const error = await refusal({ url, sharedPath: folder('second') });
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.message).toContain(`files are in ${path.join(first, 'lake')}`);
    expect(error.mend).toContain(`set catalog.sharedPath to ${first}`);
    expect(readdirSync(folder('second'))).toEqual([]);
    expect((await refusal({ url })).mend).toContain(first);
    const { url: local } = await database();
    await use({ url: local, state: 'one-host' });
    expect((await refusal({ url: local, sharedPath: first })).mend).toContain('made without catalog.sharedPath');
  });

  it('another disk at the path of the lake, and the folder of another lake', async () => {
    const { url } = await database();
    const shared = folder('shared');
    await use({ url, sharedPath: shared });
    rmSync(shared, { recursive: true });
    folder('shared');
    const error = await refusal({ url, sharedPath: shared });
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.message).toContain('is not the folder of this lake');
    expect(readdirSync(shared)).toEqual([]);
    const other = folder('other');
    await use({ url: (await database()).url, sharedPath: other });
    const fresh = await database();
    const taken = await refusal({ url: fresh.url, sharedPath: other });
    expect(taken.message).toContain('holds the files of another lake');
    expect(await tables(fresh.name)).toEqual([]);
  });

  it('certificates: checked where asked, by authority and by name', async () => {
    const { name, url } = await database();
    const byName = url.replace('127.0.0.1', 'localhost');
    const lake = await open({ url: `${byName}?sslmode=verify-full&sslrootcert=${server.ca}` });
    const sessions = await sql<{ ssl: boolean }>(
      name,
      `SELECT s.ssl FROM pg_stat_ssl AS s JOIN pg_stat_activity AS a USING (pid)
       WHERE a.datname = '${name}' AND a.pid <> pg_backend_pid() AND a.application_name = 'asof'`,
    );
    lake.close();
    expect(sessions.length).toBeGreaterThan(0);
    expect(sessions.every(({ ssl }) => ssl)).toBe(true);
    const wrong = await refusal({ url: `${byName}?sslmode=verify-full&sslrootcert=${server.otherCa}` });
    expect(wrong).toBeInstanceOf(DefinitionError);
    expect(wrong.message).toContain("the server's certificate is not trusted");
    const otherName = await refusal({ url: `${url}?sslmode=verify-full&sslrootcert=${server.ca}` });
    expect(otherName).toBeInstanceOf(DefinitionError);
    expect(otherName.mend).toContain('sslmode=verify-ca');
    (await open({ url: `${url}?sslmode=verify-ca&sslrootcert=${server.ca}` })).close();
    const noFile = await refusal({ url: `${byName}?sslmode=verify-full&sslrootcert=${root}/no.pem` });
    expect(noFile.message).toContain('no.pem');
  });

  it('TLS that the server demands and the URL forbids', async () => {
    const { url } = await database();
    await server.demandTls();
    try {
      const error = await refusal({ url: `${url}?sslmode=disable` });
      expect(error).toBeInstanceOf(DefinitionError);
      expect(error.message).toContain('Postgres wants TLS');
      expect(error.mend).toContain('sslmode=verify-full');
      (await open({ url: `${url}?sslmode=require` })).close();
    } finally {
      await server.allowPlain();
    }
  });

  it('a URL that is none, its parts told apart', async () => {
    for (const [url, problem] of [
      ['mysql://u:top-secret@h/d', 'no Postgres URL'],
      ['postgres://u:top-secret@h/', 'no database'],
      ['postgres://:top-secret@h/d', 'no user'],
      ['postgres://u:top-secret@h/d?sslmode=on', 'sslmode "on"'],
      ['postgres://u:top-secret@h/d?sslmod=require', 'unknown parameter "sslmod"'],
      ['postgres://u:top-secret@h/d?connect_timeout=soon', 'connect_timeout "soon"'],
      ['postgres://u:top%secret@h/d', 'no escape'],
    ] as const) {
      const error = await refusal({ url });
      expect(error).toBeInstanceOf(DefinitionError);
      expect(error.message).toContain(problem);
    }
  });

  it('keeps the password out of what DuckDB tells of itself', async () => {
    const { url } = await database();
    const lake = await open({ url });
    const told = JSON.stringify(
      [
        await lake.all('SELECT * FROM duckdb_databases()'),
        await lake.all('SELECT * FROM duckdb_secrets()'),
        await lake.all('SELECT * FROM duckdb_settings()'),
        await lake.all('SELECT * FROM ducklake_settings($1)', ['lake']),
        await lake.all(`SELECT * FROM ${lake.metadata('ducklake_metadata')}`),
      ],
      (_, value) => (typeof value === 'bigint' ? String(value) : value),
    );
    lake.close();
    expect(told).toContain('redacted');
    expect(told).not.toContain(server.password);
  });
});
