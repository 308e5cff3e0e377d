import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { EngineServers } from '../support/engines.js';
import { lacks } from '../support/services.js';
import { newestInLake, TestStore } from '../support/store.js';

const at = (n: number): string => new Date(Date.UTC(2024, 0, 1, n)).toISOString();
const gone = 20;
const others = Array.from({ length: 19 }, (_, n) => n + 1);
const everyone = [...others, gone];
const open: TestStore[] = [];
const opened = (t: TestStore): TestStore => {
  open.push(t);
  return t;
};
afterEach(async () => {
  for (const t of open.splice(0)) await t.close();
});

describe.skipIf(lacks('postgres'))('forget in a lake of two projects', () => {
  const servers = new EngineServers();
  afterAll(() => servers.close());

  it('leaves the data of the other, whose next materialize reads all keys and is right', async () => {
    const engines = await servers.engines({ online: 'LMDB', stream: 'file', catalog: 'Postgres' });
    const t = opened(await TestStore.open({}, engines));
    const other = opened(await TestStore.open({}, engines));
    expect(other.project).not.toBe(t.project);
    for (const project of [t, other]) {
      for (const hour of [1, 2])
        await project.publish(
          'stats',
          everyone.map((user_id) => ({ user_id, at: at(hour), a: user_id * hour, b: project.project })),
        );
      await project.store.materialize({ views: ['stats'] });
    }
    const sum = () =>
      other.store.lake.one(
        `SELECT count(*) AS n, sum(hash(COLUMNS(*)::VARCHAR)::HUGEINT)::VARCHAR FROM ${other.store.lake.table('stats')}`,
      );
    const before = await sum();
    // Not materialized when its snapshot goes.
    await other.publish('stats', [{ user_id: 1, at: at(5), a: 500, b: 'late' }]);
    const withLate = await sum();
    expect(withLate).not.toEqual(before);
    expect(await t.store.forgetting.forget([{ user_id: gone }])).toMatchObject({
      removed: { tables: { stats: 2 }, online: 1 },
      otherProjects: [other.project],
      left: [],
    });
    expect(await sum()).toEqual(withLate);
    const [result] = await other.store.materialize({ views: ['stats'] });
    expect(result).toMatchObject({ mode: 'full', keys: 20, deleted: 0 });
    expect(await other.online('stats', everyone)).toEqual(
      await newestInLake(other, await other.table('stats'), everyone, new Date()),
    );
    expect((await other.online('stats', [1]))[0]).toMatchObject({ a: 500, b: 'late' });
    expect(await other.store.steps.checkOnline('stats')).toMatchObject({ agrees: true });
    // There it is forgotten by a request of its own.
    expect(await other.store.forgetting.forget([{ user_id: gone }])).toMatchObject({
      removed: { tables: { stats: 2 }, online: 1 },
      left: [],
    });
  }, 120_000);
});

describe('forget what a run had staged', () => {
  it('a run that is done again reads its source anew, and brings back nobody who is gone from it', async () => {
    const t = opened(await TestStore.open());
    const write = (users: readonly number[]) =>
      t.writeData(
        'stats.ndjson',
        users.map((user_id) => ({ user_id, at: at(1), made: at(2), a: user_id, b: 'x' })),
      );
    write(everyone);
    const { steps } = t.store;
    const first = { runId: randomUUID(), view: 'stats', pipeline: 'load' };
    await steps.ingest(first);
    await steps.clean(first);
    expect(await steps.takeOver({ runId: first.runId }, ['stats'])).toMatchObject([{ reused: ['ingest', 'clean'] }]);
    write(others);
    const report = await t.store.forgetting.forget([{ user_id: gone }]);
    expect(report).toMatchObject({ removed: { tables: {} }, left: [], yours: { sources: [] } });
    expect(report.removed.files.staging).toBeGreaterThan(1);
    const again = { ...first, runId: randomUUID() };
    const run = { pipeline: t.store.repo.pipelines.get('load')!, runId: again.runId, workflowId: 'w' };
    await t.store.runs.open({ ...run, nominalTime: at(5), registryVersion: 1 }, async () => true);
    expect(await steps.takeOver({ runId: first.runId }, ['stats'], again.runId)).toMatchObject([
      { reused: [], why: 'the rows that it kept are gone' },
    ]);
    expect(await steps.ingest(again)).toMatchObject({ rowsOut: 19 });
    await steps.clean(again);
    await steps.exploreAndValidate(again);
    expect(await steps.publish(again)).toMatchObject({ published: 19 });
    await t.store.runs.close({ ...run, pipeline: 'load', status: 'completed', steps: [], published: 19 });
    const rows = await t.store.lake.all<{ u: number }>(
      `SELECT user_id::INTEGER AS u FROM ${t.store.lake.table('stats')} ORDER BY ALL`,
    );
    expect(rows.map(({ u }) => u)).toEqual(others);
    expect(await t.store.forgetting.forget([{ user_id: gone }])).toMatchObject({ removed: { tables: {} }, left: [] });
  }, 120_000);
});

describe('forget at some size', () => {
  it('leaves all other rows as they were, for upkeep and verify too', async () => {
    const t = opened(await TestStore.open());
    const { lake } = t.store;
    const keys = 50_000;
    for (let file = 0; file < 6; file += 1)
      await t.change(
        'stats',
        `INSERT INTO {} (user_id, event_timestamp, a, b, _ingest_position)
         SELECT i, TIMESTAMPTZ '2024-01-01' + INTERVAL ${file} HOUR, (hash(i + ${file}) % 1000)::INTEGER, 'text ' || i, i FROM range(${keys}) AS t(i)`,
      );
    await t.store.materialize({ views: ['stats'] });
    const of = [7, 33_333, keys - 1];
    const sum = (where: string) =>
      lake.one(
        `SELECT count(*)::INTEGER AS n, sum(hash(user_id, event_timestamp, a, b)::HUGEINT)::VARCHAR AS sum FROM ${lake.table('stats')} WHERE ${where}`,
      );
    const before = await sum(`user_id NOT IN (${of.join(', ')})`);
    expect(before).toMatchObject({ n: 6 * (keys - of.length) });
    const report = await t.store.forgetting.forget(of.map((user_id) => ({ user_id })));
    expect(report).toMatchObject({ removed: { tables: { stats: 6 * of.length }, online: of.length }, left: [] });
    expect(await sum('true')).toEqual(before);
    await t.store.materialize({ views: ['stats'] });
    expect((await t.store.upkeep.maintain()).notes).toEqual([]);
    expect(await sum('true')).toEqual(before);
    expect(await t.store.steps.checkOnline('stats')).toMatchObject({ agrees: true, keys: keys - of.length });
  }, 120_000);
});
