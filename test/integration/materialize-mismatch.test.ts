import { afterEach, beforeEach, expect, it } from 'vitest';
import { createFeatureTable } from '../../src/lake/feature-tables.js';
import { catalog } from '../../src/lake/index.js';
import { readCursor } from '../../src/sync/cursor.js';
import { onBothCatalogs } from '../support/catalogs.js';
import { LakeBackup } from '../support/lake-backup.js';
import { newestInLake, TestStore } from '../support/store.js';

const day = (n: number): string => new Date(Date.UTC(2024, 0, n)).toISOString();
const users = [1, 2, 3, 4, 5];

onBothCatalogs('materialize, when the cursor does not fit the lake', (engines) => {
  let t: TestStore;
  beforeEach(async () => {
    t = await TestStore.open({}, await engines());
    await t.publish(
      'stats',
      users.map((user_id) => ({ user_id, at: day(1), a: user_id, b: 'first' })),
    );
    await t.store.materialize({ views: ['stats'] });
  });
  afterEach(() => t.close());

  const run = async () => (await t.store.materialize({ views: ['stats'] }))[0]!;
  const cursor = async () => (await readCursor(await t.store.online(), 'stats'))!;

  /** A full run for a reason, after which the online store is what the lake says. */
  async function expectFull(reason: RegExp): Promise<void> {
    const result = await run();
    expect(result).toMatchObject({ mode: 'full', reason: expect.stringMatching(reason) });
    await expectRight();
    expect(await run()).toMatchObject({ mode: 'incremental', keys: 0 });
  }

  async function expectRight(): Promise<void> {
    const table = await t.table('stats');
    expect(await t.online('stats', users)).toEqual(await newestInLake(t, table, users, new Date()));
  }

  it('starts anew with another lake', async () => {
    await new LakeBackup(t).drop();
    await t.publish('stats', [{ user_id: 2, at: day(1), a: 7, b: 'other lake' }]);
    await expectFull(/another lake/);
    expect(await t.online('stats', [1, 2])).toEqual([undefined, { at: day(1), a: 7, b: 'other lake' }]);
  });

  it('starts anew with a lake that was set back', async () => {
    const backup = new LakeBackup(t);
    await backup.save();
    await t.publish('stats', [{ user_id: 1, at: day(2), a: 70, b: 'will be lost' }]);
    await run();
    await backup.restore();
    await expectFull(/ahead of the lake/);
    expect((await t.online('stats', [1]))[0]).toMatchObject({ a: 1 });
  });

  it('starts anew with a lake that was set back and went another way', async () => {
    const backup = new LakeBackup(t);
    await backup.save();
    await t.publish('stats', [{ user_id: 1, at: day(2), a: 70, b: 'will be lost' }]);
    await run();
    await backup.restore();
    for (const n of [3, 4, 5]) await t.publish('stats', [{ user_id: 2, at: day(n), a: n, b: 'other way' }]);
    await expectFull(/set back/);
    expect((await t.online('stats', [1]))[0]).toMatchObject({ a: 1 });
  });

  it('reads a table in full that was dropped and created again', async () => {
    const table = await t.table('stats');
    await t.change('stats', 'DROP TABLE {}');
    await t.store.lake.transaction({ message: 'again' }, (session) => createFeatureTable(session, t.store.lake, table));
    await t.publish('stats', [{ user_id: 3, at: day(1), a: 3, b: 'again' }]);
    await expectFull(/created again/);
    expect((await t.online('stats', [1]))[0]).toBeUndefined();
  });

  it('reads a new generation in full, and serves nothing of the old one', async () => {
    await t.define({ features: 'a: string(), b: string()' });
    expect(await t.online('stats', users)).toEqual(users.map(() => undefined));
    await t.publish('stats', [{ user_id: 3, at: day(1), a: 'text', b: 'second' }]);
    await expectFull(/generation 2, before 1/);
  });

  it('keeps the table for an added feature, whose values arrive', async () => {
    await t.define({ features: 'a: int32(), b: string(), c: float64()' });
    expect(await run()).toMatchObject({ mode: 'incremental', keys: 0 });
    expect((await t.online('stats', [1]))[0]).toEqual({ at: day(1), a: 1, b: 'first', c: null });
    await t.publish('stats', [{ user_id: 1, at: day(1), a: 1, b: 'first', c: 0.5 }]);
    expect(await run()).toMatchObject({ mode: 'incremental', keys: 1 });
    await expectRight();
    expect((await t.online('stats', [1]))[0]).toMatchObject({ c: 0.5 });
  });

  it('keeps the table for a widened feature', async () => {
    await t.define({ features: 'a: int64(), b: string()' });
    await t.publish('stats', [{ user_id: 1, at: day(2), a: 2 ** 40, b: 'wide' }]);
    expect(await run()).toMatchObject({ mode: 'incremental', keys: 1 });
    expect(await t.online('stats', [1, 2])).toEqual([
      { at: day(2), a: 2 ** 40, b: 'wide' },
      { at: day(1), a: 2, b: 'first' },
    ]);
  });

  it('reads all when the snapshot it left off at was expired', async () => {
    const { snapshot } = await cursor();
    await t.publish('stats', [{ user_id: 1, at: day(2), a: 8, b: 'new' }]);
    await t.change('stats', 'DELETE FROM {} WHERE user_id = 4');
    await expire(snapshot);
    await expectFull(/expired/);
  });

  it('reads all when a snapshot in between was expired, in which a row came and went', async () => {
    const { snapshot } = await cursor();
    await t.publish('stats', [{ user_id: 1, at: day(2), a: 8, b: 'comes' }]);
    const gone = await t.store.lake.currentSnapshot();
    await t.change('stats', "DELETE FROM {} WHERE b = 'comes'");
    await t.publish('stats', [{ user_id: 2, at: day(2), a: 9, b: 'stays' }]);
    expect(gone).toBeGreaterThan(snapshot);
    await expire(gone);
    await expectFull(/expired/);
  });

  it('notices an online store that was emptied', async () => {
    await (await t.store.online()).dropProject();
    await expectFull(/no rows/);
  });

  it('is right after upkeep of the lake', async () => {
    for (const n of [2, 3, 4]) {
      await t.publish('stats', [{ user_id: n, at: day(n), a: n * 10, b: 'new' }]);
      await t.change('stats', `DELETE FROM {} WHERE user_id = ${n + 1} AND a = ${n + 1}`);
    }
    await upkeep(`ducklake_flush_inlined_data('${catalog}')`);
    await upkeep(`ducklake_merge_adjacent_files('${catalog}', 'stats', schema => '${t.project}')`);
    await upkeep(`ducklake_rewrite_data_files('${catalog}', 'stats', schema => '${t.project}', delete_threshold => 0)`);
    await run();
    await expectRight();
    await upkeep(`ducklake_merge_adjacent_files('${catalog}', 'stats', schema => '${t.project}')`);
    await run();
    await expectRight();
  });

  async function expire(snapshot: number): Promise<void> {
    const { lake } = t.store;
    await lake.withSession(async (session) => {
      await session.run(`CALL ducklake_expire_snapshots('${catalog}', versions => [${snapshot}])`);
      await session.run(`CALL ducklake_cleanup_old_files('${catalog}', cleanup_all => true)`);
    });
  }

  /** In a transaction of its own: merging outside of one is an internal error of DuckDB 1.5.5. */
  async function upkeep(call: string): Promise<void> {
    const options = { message: 'upkeep', upkeep: true };
    await t.store.lake.transaction(options, (session) => session.run(`CALL ${call}`));
  }
});
