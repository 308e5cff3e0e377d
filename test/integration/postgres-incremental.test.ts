import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseProvenance } from '../../src/batch-source/index.js';
import { type FeatureStore, openFeatureStore } from '../../src/index.js';
import { runPostgres, seedSampleDatabase } from '../../src/toolchain/services/index.js';
import { runCli, sampleProject } from '../support/cli.js';
import { lacks, startPostgres, type TestPostgres } from '../support/services.js';

const interval = { start: '1970-01-01T00:00:00Z', end: '2100-01-01T00:00:00Z' };
let server: TestPostgres;

describe.skipIf(lacks('postgres'))('a Postgres source through the pipeline', () => {
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => {
    delete process.env['ASOF_SOURCE_URL'];
    await server?.close();
  });

  /** A run of all steps, or up to a step that fails; `read` rows of the database became `published` rows of the lake. */
  async function run(
    store: FeatureStore,
    pipelineName: string,
    view: string,
    more: { full?: unknown; until?: 'explore' } = {},
  ) {
    const pipeline = store.repo.pipelines.get(pipelineName);
    if (pipeline === undefined) throw new Error(`there is no pipeline ${pipelineName}`);
    const runId = randomUUID();
    await store.runs.open(
      { pipeline, runId, workflowId: 'w', nominalTime: interval.end, interval, registryVersion: 1 },
      async () => false,
    );
    const target = { runId, view, pipeline: pipelineName };
    const { rowsIn: read } = await store.steps.ingest({
      ...target,
      ...(more.full === undefined ? {} : { full: more.full }),
    });
    const clean = await store.steps.clean(target);
    const explored = await store.steps.exploreAndValidate(target);
    if (more.until === 'explore') return { read, published: 0, clean, explored, runId };
    const { published } = await store.steps.publish(target);
    return { read, published, clean, explored, runId };
  }

  async function provenance(store: FeatureStore, runId: string): Promise<DatabaseProvenance> {
    const found = await store.lake.one<{ provenance: string }>(
      `SELECT provenance FROM ${store.lake.system('publications')} WHERE run_id = $1`,
      [runId],
    );
    return JSON.parse(found?.provenance ?? '{}') as DatabaseProvenance;
  }

  it('is the sample: the same numbers from the database as from the file, then only what is new', async () => {
    const project = sampleProject();
    const sql = (text: string) =>
      runPostgres({ port: server.port, password: server.password, database: 'sample' }, text);
    try {
      const url = await server.createDatabase('sample');
      const asof = (...args: string[]) => runCli(args, { cwd: project.root, env: { ASOF_SOURCE_URL: url } });
      await project.ok('apply');
      expect(await seedSampleDatabase(url, path.join(project.root, 'data/driver_stats.parquet'))).toBe(1_807);
      expect(await seedSampleDatabase(url, path.join(project.root, 'data/driver_stats.parquet'))).toBe(0);
      process.env['ASOF_SOURCE_URL'] = url;
      const { stdout: plan } = await asof('plan');
      expect(plan).toMatch(/~ source driver_stats/);
      expect(plan).toMatch(/kind: file_source → postgres_source/);
      expect(plan).toMatch(/connection: \(none\) → .*ASOF_SOURCE_URL/);
      expect(plan).toMatch(/path: data\/driver_stats.parquet → \(none\)/);
      expect(plan).toMatch(/rows that were ingested stay; the next run reads from the new place/);
      expect(plan).toMatch(/^1 change .*none of them breaking/m);
      expect((await asof('apply')).code).toBe(0);
      expect((await asof('describe', 'source', 'driver_stats')).stdout).toMatch(/table: public\.driver_stats/);
      const store = await openFeatureStore(path.join(project.root, 'feature_repo'));
      try {
        const first = await run(store, 'db_to_offline_store', 'driver_stats');
        expect(first).toMatchObject({
          read: 1_807,
          published: 1_805,
          clean: { duplicates: 2, droppedColumns: ['__index_level_0__'] },
        });
        const [{ n: lastDay } = { n: 0 }] = (await sql(
          `SELECT count(*)::int AS n FROM driver_stats WHERE datetime >= (SELECT max(datetime) FROM driver_stats) - interval '1 day'`,
        )) as { n: number }[];
        const second = await run(store, 'db_to_offline_store', 'driver_stats');
        expect(second).toMatchObject({ read: lastDay, published: 0 });
        await sql(
          `INSERT INTO driver_stats VALUES ('2021-07-28 11:00Z', 1001, 0.5, 0.25, 3, '2021-07-28 12:00', 0), ('2021-07-28 11:00Z', 1002, 0.5, 0.25, 3, '2021-07-28 12:00', 1)`,
        );
        const third = await run(store, 'db_to_offline_store', 'driver_stats');
        expect(third.published).toBe(2);
        expect(third.read).toBeLessThan(lastDay + 3);
        // The stream's view has the same source, and a cursor of its own.
        expect(await run(store, 'db_to_offline_store', 'driver_stats_stream')).toMatchObject({
          read: 1_809,
          published: 1_807,
        });
        const report = readFileSync(path.join(project.root, third.explored.report.html), 'utf8');
        expect(report).toMatch(/public\.driver_stats/);
        expect(report).toMatch(/its times are taken as UTC/);
      } finally {
        await store.close();
      }
      expect(filesWith(project.root, server.password)).toEqual([]);
    } finally {
      delete process.env['ASOF_SOURCE_URL'];
      project.close();
    }
  });

  describe('with a cursor', () => {
    let root: string;
    let store: FeatureStore;
    let database: string;
    const sql = (text: string) => runPostgres({ port: server.port, password: server.password, database }, text);

    async function define(source: string, features = 'a: int32()') {
      writeFileSync(
        path.join(root, 'feature_repo', 'definitions.ts'),
        `import { entity, env, featureStoreConfig, featureView, int32, int64, manual, notNull, pipeline, postgresSource } from 'asof';
         export default featureStoreConfig({ project: 'inc' });
         const user = entity({ name: 'user', joinKeys: { user_id: int64() } });
         export const view = featureView({ name: 'facts', entities: [user], features: { ${features} }, expect: [notNull('a')],
           source: postgresSource({ name: 'facts', connection: env('ASOF_SOURCE_URL'), timestampField: 'at', ${source} }) });
         export const load = pipeline({ name: 'load', workflow: 'dbToOfflineStore', args: { views: ['facts'] }, schedule: manual() });`,
      );
      await (store as FeatureStore | undefined)?.close();
      store = await openFeatureStore(path.join(root, 'feature_repo'));
      await store.apply();
    }
    const go = (more: { full?: unknown; until?: 'explore' } = {}) => run(store, 'load', 'facts', more);
    const notes = async ({ explored }: { explored: { report: { json: string } } }) =>
      (JSON.parse(readFileSync(path.join(root, explored.report.json), 'utf8')) as { notes: string[] }).notes;

    beforeEach(async () => {
      root = mkdtempSync(path.join(os.tmpdir(), 'asof-cursor-'));
      mkdirSync(path.join(root, 'feature_repo'));
      writeFileSync(path.join(root, 'package.json'), '{}');
      database = `d${randomUUID().slice(0, 8)}`;
      process.env['ASOF_SOURCE_URL'] = await server.createDatabase(database);
      await sql(`CREATE TABLE facts (id bigint, user_id bigint, at timestamptz, changed timestamptz, a int, b int, n numeric);
        INSERT INTO facts SELECT g, g % 3, '2020-01-01'::timestamptz + g * interval '1 hour', '2020-01-01'::timestamptz + g * interval '1 minute', g, 7, g FROM generate_series(1, 10) AS g`);
    });
    afterEach(async () => {
      await store.close();
      rmSync(root, { recursive: true, force: true });
    });

    it.each(['id', 'n', 'changed'])(
      '%s: each run reads on from the last value, which it reads again',
      async (cursor) => {
        await define(`table: 'public.facts', cursor: '${cursor}'`);
        expect(await go()).toMatchObject({ read: 10, published: 10 });
        expect(await go()).toMatchObject({ read: 1, published: 0 });
        await sql(
          `INSERT INTO facts SELECT g, g, '2020-01-01'::timestamptz + g * interval '1 hour', '2020-01-01'::timestamptz + g * interval '1 minute', g, 7, g FROM generate_series(11, 13) AS g`,
        );
        // Equal to the last one in the cursor, and not read before.
        await sql('INSERT INTO facts SELECT id, 99, at, changed, a, b, n FROM facts WHERE id = 10');
        const next = await go();
        expect(next).toMatchObject({ read: 5, published: 4 });
        expect((await provenance(store, next.runId)).cursor).toMatchObject({
          column: cursor,
          after: expect.any(String),
          to: expect.any(String),
        });
        expect(await go({ full: true })).toMatchObject({ read: 14, published: 0 });
        expect(await go()).toMatchObject({ read: 1, published: 0 });
      },
    );

    it('a run that fails does not move it', async () => {
      await define(`table: 'facts', cursor: 'id'`);
      await go();
      await sql(`INSERT INTO facts VALUES (11, 1, '2021-01-01', '2021-01-01', NULL, 1, 11)`);
      await expect(go()).rejects.toThrow(/notNull|a is null|not null/i);
      await go({ until: 'explore' }).catch(() => undefined);
      await sql('UPDATE facts SET a = 5 WHERE id = 11');
      expect(await go()).toMatchObject({ read: 2, published: 1 });
    });

    it('a lag finds rows whose transaction committed late, of times and of numbers', async () => {
      await define(`table: 'facts', cursor: 'changed', cursorLag: '3 minutes'`);
      await go();
      await sql(
        `INSERT INTO facts VALUES (50, 1, '2021-01-01', '2020-01-01 00:08', 1, 1, 50), (51, 1, '2021-01-02', '2020-01-01 00:06', 1, 1, 51)`,
      );
      expect(await go()).toMatchObject({ read: 5, published: 1 });
      await define(`table: 'facts', cursor: 'id', cursorLag: 45`);
      await go({ full: true });
      await sql(
        `INSERT INTO facts VALUES (7, 1, '2021-01-03', '2020-01-01', 1, 1, 7), (5, 1, '2021-01-04', '2020-01-01', 1, 1, 7)`,
      );
      expect((await go()).published).toBe(1);
    });

    it('rows without a value are counted and told, and never become the mark', async () => {
      await define(`table: 'facts', cursor: 'changed'`);
      await sql(
        `INSERT INTO facts VALUES (20, 1, '2021-01-01', NULL, 1, 1, 1), (21, 1, '2021-01-01', 'infinity', 1, 1, 1), (22, 1, '2021-01-01', '-infinity', 1, 1, 1)`,
      );
      const first = await go();
      expect(first).toMatchObject({ read: 10, published: 10 });
      expect(await provenance(store, first.runId)).toMatchObject({
        unread: 3,
        cursor: { to: '2020-01-01 00:10:00+00' },
      });
      expect(await notes(first)).toContainEqual(expect.stringMatching(/3 rows have no value in the cursor changed/));
      await define(`table: 'facts', cursor: 'n'`);
      await sql(`UPDATE facts SET n = 'NaN' WHERE id = 20; UPDATE facts SET n = 'Infinity' WHERE id = 21`);
      const other = await go();
      expect(await provenance(store, other.runId)).toMatchObject({ unread: 2, cursor: { to: '10' } });
    });

    it('an empty table is read, and a table that was filled anew is told of', async () => {
      await define(`table: 'facts', cursor: 'id'`);
      await sql('DELETE FROM facts');
      expect(await go()).toMatchObject({ read: 0, published: 0 });
      await sql(`INSERT INTO facts VALUES (100, 1, '2021-01-01', '2021-01-01', 1, 1, 1)`);
      expect(await go()).toMatchObject({ read: 1, published: 1 });
      await sql(`TRUNCATE facts; INSERT INTO facts VALUES (1, 1, '2021-02-01', '2021-01-01', 1, 1, 1)`);
      const behind = await go();
      expect(behind).toMatchObject({ read: 0, published: 0 });
      expect(await notes(behind)).toContainEqual(
        expect.stringMatching(/largest id is 1, smaller than 100.*"full": true/),
      );
      expect(await go({ full: true })).toMatchObject({ read: 1, published: 1 });
      expect(await go()).toMatchObject({ read: 1, published: 0 });
    });

    it('begins anew for another query, another feature and another database', async () => {
      await define(`query: 'SELECT * FROM facts WHERE b = 7', cursor: 'id'`);
      expect((await go()).read).toBe(10);
      await define(`query: 'SELECT * FROM facts WHERE b > 0', cursor: 'id'`);
      expect(await go()).toMatchObject({ read: 10, published: 0 });
      expect((await go()).read).toBe(1);
      await define(`query: 'SELECT * FROM facts WHERE b > 0', cursor: 'id'`, 'a: int32(), b: int32()');
      expect(await go()).toMatchObject({ read: 10, published: 10 });
      expect((await go()).read).toBe(1);
      const other = `d${randomUUID().slice(0, 8)}`;
      process.env['ASOF_SOURCE_URL'] = await server.createDatabase(other);
      await sql(`SELECT 1`);
      database = other;
      await sql(
        `CREATE TABLE facts (id bigint, user_id bigint, at timestamptz, a int, b int); INSERT INTO facts VALUES (1, 1, '2022-01-01', 1, 1)`,
      );
      expect(await go()).toMatchObject({ read: 1, published: 1 });
    });

    it('full that is no truth value is refused', async () => {
      await define(`table: 'facts', cursor: 'id'`);
      await expect(go({ full: 'yes' })).rejects.toThrow(/argument "full" is "yes", not true or false/);
    });
  });
});

/** Files below a folder that hold a text; lake, staging, reports and logs included. */
function filesWith(folder: string, text: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile() && readFileSync(file).includes(text));
}
