import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DefinitionError } from '../../src/index.js';
import { readCursor } from '../../src/sync/cursor.js';
import { TestStore } from '../support/store.js';

const day = (n: number): string => new Date(Date.UTC(2024, 0, n)).toISOString();
const users = [1, 2, 3];

describe('materialize, a window of event times', () => {
  let t: TestStore;
  beforeAll(async () => {
    t = await TestStore.open();
    await t.publish(
      'stats',
      users.flatMap((user_id) => [1, 10, 20].map((n) => ({ user_id, at: day(n + user_id), a: n, b: 'x' }))),
    );
  });
  afterAll(() => t.close());
  const values = async () => (await t.online('stats', users)).map((row) => row?.['a']);
  const window = async (start: string, end: string) => {
    const mode = { type: 'window', start: new Date(start), end: new Date(end) } as const;
    return (await t.store.materialize({ views: ['stats'], mode }))[0]!;
  };
  const cursor = async () => readCursor(await t.store.online(), 'stats');

  it('takes keys with rows from start to end, both included, as of its end, without a cursor', async () => {
    expect(await window(day(2), day(3))).toMatchObject({ mode: 'window', keys: 2, written: 2, end: day(3) });
    expect(await values()).toEqual([1, 1, undefined]);
    expect(await window('2024-01-04T00:00:00.001Z', '2024-01-10T23:59:59.999Z')).toMatchObject({ keys: 0 });
    expect(await cursor()).toBeUndefined();
  });

  it('goes on in time with a later window, and not back with an earlier one', async () => {
    await window(day(11), day(11));
    expect(await values()).toEqual([10, 1, undefined]);
    expect(await window(day(2), day(4))).toMatchObject({ keys: 3, end: day(11) });
    expect(await values()).toEqual([10, 1, 1]);
  });

  it('is not taken back by an incremental run, which says how far the view is online', async () => {
    await t.store.materialize({ views: ['stats'], end: new Date(day(11)) });
    await window(day(20), day(21));
    expect(await values()).toEqual([20, 1, 1]);
    const before = await cursor();
    await expect(t.store.materialize({ views: ['stats'], end: new Date(day(12)) })).rejects.toThrow(DefinitionError);
    expect(await cursor()).toEqual(before);
    await t.store.materialize({ views: ['stats'], end: new Date(day(22)) });
    expect(await values()).toEqual([20, 20, 10]);
  });

  it('leaves the cursor where it is', async () => {
    const before = await cursor();
    await t.publish('stats', [{ user_id: 2, at: day(5), a: 5, b: 'late' }]);
    await window(day(4), day(6));
    expect(await cursor()).toEqual(before);
    expect(await values()).toEqual([20, 20, 10]);
  });

  it('does not take back what a push or a stream brought', async () => {
    await t.store.materialize({ views: ['stats'], mode: { type: 'full' }, end: new Date(day(5)) });
    expect(await values()).toEqual([1, 5, 1]);
    const file = t.writeData('pushed.ndjson', [{ user_id: 1, at: day(15), made: day(15), a: 15, b: 'pushed' }]);
    await t.store.steps.push('stats', file, 'one');
    // The newest of the key, which was there before the push.
    expect(await values()).toEqual([20, 5, 1]);
    await window(day(1), day(3));
    expect(await values()).toEqual([20, 20, 1]);
  });

  it('is refused when it is none', async () => {
    await expect(window(day(3), day(2))).rejects.toThrow(/ends before it starts/);
    await expect(window('nonsense', day(2))).rejects.toThrow(DefinitionError);
    await expect(t.store.materialize({ views: ['stats'], end: new Date('nonsense') })).rejects.toThrow(/no valid date/);
  });

  it('notices deleted rows of its keys', async () => {
    await t.store.materialize({ views: ['stats'] });
    await t.change('stats', 'DELETE FROM {} WHERE user_id = 3 AND a > 1');
    expect(await window(day(4), day(4))).toMatchObject({ keys: 1, written: 1 });
    expect(await values()).toEqual([20, 20, 1]);
  });
});

describe('push', () => {
  let t: TestStore;
  beforeAll(async () => {
    t = await TestStore.open();
  });
  afterAll(() => t.close());
  const push = (rows: object[], id: string) => t.store.steps.push('stats', t.writeData(`${id}.ndjson`, rows), id);

  it('brings rows to both stores, the newest of each key online', async () => {
    const rows = [
      { user_id: 1, at: day(2), made: day(2), a: 2, b: 'new' },
      { user_id: 1, at: day(1), made: day(2), a: 1, b: 'old' },
      { user_id: 2, at: day(1), made: day(2), a: 3, b: 'x' },
    ];
    expect(await push([...rows, rows[0] as object], 'first')).toMatchObject({
      published: 3,
      duplicates: 1,
      online: { written: 2, left: 0 },
    });
    expect(await t.online('stats', [1, 2, 3])).toEqual([
      { at: day(2), a: 2, b: 'new' },
      { at: day(1), a: 3, b: 'x' },
      undefined,
    ]);
  });

  it('brings rows online that are in the lake already', async () => {
    const row = { user_id: 3, at: day(4), made: day(4), a: 4, b: 'known' };
    await t.publish('stats', [row]);
    expect(await push([row], 'again')).toMatchObject({ published: 0, alreadyThere: 1 });
    expect(await t.online('stats', [3])).toEqual([{ at: day(4), a: 4, b: 'known' }]);
  });

  it('keeps a row dated in the future history', async () => {
    const at = new Date(Date.now() + 3_600_000).toISOString();
    await push([{ user_id: 1, at, made: null, a: 9, b: 'to come' }], 'future');
    expect(await t.online('stats', [1])).toEqual([{ at: day(2), a: 2, b: 'new' }]);
  });

  it('does not take back what was materialized up to a later end', async () => {
    const at = new Date(Date.now() + 1_800_000).toISOString();
    await t.publish('stats', [{ user_id: 2, at, a: 10, b: 'ahead' }]);
    await t.store.materialize({ views: ['stats'], end: new Date(at) });
    await push([{ user_id: 2, at: day(3), made: null, a: 11, b: 'late' }], 'late');
    expect(await t.online('stats', [2])).toEqual([{ at, a: 10, b: 'ahead' }]);
  });

  it('changes nothing when a row is bad', async () => {
    const before = await t.store.lake.all(`SELECT count(*) AS n FROM ${t.store.lake.table('stats')}`);
    await expect(push([{ user_id: 1, at: day(9), made: null, a: 'text', b: 'x' }], 'bad')).rejects.toThrow();
    expect(await t.store.lake.all(`SELECT count(*) AS n FROM ${t.store.lake.table('stats')}`)).toEqual(before);
  });
});
