import { afterEach, describe, expect, it } from 'vitest';
import { onBothCatalogs } from '../support/catalogs.js';
import { storedKeys } from '../support/forget.js';
import { type Definitions, embedded, type TestEngines, TestStore } from '../support/store.js';

const at = '2024-01-01T00:00:00.000Z';
let t: TestStore;
afterEach(() => t.close());

/** A project with rows of entities in its history, online, set aside and among the dead letters. */
async function project(definitions: Definitions, rows: readonly object[], engines: TestEngines): Promise<void> {
  t = await TestStore.open({ event: 'a: nullable(int32()), b: nullable(string())', ...definitions }, engines);
  const { lake } = t.store;
  await t.publish(
    'stats',
    rows.map((row, a) => ({ ...row, at, a, b: 'x' })),
  );
  await t.store.materialize({ views: ['stats'] });
  await lake.transaction({ message: 'records' }, async (session) => {
    for (const row of rows) {
      const json = JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? String(value) : value));
      await session.run(`INSERT INTO ${lake.system('quarantine')} (view_name, "row") VALUES ('stats', $1)`, [json]);
      await session.run(
        `INSERT INTO ${lake.system('dead_letters')} (view_name, payload) VALUES ('scores', encode($1))`,
        [json],
      );
    }
  });
}

/** Everything there is, each place by its own words. */
async function everything(key: string): Promise<Record<string, unknown[]>> {
  const { lake } = t.store;
  const of = async (sql: string): Promise<unknown[]> =>
    (await lake.all<{ v: unknown }>(sql)).map(({ v }) => v).sort((a, b) => (String(a) < String(b) ? -1 : 1));
  const kept = await of(`SELECT "row" AS v FROM ${lake.system('quarantine')}`);
  return {
    history: await of(`SELECT ${key} AS v FROM ${lake.table('stats')}`),
    online: (await storedKeys(await t.store.online(), await t.table('stats'))).map(String).sort(),
    quarantine: kept,
    deadLetters: await of(`SELECT decode(payload) AS v FROM ${lake.system('dead_letters')}`),
  };
}

onBothCatalogs('forget keys that resemble others', (engines) => {
  const gone = ['1', 'a"b', 'a\\b', "o'neil", 'kůň', 'ann@example.com', '1.6', 'a\nb'];
  const others = ['10', '01', ' 1', '1 ', '1.0', '-1', '', 'ab', 'a', 'a\\"b', 'kun', 'ann@example.com.au', '2', '16'];

  it('texts, as they stand', async () => {
    const rows = (keys: readonly string[]) => keys.map((k) => ({ k }));
    await project({ keys: 'k: string()' }, rows([...gone, ...others]), await engines());
    const report = await t.store.forgetting.forget(rows(gone));
    expect(report).toMatchObject({
      removed: { tables: { stats: gone.length }, online: gone.length },
      left: [],
    });
    const json = rows(others)
      .map((row) => JSON.stringify(row))
      .sort();
    expect(await everything('k')).toEqual({
      history: [...others].sort(),
      online: [...others].sort(),
      quarantine: json,
      deadLetters: json,
    });
    await t.store.materialize({ views: ['stats'] });
    expect(await t.store.steps.checkOnline('stats')).toMatchObject({ agrees: true, keys: others.length });
  }, 120_000);

  it('an empty text', async () => {
    const rows = ['', ' ', 'a'].map((k) => ({ k }));
    await project({ keys: 'k: string()' }, rows, await engines());
    expect(await t.store.forgetting.forget([{ k: '' }])).toMatchObject({ left: [] });
    expect(await everything('k')).toMatchObject({
      history: [' ', 'a'],
      online: [' ', 'a'],
      quarantine: ['{"k":" "}', '{"k":"a"}'],
    });
  }, 120_000);

  it('whole numbers beyond 2^53', async () => {
    const ids = [9_007_199_254_740_993n, 9_007_199_254_740_992n, -9_007_199_254_740_993n, 1n];
    const [first, ...left] = ids.map((k) => ({ k }));
    await project({ keys: "k: int64({ mode: 'bigint' })" }, [first!, ...left], await engines());
    expect(await t.store.forgetting.forget([first!])).toMatchObject({ left: [] });
    expect(await everything('k')).toMatchObject({
      history: left.map(({ k }) => k).sort((a, b) => (String(a) < String(b) ? -1 : 1)),
      quarantine: left.map(({ k }) => `{"k":"${k}"}`).sort(),
    });
  }, 120_000);
});

describe('forget by a part of the join keys', () => {
  it('bytes and times', async () => {
    const keys = 'x: asof.bytes(), y: timestamp(), z: int64()';
    const times = ['2024-01-01T00:00:00.250Z', '2024-01-01T00:00:00.000Z'].map((time) => new Date(time));
    const rows = [
      [1, 2],
      [1, 2, 3],
    ].flatMap((x) => times.map((y, z) => ({ x: new Uint8Array(x), y, z })));
    t = await TestStore.open({ keys, event: 'a: nullable(int32()), b: nullable(string())' }, embedded);
    await t.publish(
      'stats',
      rows.map((row, a) => ({ ...row, at, a, b: 'x' })),
    );
    await t.store.materialize({ views: ['stats'] });
    const count = async (): Promise<number> =>
      (await storedKeys(await t.store.online(), await t.table('stats'))).length;
    expect(await t.store.forgetting.forget([{ x: new Uint8Array([1, 2]), y: times[0] }])).toMatchObject({
      removed: { tables: { stats: 1 }, online: 1 },
      left: [],
    });
    expect(await count()).toBe(3);
    expect(await t.store.forgetting.forget([{ x: new Uint8Array([1, 2, 3]) }])).toMatchObject({
      removed: { tables: { stats: 2 }, online: 2 },
      left: [],
    });
    expect(await count()).toBe(1);
    await t.store.materialize({ views: ['stats'] });
    expect(await t.store.steps.checkOnline('stats')).toMatchObject({ agrees: true, keys: 1 });
  }, 120_000);
});
