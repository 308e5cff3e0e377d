import { existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DatabaseProvenance, type IngestProgress, ingestSource } from '../../src/batch-source/index.js';
import { env, postgresSource } from '../../src/definitions/index.js';
import { describeError } from '../../src/errors.js';
import { runPostgres } from '../../src/toolchain/services/index.js';
import { type TempLake, withTempLake } from '../support/lake.js';
import { lacks, startPostgres, type TestPostgres } from '../support/services.js';

let server: TestPostgres;
let url: string;
let temp: TempLake;

const sql = (text: string) => runPostgres({ port: server.port, password: server.password, database: 'shop' }, text);

type Definition = Partial<Parameters<typeof postgresSource>[0]>;
interface Options {
  readonly url?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: IngestProgress) => void;
}

const rm = (): void => rmSync(staging(), { force: true });
const staging = () => path.join(temp.stateDir, 'staging', 'd.parquet');

async function ingest(definition: Definition, { url: given = url, ...options }: Options = {}) {
  const source = postgresSource({ name: 'd', connection: env('SHOP'), timestampField: 'at', ...definition });
  const result = await ingestSource(temp.lake, {
    source,
    projectRoot: '/',
    file: staging(),
    env: { SHOP: given },
    ...options,
  });
  return { ...result, provenance: result.provenance as DatabaseProvenance };
}

/** The error of a read that must fail: `Class: message\n  → mend`; nothing may be left. */
async function failure(definition: Definition, options: Options = {}): Promise<string> {
  const error = await ingest(definition, options).then(
    () => undefined,
    (thrown: unknown) => thrown as Error,
  );
  expect(existsSync(staging())).toBe(false);
  return `${error?.name}: ${describeError(error)}`;
}

/** Sessions of asof that the server still has. */
async function sessions(): Promise<number> {
  const [found] = await sql("SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE 'asof:%'");
  return (found as { n: number }).n;
}

const many = 'SELECT g AS id, now() AS at, repeat(md5(g::text), 10) AS x FROM generate_series(1, 5000000) AS g';

