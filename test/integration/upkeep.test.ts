import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../src/errors.js';
import type { UpkeepReport } from '../../src/index.js';
import { catalog, extendPin, lit, releasePin, takePin } from '../../src/lake/index.js';
import { writeParquet } from '../../src/lake/parquet-file.js';
import { readCursor } from '../../src/sync/cursor.js';
import { Upkeep } from '../../src/upkeep/index.js';
import { ageStore } from '../support/age-lake.js';
import { onBothCatalogs } from '../support/catalogs.js';
import { newestInLake, TestStore } from '../support/store.js';

const hour = 3_600_000;
const day = 24 * hour;
const at = (n: number): string => new Date(Date.UTC(2024, 0, 1, n)).toISOString();
const users = Array.from({ length: 20 }, (_, n) => n + 1);

onBothCatalogs('upkeep', (engines) => {
  let t: TestStore;
  beforeAll(async () => {
    t = await TestStore.open({}, await engines());
    await t.publish(
      'stats',
      users.map((user_id) => ({ user_id, at: at(0), a: user_id, b: 'first' })),
    );
    await materialize();
  });
  afterAll(() => t.close());

  const maintain = async (): Promise<UpkeepReport> => {
    const report = await t.store.upkeep.maintain();
    expect(report.notes).toEqual([]);
    return report;
  };
  async function materialize() {
    return (await t.store.materialize({ views: ['stats'] }))[0]!;
  }
  const change = (user_id: number, hours: number) =>
    t.publish('stats', [{ user_id, at: at(hours), a: hours, b: 'changed' }]);
  const snapshots = async (): Promise<number[]> =>
    (
      await t.store.lake.all<{ id: bigint }>(
        `SELECT snapshot_id AS id FROM ${t.store.lake.metadata('ducklake_snapshot')} ORDER BY id`,
      )
    ).map(({ id }) => Number(id));
  /** As if time had passed. */
  const age = (ms: number): Promise<void> => ageStore(t, 'stats', ms);
  const expectRight = async (): Promise<void> =>
    expect(await t.online('stats', users)).toEqual(await newestInLake(t, await t.table('stats'), users, new Date()));

  it('makes one file of many and leaves materialize nothing to do', async () => {
    for (const n of [1, 2, 3, 4]) await change(n, n);
    await t.change('stats', 'DELETE FROM {} WHERE user_id = 20');
    await materialize();
    const before = await t.store.upkeep.look();
    expect(before.due).toBe('there was none yet');
    const report = await maintain();
    expect(report).toMatchObject({ expiredSnapshots: 0, removedFiles: 0, removedOrphans: 0 });
    expect(report.mergedFiles + report.flushedRows).toBeGreaterThan(0);
    expect(report.after.smallFiles).toBeLessThan(before.counts.smallFiles);
    expect(report.after.inlinedRows).toBeLessThanOrEqual(before.counts.inlinedRows);
    expect(await materialize()).toMatchObject({ mode: 'incremental', keys: 0 });
    await expectRight();
    expect((await t.store.upkeep.look()).due).toBeUndefined();
    expect((await t.store.upkeep.look({ snapshots: 1 })).due).toMatch(/new snapshots?$/);
  });

  it('is named in no incremental run, before, between or after data', async () => {
    await change(5, 5);
    await maintain();
    await change(6, 6);
    await change(6, 7);
    await t.change('stats', 'DELETE FROM {} WHERE user_id BETWEEN 7 AND 9');
    await maintain();
    expect(await materialize()).toMatchObject({ mode: 'incremental', keys: 5, written: 2, deleted: 3 });
    await expectRight();
    // Everything was written anew, which the change feed shows as updates.
    const { lake } = t.store;
    await lake.transaction({ message: 'rewrite', upkeep: true }, (session) =>
      session.run(
        `CALL ducklake_rewrite_data_files(${lit(catalog)}, 'stats', schema => ${lit(lake.project)}, delete_threshold => 0)`,
      ),
    );
    await change(10, 10);
    expect(await materialize()).toMatchObject({ mode: 'incremental', keys: 1, written: 1 });
    await expectRight();
    expect(await t.store.steps.checkOnline('stats')).toMatchObject({ agrees: true });
  });

  it('thins out what is old behind a cursor without a gap in the change feed', async () => {
    const cursor = (await readCursor(await t.store.online(), 'stats'))?.snapshot ?? -1;
    for (const n of [11, 12, 13]) await change(n, n);
    // Came and went: only the change feed knows of it.
    await t.publish('stats', [{ user_id: 21, at: at(1), a: 1, b: 'short' }]);
    await t.change('stats', 'DELETE FROM {} WHERE user_id = 21');
    const moment = new Date();
    for (const n of [14, 15]) await change(n, n);
    await age(3 * hour);
    await change(16, 16);
    const count = (await snapshots()).length;
    const report = await maintain();
    expect(report.expiredSnapshots).toBeGreaterThan(5);
    expect((await snapshots()).length).toBeLessThan(count);
    expect(await snapshots()).toContain(cursor);
    expect(report.kept).toMatchObject({ 'online cursor': 1, 'change feed': expect.any(Number) });
    expect(await materialize()).toMatchObject({ mode: 'incremental', reason: undefined, keys: 7 });
    await expectRight();
    expect(await t.store.steps.checkOnline('stats')).toMatchObject({ agrees: true });
    expect(await materialize()).toMatchObject({ mode: 'incremental', keys: 0 });
    // The newest snapshot that is kept of those before a moment answers for it.
    const then = await t.store.writeHistoricalFeatures(
      ['stats:a'],
      [{ user_id: 16, event_timestamp: new Date(at(20)) }],
      { type: 'rows' },
      { asOfTime: new Date(moment.getTime() - 3 * hour) },
    );
    expect(then.rows).toEqual(
      [expect.objectContaining({ a: 16 })].map(() => expect.objectContaining({ a: users[15] })),
    );
    await expect(
      t.store.getHistoricalFeatures(['stats:a'], [{ user_id: 1 }], { asOfTime: new Date('2000-01-01') }),
    ).rejects.toThrow(/does not know how it was/);
  });

  it('never expires what a pin, a saved training set, an open run or a cursor needs', async () => {
    const { lake, runs, trainingSets } = t.store;
    const pinned = await lake.currentSnapshot();
    const pin = await takePin(lake, { snapshot: pinned, reason: 'test', forMs: hour });
    await change(1, 30);
    const rows = [{ user_id: 1, event_timestamp: new Date(at(40)) }];
    const answer = await t.store.writeHistoricalFeatures(['stats:a'], rows, { type: 'table', table: 'saved' });
    await change(1, 31);
    const file = { type: 'file', path: t.file('set.csv') } as const;
    const noted = await t.store.writeHistoricalFeatures(['stats:a'], rows, file, { saveAs: 'noted' });
    await change(1, 32);
    const forgotten = await t.store.writeHistoricalFeatures(['stats:a'], rows, { ...file, path: t.file('other.csv') });
    await change(1, 33);
    await materialize();
    const online = (await readCursor(await t.store.online(), 'stats'))?.snapshot ?? -1;
    await change(1, 34);
    await age(30 * day);
    await change(1, 35);
    const pipeline = t.store.repo.pipelines.get('load')!;
    const run = { runId: 'open-run', workflowId: 'w', pipeline: pipeline.name };
    const interval = { start: '2024-01-01T00:00:00Z', end: '2024-01-02T00:00:00Z' };
    const nominalTime = interval.end;
    await runs.open({ ...run, pipeline, interval, nominalTime, registryVersion: 1 }, async () => false);
    const since = await lake.currentSnapshot();
    await age(3 * hour);
    await lake.withSession((session) =>
      // The run began so long ago as well.
      session.run(`UPDATE ${lake.system('run_events')} SET recorded_at = recorded_at - INTERVAL 3 HOURS`),
    );
    await change(1, 36);

    const needed = [pinned, answer.snapshot, noted.snapshot, online, since];
    const first = await maintain();
    expect(await snapshots()).toEqual(expect.arrayContaining(needed));
    expect(await snapshots()).not.toContain(forgotten.snapshot);
    expect(first.kept).toMatchObject({ pinned: 1, 'training set': 2, 'online cursor': 1 });
    const again = { asOfSnapshot: answer.snapshot };
    expect(await t.store.getHistoricalFeatures(['stats:a'], rows, again)).toMatchObject([{ a: 30 }]);
    expect(await t.store.getHistoricalFeatures(['stats:a'], rows, { asOfSnapshot: noted.snapshot })).toMatchObject([
      { a: 31 },
    ]);
    await expect(
      t.store.getHistoricalFeatures(['stats:a'], rows, { asOfSnapshot: forgotten.snapshot }),
    ).rejects.toThrow(/has no snapshot/);
    expect(await extendPin(lake, pin, 2 * hour)).toBe(true);

    await releasePin(lake, pin);
    await runs.close({ ...run, status: 'completed', steps: [], published: 0 });
    expect((await trainingSets.list()).map(({ name, rows: n }) => [name, n])).toEqual([
      ['noted', 1],
      ['saved', 1],
    ]);
    for (const { name } of await trainingSets.list()) await trainingSets.drop(name);
    await expect(trainingSets.drop('saved')).rejects.toThrow(/no training set "saved"/);
    await materialize();
    await age(10 * day);
    await change(1, 37);
    await maintain();
    const left = await snapshots();
    for (const id of needed) expect(left).not.toContain(id);
    expect(await extendPin(lake, pin, hour)).toBe(false);
    expect(await materialize()).toMatchObject({ mode: 'incremental', keys: 1 });
    await expectRight();
  });

  it('expires nothing when the online store can not say what it needs', async () => {
    const { lake } = t.store;
    await age(30 * day);
    const before = await snapshots();
    const blind = new Upkeep({
      lake,
      rules: t.store.repo.config.upkeep,
      tables: async () => [await t.table('stats')],
      online: async () => {
        throw new StoreUnavailableError('Redis does not answer');
      },
    });
    const report = await blind.maintain();
    expect(report.expiredSnapshots).toBe(0);
    expect(report.notes).toEqual([expect.stringMatching(/no snapshot was expired.*Redis does not answer/)]);
    expect(await snapshots()).toEqual(expect.arrayContaining(before));
  });

  it('leaves files of writers at work, and removes those nobody will register any more', async () => {
    const { lake } = t.store;
    const table = await t.table('stats');
    const folder = lake.dataDirectory('stats');
    const file = (name: string): string => path.join(folder, name);
    await lake.withSession(async (session) => {
      for (const name of ['open.parquet', 'lost.parquet']) {
        const sql = `SELECT * REPLACE (99 AS user_id) FROM ${lake.table(table.view)} LIMIT 1`;
        await writeParquet(session, sql, [], file(name));
      }
    });
    const old = new Date(Date.now() - 2 * day);
    utimesSync(file('lost.parquet'), old, old);
    expect(await t.store.upkeep.maintain({ dryRun: true })).toMatchObject({ removedOrphans: 1 });
    expect(existsSync(file('lost.parquet'))).toBe(true);
    expect(await maintain()).toMatchObject({ removedOrphans: 1 });
    expect(existsSync(file('lost.parquet'))).toBe(false);
    await lake.transaction({ message: 'the writer goes on' }, (session) =>
      session.run(
        `CALL ducklake_add_data_files(${lit(catalog)}, 'stats', ${lit(file('open.parquet'))}, schema => ${lit(lake.project)})`,
      ),
    );
    await maintain();
    expect(await lake.all(`SELECT count(*)::INTEGER AS n FROM ${lake.table('stats')} WHERE user_id = 99`)).toEqual([
      { n: 1 },
    ]);
  });

  it('removes what runs of long ago left, and nothing of open ones', async () => {
    const { lake, runs } = t.store;
    const pipeline = t.store.repo.pipelines.get('load')!;
    const open = async (runId: string, month: number): Promise<void> => {
      const interval = { start: `2023-0${month}-01T00:00:00Z`, end: `2023-0${month}-02T00:00:00Z` };
      const request = { runId, workflowId: runId, pipeline, interval, nominalTime: interval.end, registryVersion: 1 };
      await runs.open(request, async () => true);
      for (const folder of ['staging', 'logs', 'reports']) {
        const directory = path.join(lake.sharedDirectory, folder, runId);
        mkdirSync(directory, { recursive: true });
        writeFileSync(path.join(directory, 'something'), '');
      }
      await t.store.lake.transaction({ message: 'results' }, async (session) => {
        await session.run(
          `INSERT INTO ${lake.system('validation_results')} BY NAME SELECT $1 AS run_id, 'stats' AS view_name, now() AS recorded_at`,
          [runId],
        );
        await session.run(
          `INSERT INTO ${lake.system('expectation_results')} BY NAME SELECT $1 AS run_id, 'stats' AS view_name, now() AS recorded_at`,
          [runId],
        );
        for (const name of ['quarantine', 'dead_letters'])
          await session.run(
            `INSERT INTO ${lake.system(name)} BY NAME SELECT 'stats' AS view_name, now() AS recorded_at`,
          );
      });
    };
    const close = (runId: string) =>
      runs.close({ runId, workflowId: runId, pipeline: pipeline.name, status: 'completed', steps: [], published: 0 });
    await open('long-ago', 1);
    await close('long-ago');
    const backfill = { pipeline: 'load', backfillId: 'filled', workflowId: 'filled' };
    const range = { start: '2023-01-01T00:00:00Z', end: '2023-02-01T00:00:00Z' };
    await runs.backfills.open({ ...backfill, range, only: 'all', total: 31 }, async () => true);
    // It holds nothing: the runs it starts do.
    expect((await maintain()).kept['open run']).toBeUndefined();
    await runs.backfills.close({
      ...backfill,
      status: 'completed',
      done: 31,
      failed: 0,
      skipped: 0,
      failures: [],
      skips: [],
    });
    await open('still-open', 2);
    const aged = async (days: number): Promise<void> => {
      for (const name of [
        'run_events',
        'validation_results',
        'expectation_results',
        'publications',
        'outbox',
        'quarantine',
        'dead_letters',
      ])
        await lake.transaction({ message: 'as if long ago' }, (session) =>
          session.run(`UPDATE ${lake.system(name)} SET recorded_at = recorded_at - INTERVAL ${days} DAYS`),
        );
    };
    const publicationsOfRows = async (): Promise<number> => {
      const sql = `SELECT count(*) AS n FROM ${lake.system('publications')} WHERE counts->>'published' <> '0'`;
      return Number((await lake.one<{ n: bigint }>(sql))?.n);
    };
    const there = (folder: string, runId: string): boolean =>
      existsSync(path.join(lake.sharedDirectory, folder, runId));
    await aged(8);
    await open('lately', 3);
    await close('lately');
    await maintain();
    expect([there('staging', 'long-ago'), there('logs', 'long-ago'), there('reports', 'long-ago')]).toEqual([
      false,
      true,
      true,
    ]);
    const publications = await publicationsOfRows();
    await aged(100);
    await open('now', 4);
    await close('now');
    const { removedRecords, removedRunFiles } = await maintain();
    expect(removedRecords).toBeGreaterThan(4);
    expect(removedRunFiles).toBeGreaterThanOrEqual(4);
    for (const folder of ['staging', 'logs', 'reports']) {
      expect(there(folder, 'long-ago')).toBe(false);
      expect(there(folder, 'still-open')).toBe(true);
      expect(there(folder, 'now')).toBe(true);
    }
    expect(await runs.find('long-ago')).toBeUndefined();
    expect(await runs.backfills.find('filled')).toBeUndefined();
    expect(await runs.find('still-open')).toMatchObject({ status: 'running' });
    const rows = async (name: string): Promise<number> =>
      Number((await lake.one<{ n: bigint }>(`SELECT count(*) AS n FROM ${lake.system(name)}`))?.n);
    expect(await rows('validation_results')).toBe(2);
    expect(await rows('expectation_results')).toBe(2);
    // They tell where the rows came from that are in the lake.
    expect(await rows('publications')).toBe(publications);
    // Told by the runs that were closed of late.
    expect(await rows('outbox')).toBe(1);
    expect([await rows('quarantine'), await rows('dead_letters')]).toEqual([4, 4]);
  });
  it('keeps the records by which a deploy knows what is done: of once(), and of intervals where a pipeline catches up', async () => {
    writeFileSync(
      path.join(t.repo, 'behind.ts'),
      `import { daily, pipeline } from 'asof';
export const behind = pipeline({ name: 'behind', workflow: 'dbToOfflineStore', args: { views: ['stats'] }, schedule: daily(),
  startAt: '2023-01-01', catchup: true });`,
    );
    await t.reopen();
    const { lake, runs, repo } = t.store;
    const record = async (name: string, runId: string, day: number, status: 'completed' | 'failed', isOnce = false) => {
      const pipeline = repo.pipelines.get(name)!;
      const interval = { start: `2023-01-0${day}T00:00:00Z`, end: `2023-01-0${day + 1}T00:00:00Z` };
      const request = { runId, workflowId: runId, pipeline, interval, nominalTime: interval.end, registryVersion: 1 };
      await runs.open({ ...request, trigger: isOnce ? 'once' : 'schedule' }, async () => false);
      await runs.close({ runId, workflowId: runId, pipeline: name, status, steps: [], published: 0 });
    };
    await record('behind', 'done', 1, 'completed');
    await record('behind', 'done-again', 1, 'completed');
    await record('behind', 'done-next', 2, 'completed');
    await record('behind', 'not-done', 3, 'failed');
    await record('load', 'the-one', 1, 'failed', true);
    await record('load', 'another', 1, 'completed');
    await lake.transaction({ message: 'as if long ago' }, (session) =>
      session.run(`UPDATE ${lake.system('run_events')} SET recorded_at = recorded_at - INTERVAL 100 DAYS`),
    );
    await maintain();
    const kept = (await runs.list({ limit: 100 })).map(({ runId }) => runId);
    expect(
      ['done', 'done-again', 'done-next', 'not-done', 'the-one', 'another'].filter((id) => kept.includes(id)),
    ).toEqual(['done-again', 'done-next', 'the-one']);
  });
});
