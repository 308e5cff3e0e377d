import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ForgetReport } from '../../src/index.js';
import { takePin } from '../../src/lake/index.js';
import { onBothCatalogs } from '../support/catalogs.js';
import { newestInLake, TestStore } from '../support/store.js';

const at = (n: number): string => new Date(Date.UTC(2024, 0, 1, n)).toISOString();
/** Greater than all others, so that it is the greatest value in statistics. */
const gone = 777_001;
const others = Array.from({ length: 40 }, (_, n) => n + 1);

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const place = path.join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(place) : [place];
  });

onBothCatalogs('forget', (engines) => {
  let t: TestStore;
  let report: ForgetReport;
  let saved: number;
  const topics = () => path.join(t.stateDir, 'streams', t.project, t.topic);
  const oldFiles: string[] = [];

  beforeAll(async () => {
    const given = await engines();
    const lineage = "lineage: { openLineage: { file: '.asof/events.ndjson' } },";
    t = await TestStore.open({}, { ...given, settings: `${given.settings} ${lineage}` });
    const { lake } = t.store;
    for (const hour of [0, 1, 2])
      await t.publish(
        'stats',
        [...others, gone].map((user_id) => ({ user_id, at: at(hour), a: user_id, b: `b${user_id}` })),
      );
    // A few rows stay in the catalog, where it takes them.
    await t.change(
      'stats',
      `INSERT INTO {} (user_id, event_timestamp, a, b) VALUES (${gone}, TIMESTAMPTZ '2024-01-02', 5, 'x')`,
    );
    await t.store.materialize();
    saved = await lake.currentSnapshot();
    await t.store.writeHistoricalFeatures(
      ['stats:a'],
      [gone, 1, 2].map((user_id) => ({ user_id, event_timestamp: new Date(at(3)) })),
      { type: 'table', table: 'ranking' },
    );
    const events = [gone, 1, 2, gone].map((user_id) => ({
      key: null,
      value: JSON.stringify({ user_id, at: at(4), made: null, a: 1, b: 'event' }),
    }));
    const producer = await t.store.openProducer(t.topic);
    await producer.send([...events, { key: null, value: `{"user_id":${gone}, broken` }]);
    await producer.close();
    await lake.transaction({ message: 'records' }, async (session) => {
      const row = (user_id: number) => JSON.stringify({ user_id, a: 3 });
      await session.run(
        `INSERT INTO ${lake.system('quarantine')} (run_id, view_name, recorded_at, rule, "row") VALUES ('r', 'stats', now(), 'a > 3', $1), ('r', 'stats', now(), 'a > 3', $2)`,
        [row(gone), row(5)],
      );
      await session.run(
        `INSERT INTO ${lake.system('dead_letters')} VALUES ('scores', 'scores', 0, 1, now(), 'bad', encode($1)), ('scores', 'scores', 0, 2, now(), 'bad', encode($2))`,
        [`{"user_id":${gone}, broken`, '{"user_id":7}'],
      );
      const profile = {
        rows: 41,
        columns: [
          {
            name: 'user_id',
            distinct: 41,
            min: 1,
            max: gone,
            topValues: [
              { value: gone, count: 3 },
              { value: 1, count: 3 },
            ],
          },
          { name: 'a', distinct: 41, min: 1, max: gone, topValues: [] },
        ],
      };
      await session.run(
        `INSERT INTO ${lake.system('validation_results')} (run_id, view_name, recorded_at, quality, profile, expectations, report) VALUES ('r', 'stats', now(), 'warned', $1, $2, 'report.html')`,
        [
          JSON.stringify(profile),
          JSON.stringify([
            {
              failed: 2,
              examples: [
                { user_id: gone, a: 3 },
                { user_id: 5, a: 3 },
              ],
            },
          ]),
        ],
      );
    });
    const folder = (...names: string[]): string => {
      const made = path.join(lake.sharedDirectory, ...names);
      mkdirSync(made, { recursive: true });
      return made;
    };
    await lake.all(
      `COPY (SELECT ${gone} AS user_id, 1 AS a) TO '${path.join(folder('staging', 'r1', 'stats'), 'ingested.parquet')}' (FORMAT parquet)`,
    );
    await lake.all(
      `COPY (SELECT 1 AS user_id, 1 AS a) TO '${path.join(folder('staging', 'r2', 'stats'), 'ingested.parquet')}' (FORMAT parquet)`,
    );
    writeFileSync(
      path.join(folder('reports', 'r1', 'stats'), 'report.json'),
      JSON.stringify({ examples: [{ user_id: gone }] }),
    );
    // As a page shows it, beside the files of its views and where these are gone.
    writeFileSync(path.join(folder('reports', 'r1'), 'report.html'), '<td>777,001</td>');
    writeFileSync(path.join(folder('reports', 'r3'), 'report.html'), '<td>777,001</td>');
    writeFileSync(path.join(folder('reports', 'r2'), 'report.html'), '<td>777,002</td>');
    writeFileSync(
      path.join(t.root, '.asof', 'events.ndjson'),
      [gone, 5].map((user_id) => `${JSON.stringify({ eventType: 'FAIL', message: `user_id ${user_id}` })}\n`).join(''),
    );
    writeFileSync(path.join(folder('reports', 'r2', 'stats'), 'report.json'), JSON.stringify({ rows: gone }));
    writeFileSync(
      path.join(folder('logs', 'r1'), 'w.ndjson'),
      `{"at":"x","message":"user_id is ${gone}"}\n{"at":"x","message":"${gone} rows"}\n`,
    );
    t.writeData('stats.ndjson', [{ user_id: gone, at: at(0), a: 1, b: 'x' }]);
    await takePin(lake, { snapshot: saved, reason: 'somebody reads', forMs: 3_600_000 });
    oldFiles.push(...filesBelow(path.dirname(lake.dataDirectory('stats'))));
  }, 120_000);
  afterAll(() => t.close());

  it('says what it would remove, and removes nothing', async () => {
    const before = await t.store.lake.currentSnapshot();
    const look = await t.store.forgetting.forget([{ user_id: gone }], { dryRun: true });
    expect(look).toMatchObject({
      dryRun: true,
      removed: {
        tables: { stats: 4, ranking: 1 },
        records: { quarantine: 1, dead_letters: 1, validation_results: 1 },
        events: 3,
        online: 1,
        files: { staging: 1, reports: 3, logs: 1, lineage: 1 },
      },
      trainingSets: ['ranking'],
      yours: { sources: ['data/stats.ndjson'] },
      proof: undefined,
    });
    expect(await t.store.lake.currentSnapshot()).toBe(before);
    expect(await t.store.forgetting.list()).toEqual([]);
  });

  it('removes every trace, whoever needs the snapshots, and proves it', async () => {
    const kept = path.join(t.root, 'old.parquet');
    copyFileSync(oldFiles.find((file) => file.includes('stats'))!, kept);
    report = await t.store.forgetting.forget([{ user_id: gone }], { reason: 'request 17' });
    expect(report.left).toEqual([]);
    expect(report).toMatchObject({
      removed: {
        tables: { stats: 4, ranking: 1 },
        records: { quarantine: 1, dead_letters: 1, validation_results: 1 },
        events: 3,
        online: 1,
        pins: 1,
      },
      trainingSets: ['ranking'],
    });
    expect(report.proof!.dataFiles).toBeGreaterThan(0);
    // By other eyes than its own: no file below the project's state holds the number as text, or as the eight bytes of Parquet and LMDB.
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(gone));
    const packed = Buffer.concat([Buffer.from([1, 0x80, 0, 0, 0]), Buffer.from([0, 0x0b, 0xdb, 0x29])]);
    for (const file of filesBelow(t.stateDir)) {
      const content = readFileSync(file);
      const counts = /reports.r2|logs.r1|validation_results/.test(file);
      expect([file, content.includes(bytes), content.includes(packed)]).toEqual([file, false, false]);
      // What is no value of the key, only equal to it, stays.
      const text = content.toString('latin1').replaceAll(`"name":"a","distinct":41,"min":1,"max":${gone}`, '');
      if (!counts) expect([file, text.includes(String(gone))]).toEqual([file, false]);
    }
  });

  it('leaves everything else as it was', async () => {
    const { lake } = t.store;
    expect(await lake.one(`SELECT count(*)::INTEGER AS n FROM ${lake.table('stats')}`)).toEqual({ n: 120 });
    expect(await lake.all(`SELECT "row" FROM ${lake.system('quarantine')}`)).toEqual([{ row: '{"user_id":5,"a":3}' }]);
    expect(await lake.one(`SELECT count(*)::INTEGER AS n FROM ${lake.system('dead_letters')}`)).toEqual({ n: 1 });
    const found = await lake.one<{ profile: string; expectations: string }>(
      `SELECT profile, expectations FROM ${lake.system('validation_results')}`,
    );
    expect(JSON.parse(found!.profile)).toMatchObject({
      columns: [{ min: 1, max: null, topValues: [{ value: 1 }] }, { max: gone }],
    });
    expect(JSON.parse(found!.expectations)).toEqual([{ failed: 2, examples: [{ user_id: 5, a: 3 }] }]);
    expect(existsSync(path.join(lake.sharedDirectory, 'staging', 'r2', 'stats', 'ingested.parquet'))).toBe(true);
    expect(existsSync(path.join(lake.sharedDirectory, 'reports', 'r2', 'stats', 'report.json'))).toBe(true);
    const pages = ['r1', 'r2', 'r3'].map((run) =>
      existsSync(path.join(lake.sharedDirectory, 'reports', run, 'report.html')),
    );
    expect(pages).toEqual([false, true, false]);
    expect(readFileSync(path.join(t.root, '.asof', 'events.ndjson'), 'utf8')).toBe(
      '{"eventType":"FAIL","message":"user_id 5"}\n',
    );
    expect(readFileSync(path.join(lake.sharedDirectory, 'logs', 'r1', 'w.ndjson'), 'utf8')).toBe(
      `{"at":"x","message":"${gone} rows"}\n`,
    );
    expect(await t.online('stats', [...others, gone])).toEqual(
      await newestInLake(t, await t.table('stats'), [...others, gone], new Date()),
    );
    const lines = readFileSync(path.join(topics(), '0.ndjson'), 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    expect(lines.map((line) => (JSON.parse(line) as { user_id: number }).user_id)).toEqual([1, 2]);
  });

  it('lets views go on: the next materialize reads all and says why', async () => {
    const [result] = await t.store.materialize({ views: ['stats'] });
    expect(result).toMatchObject({ mode: 'full', reason: expect.stringMatching(/was expired/), keys: 40, deleted: 0 });
    await t.publish('stats', [{ user_id: 1, at: at(9), a: 9, b: 'new' }]);
    expect((await t.store.materialize({ views: ['stats'] }))[0]).toMatchObject({
      mode: 'incremental',
      keys: 1,
      written: 1,
    });
    expect(await t.store.steps.checkOnline('stats')).toMatchObject({ agrees: true });
  });

  it('says of training sets and old snapshots that they are gone, and why', async () => {
    const [set] = await t.store.trainingSets.list();
    expect(set).toMatchObject({ name: 'ranking', rows: 2, forgottenAt: expect.any(String) });
    const read = t.store.getHistoricalFeatures(['stats:a'], [{ user_id: 1, event_timestamp: new Date(at(3)) }], {
      asOfSnapshot: saved,
    });
    await expect(read).rejects.toMatchObject({
      message: expect.stringContaining(`no snapshot ${saved}`),
      mend: expect.stringMatching(/entity was forgotten/),
    });
  });

  it('keeps a record without the key, and finds nothing when asked again', async () => {
    const [record] = await t.store.forgetting.list();
    expect(record).toMatchObject({ state: 'proved', joinKeys: ['user_id'], reason: 'request 17' });
    expect(JSON.stringify(record)).not.toContain(String(gone));
    const again = await t.store.forgetting.forget([{ user_id: gone }]);
    expect(again).toMatchObject({
      left: [],
      removed: { tables: {}, records: {}, events: 0, online: 0, dataFiles: 0, snapshots: 0 },
    });
  });

  it('finds a file that somebody put back, known to the lake or not', async () => {
    const { lake } = t.store;
    const planted = path.join(lake.dataDirectory('stats'), 'planted.parquet');
    copyFileSync(path.join(t.root, 'old.parquet'), planted);
    const found = await t.store.forgetting.forget([{ user_id: gone }]);
    expect(found.left).toMatchObject([{ place: expect.stringContaining('planted.parquet'), what: '1 row of the key' }]);
    expect((await t.store.forgetting.list())[0]).toMatchObject({ state: 'incomplete' });
    expect(existsSync(planted)).toBe(true);
  });
});
