import { afterAll, beforeAll, expect, it } from 'vitest';
import { DefinitionError } from '../../src/index.js';
import { onBothCatalogs } from '../support/catalogs.js';
import { TestStore } from '../support/store.js';

const day = (n: number): string => new Date(Date.UTC(2024, 0, n)).toISOString();
const users = [1, 2, 3, 4, 5];

onBothCatalogs('materialize, incremental', (engines) => {
  let t: TestStore;
  beforeAll(async () => {
    t = await TestStore.open({}, await engines());
    await t.publish(
      'stats',
      users.map((user_id) => ({ user_id, at: day(1), made: day(1), a: user_id, b: 'first' })),
    );
  });
  afterAll(() => t.close());

  const run = async (end?: string) =>
    (await t.store.materialize({ views: ['stats'], ...(end === undefined ? {} : { end: new Date(end) }) }))[0]!;
  const online = async (user: number) => (await t.online('stats', [user]))[0];

  it('is full the first time and says so', async () => {
    expect(await run()).toMatchObject({
      mode: 'full',
      reason: expect.stringContaining('no rows'),
      keys: 5,
      written: 5,
    });
    expect(await t.online('stats', users)).toEqual(users.map((a) => ({ at: day(1), a, b: 'first' })));
  });

  it('does nothing when nothing is new', async () => {
    expect(await run()).toMatchObject({
      mode: 'incremental',
      reason: undefined,
      keys: 0,
      written: 0,
      deleted: 0,
      left: 0,
    });
  });

  it('takes what is new, of its keys only', async () => {
    await t.publish('stats', [{ user_id: 1, at: day(3), made: day(3), a: 10, b: 'new' }]);
    expect(await run()).toMatchObject({ mode: 'incremental', keys: 1, written: 1 });
    expect(await online(1)).toEqual({ at: day(3), a: 10, b: 'new' });
  });

  it('lets a late row of an older event time change nothing', async () => {
    await t.publish('stats', [{ user_id: 1, at: day(2), made: day(9), a: 11, b: 'late' }]);
    expect(await run()).toMatchObject({ keys: 1 });
    expect(await online(1)).toEqual({ at: day(3), a: 10, b: 'new' });
  });

  it('takes a correction at the same event time, by created time and else by ingestion', async () => {
    await t.publish('stats', [{ user_id: 1, at: day(3), made: day(4), a: 12, b: 'corrected' }]);
    await t.publish('stats', [{ user_id: 2, at: day(1), made: day(1), a: 21, b: 'published later' }]);
    await t.publish('stats', [{ user_id: 3, at: day(1), made: null, a: 31, b: 'made at no time, so older' }]);
    expect(await run()).toMatchObject({ mode: 'full', reason: expect.stringContaining('keys changed') });
    expect(await t.online('stats', [1, 2, 3])).toEqual([
      { at: day(3), a: 12, b: 'corrected' },
      { at: day(1), a: 21, b: 'published later' },
      { at: day(1), a: 3, b: 'first' },
    ]);
  });

  it('brings the older row back when the newest was deleted, and empties a key without rows', async () => {
    await t.change('stats', "DELETE FROM {} WHERE user_id = 1 AND b = 'corrected'");
    await t.change('stats', 'DELETE FROM {} WHERE user_id = 5');
    expect(await run()).toMatchObject({ mode: 'incremental', keys: 2, written: 1, deleted: 1 });
    expect(await t.online('stats', [1, 5])).toEqual([{ at: day(3), a: 10, b: 'new' }, undefined]);
    expect(await run()).toMatchObject({ keys: 0, deleted: 0 });
  });

  it('takes a row that was changed in place, and a key that comes back', async () => {
    await t.change('stats', "UPDATE {} SET a = 99 WHERE user_id = 1 AND b = 'new'");
    await t.publish('stats', [{ user_id: 5, at: day(1), a: 5, b: 'again' }]);
    expect(await run()).toMatchObject({ mode: 'incremental', keys: 2, written: 2 });
    expect(await t.online('stats', [1, 5])).toEqual([
      { at: day(3), a: 99, b: 'new' },
      { at: day(1), a: 5, b: 'again' },
    ]);
  });

  it('leaves a row dated in the future history until it is due', async () => {
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    await t.publish('stats', [{ user_id: 4, at: soon, a: 40, b: 'to come' }]);
    await run();
    expect(await online(4)).toEqual({ at: day(1), a: 4, b: 'first' });
    expect(await run(new Date(Date.parse(soon) - 1).toISOString())).toMatchObject({ keys: 0 });
    expect(await run(soon)).toMatchObject({ mode: 'incremental', keys: 1, written: 1 });
    expect(await online(4)).toEqual({ at: soon, a: 40, b: 'to come' });
    // What is online stays online: the default end lies before the one asked for last.
    await t.publish('stats', [{ user_id: 4, at: day(2), a: 41, b: 'late' }]);
    await run();
    expect(await online(4)).toEqual({ at: soon, a: 40, b: 'to come' });
  });

  it('refuses an end before what is online, and changes nothing', async () => {
    await t.publish('stats', [{ user_id: 3, at: day(5), a: 33, b: 'waits' }]);
    const before = await t.online('stats', users);
    await expect(run(day(20))).rejects.toThrow(DefinitionError);
    await expect(run(day(20))).rejects.toThrow(/lies before/);
    expect(await t.online('stats', users)).toEqual(before);
    await run();
    expect(await online(3)).toEqual({ at: day(5), a: 33, b: 'waits' });
  });
});

onBothCatalogs('materialize, by event time', (engines) => {
  let t: TestStore;
  beforeAll(async () => {
    t = await TestStore.open({}, await engines());
    await t.publish(
      'stats',
      users.flatMap((user_id) => [1, 10, 20].map((n) => ({ user_id, at: day(n + user_id), a: n, b: 'x' }))),
    );
  });
  afterAll(() => t.close());
  const values = async () => (await t.online('stats', users)).map((row) => row?.['a']);

  it('follows the rows that come due between two ends', async () => {
    await t.store.materialize({ views: ['stats'], end: new Date(day(4)) });
    expect(await values()).toEqual([1, 1, 1, undefined, undefined]);
    const [next] = await t.store.materialize({ views: ['stats'], end: new Date(day(5)) });
    expect(next).toMatchObject({ mode: 'incremental', keys: 1, written: 1 });
    expect(await values()).toEqual([1, 1, 1, 1, undefined]);
    const [one] = await t.store.materialize({ views: ['stats'], end: new Date(day(11)) });
    expect(one).toMatchObject({ mode: 'incremental', keys: 2 });
    expect(await values()).toEqual([10, 1, 1, 1, 1]);
  });

  it('sets the store back with a full run, rows of keys that have none yet included', async () => {
    const [full] = await t.store.materialize({ views: ['stats'], mode: { type: 'full' }, end: new Date(day(3)) });
    expect(full).toMatchObject({ mode: 'full', written: 2, deleted: 3 });
    expect(await values()).toEqual([1, 1, undefined, undefined, undefined]);
    await t.store.materialize({ views: ['stats'] });
    expect(await values()).toEqual([20, 20, 20, 20, 20]);
  });
});