describe.skipIf(lacks('postgres'))('a Postgres source', () => {
  beforeAll(async () => {
    server = await startPostgres();
    url = await server.createDatabase('shop');
    temp = await withTempLake();
    mkdirSync(path.join(temp.stateDir, 'staging'));
    await sql(`
      CREATE TABLE stats (id int, at timestamptz, phone text);
      INSERT INTO stats VALUES (1, '2020-01-01', '555'), (2, '2020-01-02', null), (3, '2020-01-03', '555');
      CREATE SCHEMA private; CREATE TABLE private.stats (id int, at timestamptz);
      CREATE TABLE "Sales" (id int, at timestamptz); CREATE TABLE twins (a int, "A" int, at timestamptz); CREATE TABLE nothing ();
      CREATE SEQUENCE numbers;
      CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS $$ INSERT INTO stats (id) VALUES (9) RETURNING 1 $$;
      CREATE ROLE reader LOGIN PASSWORD 'it''s 100% @home'`);
  });
  afterAll(async () => {
    temp?.close();
    await server?.close();
  });

  it('reads a table, tells its progress and where the rows came from, and leaves no session', async () => {
    const seen: IngestProgress[] = [];
    const { rows, columns, provenance, notes } = await ingest(
      { table: 'public.stats', owner: 'ops' },
      { onProgress: (progress) => seen.push(progress) },
    );
    expect(rows).toBe(3);
    expect(columns.map(({ name }) => name)).toEqual(['id', 'at', 'phone']);
    expect(notes).toEqual([]);
    expect(seen.at(-1)).toEqual({ step: 'read', doneRows: 3 });
    expect(provenance).toMatchObject({
      source: 'd',
      database: `127.0.0.1:${server.port}/shop`,
      table: 'public.stats',
      server: expect.stringMatching(/^PostgreSQL \d+/),
      readAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      rows: 3,
      owner: 'ops',
    });
    expect(JSON.stringify(provenance)).not.toContain(server.password);
    const staged = await temp.lake.all('SELECT id, phone, _ingest_position AS p FROM read_parquet($1)', [staging()]);
    expect(staged).toEqual([
      { id: 1, phone: '555', p: 1n },
      { id: 2, phone: null, p: 2n },
      { id: 3, phone: '555', p: 3n },
    ]);
    expect(await sessions()).toBe(0);
  });

  it('reads a query with strings, comments and quoted names that look like something else', async () => {
    const query = `WITH s AS (SELECT * FROM stats) SELECT id, at, '; DROP TABLE stats; --' AS "odd ""name""", $x$;$x$ AS y
      FROM s /* ; */ WHERE phone = '555' -- it's the end;`;
    const { rows, provenance } = await ingest({ query });
    expect(rows).toBe(2);
    expect(provenance.query).toBe(query);
    expect(await temp.lake.one(`SELECT "odd ""name""" AS odd, y FROM read_parquet($1) LIMIT 1`, [staging()])).toEqual({
      odd: '; DROP TABLE stats; --',
      y: ';',
    });
  });

  it('reads in one read-only transaction that sees one moment', async () => {
    const settings =
      "current_setting('transaction_isolation') AS isolation, current_setting('transaction_read_only') AS only";
    const query = `SELECT id, at, ${settings}, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS began FROM stats`;
    const { provenance } = await ingest({ query, cursor: 'id' });
    const found = await temp.lake.all('SELECT DISTINCT isolation, "only", began FROM read_parquet($1)', [staging()]);
    // The time of the transaction that looked for the largest id before.
    expect(found).toEqual([{ isolation: 'repeatable read', only: 'on', began: provenance.readAt }]);
  });

  it('does not ask for a column that is to be dropped, and masks others before they are written', async () => {
    const query = 'SELECT id, at, (1 / (id - id))::text AS phone FROM stats';
    await ingest({ query, pii: { phone: 'drop', id: 'mask' } });
    const staged = await temp.lake.all('SELECT * EXCLUDE ("at") FROM read_parquet($1)', [staging()]);
    expect(staged[0]).toEqual({ id: '***', _ingest_position: 1n });
  });

  it('is let in with a password of special characters, from its URL alone', async () => {
    await sql('GRANT SELECT ON stats TO reader');
    const login = `postgres://reader:${encodeURIComponent("it's 100% @home")}@127.0.0.1:${server.port}/shop`;
    expect((await ingest({ table: 'stats' }, { url: `${login}?sslmode=disable` })).rows).toBe(3);
    await sql('REVOKE SELECT ON stats FROM reader');
    rm();
    expect(await failure({ table: 'stats' }, { url: login })).toMatch(
      /DefinitionError: .*user "reader" may not read table stats: permission denied.*\n.*GRANT SELECT/,
    );
    expect(await failure({ table: 'private.stats' }, { url: login })).toMatch(/permission denied for schema private/);
  });

  describe('says what is wrong, and how to mend it', () => {
    beforeEach(rm);
    const at = (change: (url: string) => string) => () => ({ url: change(url) });

    it.each<[string, Definition, () => Options, RegExp]>([
      [
        'a wrong password',
        {},
        at((u) => u.replace(server.password, 'wrong')),
        /^DefinitionError: .*refuses the password of user "postgres"/,
      ],
      [
        'no password',
        {},
        at((u) => u.replace(`:${server.password}`, '')),
        /^DefinitionError: .*the URL has no password/,
      ],
      ['an unknown user', {}, at((u) => u.replace('//postgres:', '//bob:')), /^DefinitionError: .*user "bob"/],
      [
        'an unknown host',
        {},
        at((u) => u.replace('127.0.0.1', 'no-such-host.invalid')),
        /^StoreUnavailableError: .*the host is unknown/,
      ],
      [
        'nobody at the port',
        {},
        at((u) => u.replace(/:\d+\//, ':1/')),
        /^StoreUnavailableError: .*does not answer: connect ECONNREFUSED/,
      ],
      [
        'no such database',
        {},
        at((u) => u.replace('/shop', '/shoppe')),
        /^DefinitionError: .*there is no such database/,
      ],
      [
        'TLS that the server has not',
        {},
        at((u) => `${u}?sslmode=require`),
        /^DefinitionError: .*the server has no TLS/,
      ],
      [
        'a certificate that is not there',
        {},
        at((u) => `${u}?sslmode=verify-full&sslrootcert=/no/ca.pem`),
        /^DefinitionError: .*can't be read.*sslrootcert/s,
      ],
      [
        'an unknown parameter',
        {},
        at((u) => `${u}?tls=yes`),
        /^DefinitionError: .*SHOP: has the unknown parameter "tls"/,
      ],
      ['no URL at all', {}, () => ({ url: 'host=h password=hush' }), /^DefinitionError: .*SHOP: is no Postgres URL/],
      [
        'a variable that is not set',
        {},
        () => ({ url: '' }),
        /^DefinitionError: .*read from SHOP, which is not set\n.*export SHOP=/,
      ],
      [
        'no such table',
        { table: 'public.sales' },
        at((u) => u),
        /^DefinitionError: .*no table "public.sales"\n.*did you mean "public.Sales"/,
      ],
      ['no such schema', { table: 'shop.stats' }, at((u) => u), /^DefinitionError: .*there is no table "shop.stats"/],
      [
        'no such column',
        { query: 'SELECT nope FROM stats' },
        at((u) => u),
        /^DefinitionError: .*column "nope" does not exist/,
      ],
      ['a query with a mistake', { query: 'SELECT FROM WHERE' }, at((u) => u), /^DefinitionError: .*syntax error/],
      [
        'a query with a gap',
        { query: 'SELECT id, at FROM stats WHERE id = $1' },
        at((u) => u),
        /^DefinitionError: .*no parameter \$1/,
      ],
      [
        'a function that writes',
        { query: 'SELECT writes() AS w, at FROM stats' },
        at((u) => u),
        /^DefinitionError: .*the query writes: cannot execute INSERT/,
      ],
      [
        'a sequence',
        { query: "SELECT nextval('numbers') AS n, at FROM stats" },
        at((u) => u),
        /^DefinitionError: .*the query writes/,
      ],
      [
        'a WITH that writes',
        { query: 'WITH x AS (DELETE FROM stats RETURNING *) SELECT * FROM x' },
        at((u) => u),
        /^DefinitionError: .*the query writes/,
      ],
      [
        'no event time',
        { query: 'SELECT id, at AS At_ FROM stats' },
        at((u) => u),
        /^DataError: .*no column "at" \(timestampField\)\n.*did you mean "at_"/,
      ],
      [
        'an event time that is none',
        { query: 'SELECT id AS at FROM stats' },
        at((u) => u),
        /^DataError: .*"at" \(timestampField\) is integer.*\n.*to_timestamp/,
      ],
      [
        'no created time',
        { table: 'stats', createdTimestampField: 'made' },
        at((u) => u),
        /^DataError: .*no column "made" \(createdTimestampField\)/,
      ],
      [
        'names that differ in case',
        { table: 'twins' },
        at((u) => u),
        /^DataError: .*"a" and "A" differ in upper and lower case/,
      ],
      [
        'a name that is there twice',
        { query: 'SELECT id, id, at FROM stats' },
        at((u) => u),
        /^DataError: .*two columns are named "id"/,
      ],
      ['a table without columns', { table: 'nothing' }, at((u) => u), /^DataError: .*it has no columns/],
      [
        'a value that can not be computed',
        { query: 'SELECT 1 / (id - 2) AS x, at FROM stats' },
        at((u) => u),
        /^DataError: .*division by zero/,
      ],
      [
        'a pii rule for no column',
        { table: 'stats', pii: { fone: 'hash' } },
        at((u) => u),
        /^DefinitionError: .*ASOF_PII_KEY/,
      ],
      [
        'a misspelt pii column',
        { table: 'stats', pii: { fone: 'drop' } },
        at((u) => u),
        /^DataError: .*no column "fone"[\s\S]*did you mean "phone"/,
      ],
      ['no cursor column', { table: 'stats', cursor: 'ID' }, at((u) => u), /^DataError: .*no column "ID" \(cursor\)/],
      [
        'a cursor of text',
        { table: 'stats', cursor: 'phone' },
        at((u) => u),
        /^DataError: .*"phone" \(cursor\) is text/,
      ],
      [
        'a lag of another kind',
        { table: 'stats', cursor: 'id', cursorLag: '1 hour' },
        at((u) => u),
        /^DefinitionError: .*cursorLag is a time, the cursor "id" is integer/,
      ],
    ])('%s', async (_, definition, options, pattern) => {
      const given = definition.query === undefined ? { table: 'stats', ...definition } : definition;
      const text = await failure(given, options());
      expect(text).toMatch(pattern);
      expect(text).toMatch(/\n {2}→ .+/);
      expect(text).not.toContain(server.password);
      expect(text).not.toContain('hush');
    });

    it('no value of a row stands in it', async () => {
      const text = await failure({ query: "SELECT ('555-' || id)::int AS x, at FROM stats" });
      expect(text).toMatch(/^DataError: .*invalid input syntax for type integer: "…"/);
    });

    it('a read that takes too long is ended by Postgres, and tried again', async () => {
      const text = await failure({
        query: 'SELECT id, at, pg_sleep(60)::text FROM stats',
        timeout: '300 milliseconds',
      });
      expect(text).toMatch(/^StoreUnavailableError: .*after the source's timeout of 0.3 s\n.*longer timeout/);
    });
  });

  describe('larger than the memory it may use', () => {
    beforeEach(rm);
    afterAll(() => {
      delete process.env['ASOF_DUCKDB_MEMORY'];
    });

    it.each([
      [
        'of 3,000,000 rows',
        '64MB',
        `SELECT g AS id, '2020-01-01'::timestamptz + g * interval '1 second' AS at, g / 7.0 AS n, md5(g::text) AS s, ARRAY[g, g + 1] AS a
         FROM generate_series(1, 3000000) AS g`,
      ],
      [
        'of 20,000 rows of 13 kB',
        '200MB',
        `SELECT g AS id, now() AS at, (SELECT string_agg(md5((g * i)::text), '') FROM generate_series(1, 400) AS i) AS s
         FROM generate_series(1, 20000) AS g`,
      ],
    ])('a table %s is read within %s of DuckDB, and as little beside it', async (_, memory, query) => {
      await sql(`CREATE TABLE big AS ${query}`);
      const [{ bytes, n } = { bytes: 0, n: 0 }] = (await sql(
        "SELECT pg_total_relation_size('big')::float8 AS bytes, (SELECT count(*)::int FROM big) AS n",
      )) as { bytes: number; n: number }[];
      process.env['ASOF_DUCKDB_MEMORY'] = memory;
      const before = process.memoryUsage().rss;
      let most = before;
      const watch = setInterval(() => {
        most = Math.max(most, process.memoryUsage().rss);
      }, 20);
      const { rows } = await ingest({ table: 'big', cursor: 'id' });
      clearInterval(watch);
      expect(rows).toBe(n);
      expect(most - before).toBeLessThan(Math.max(300e6, bytes * 0.75));
      await sql('DROP TABLE big');
    });
  });

  describe('in the middle of a read', () => {
    beforeEach(rm);

    it.each([
      ['while rows come', many],
      ['while Postgres works on the first', 'SELECT id, at, pg_sleep(600)::text FROM stats'],
    ])('is ended by a signal, %s, and its sessions with it', async (_, query) => {
      const controller = new AbortController();
      const reading = failure({ query }, { signal: controller.signal });
      await untilReading();
      controller.abort(new Error('cancelled by its owner'));
      expect(await reading).toBe('Error: cancelled by its owner');
      while ((await sessions()) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    });

    it('does not begin when it was ended before', async () => {
      expect(await failure({ table: 'stats' }, { signal: AbortSignal.abort(new Error('too late')) })).toBe(
        'Error: too late',
      );
    });

    it.each([
      ['dies', () => server.server.kill(), /server closed the connection unexpectedly/],
      ['is stopped', () => server.server.stop(), /terminating connection|closed the connection/],
      [
        'ends the session',
        () => sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'asof:%'"),
        /terminating connection/,
      ],
    ])('a server that %s is an error to try again after; then all is well', async (_, end, pattern) => {
      const reading = failure({ query: many });
      await untilReading();
      await end();
      const text = await reading;
      expect(text).toMatch(/^StoreUnavailableError: postgresSource "d" .*was lost while it was read/);
      expect(text).toMatch(pattern);
      await server.server.start();
      expect((await ingest({ table: 'stats' })).rows).toBe(3);
    });
  });
});

/** Until DuckDB's statement runs in the database. */
async function untilReading(): Promise<void> {
  for (;;) {
    const [found] = await sql(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE 'asof:%' AND query LIKE 'COPY%' AND state = 'active' AND (wait_event IS NOT NULL OR now() - query_start > interval '0.2 s')",
    );
    if ((found as { n: number }).n > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
