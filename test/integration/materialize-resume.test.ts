import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MaterializeProgress } from '../../src/index.js';
import { readCursor } from '../../src/sync/cursor.js';
import { type MaterializeResult, materializeView, type Stores } from '../../src/sync/index.js';
import { TestStore } from '../support/store.js';

const keys = 20_000;
const users = Array.from({ length: keys }, (_, index) => index);
const at = '2024-01-01T00:00:00.000Z';

/** Counts what reaches the online store, and can do something in the middle. */
function watched(stores: Stores, during?: (call: number) => Promise<void>): { stores: Stores; entries: () => number } {
  let entries = 0;
  let call = 0;
  const online = new Proxy(stores.online, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name !== 'replace') return value.bind(target);
      return async (...args: Parameters<typeof target.replace>) => {
        entries += args[1].length;
        await during?.(++call);
        return target.replace(...args);
      };
    },
  });
  return { stores: { ...stores, online }, entries: () => entries };
}

describe('materialize, many keys', () => {
  let t: TestStore;
  let stores: Stores;
  beforeAll(async () => {
    t = await TestStore.open();
    await fill(1);
  });
  afterAll(() => t.close());

  async function fill(a: number): Promise<void> {
    await t.change(
      'stats',
      `INSERT INTO {} BY NAME SELECT i AS user_id, TIMESTAMPTZ '${at}' AS event_timestamp, ${a} AS a, 'b' || i AS b,
         now() AS _ingest_time, i AS _ingest_position FROM range(${keys}) AS r(i)`,
    );
    stores = await t.stores();
  }

  /** Runs until some rows are online, then stops. */
  async function interrupted(file: string): Promise<MaterializeProgress> {
    const abort = new AbortController();
    let last: MaterializeProgress | undefined;
    const running = materializeView(stores, {
      table: await t.table('stats'),
      mode: { type: 'full' },
      file,
      signal: abort.signal,
      onProgress: (progress) => {
        last = progress;
        if (progress.rowsDone > 0) abort.abort(new Error('stopped'));
      },
    });
    await expect(running).rejects.toThrow('stopped');
    if (last === undefined) throw new Error('no progress was told');
    return last;
  }

  const goOn = async (resume: MaterializeProgress, on = stores): Promise<MaterializeResult> =>
    materializeView(on, { table: await t.table('stats'), mode: { type: 'full' }, file: resume.file, resume });

  const wrong = async (a: number): Promise<number> =>
    (await t.online('stats', users)).filter((row, user) => row?.['a'] !== a || row['b'] !== `b${user}`).length;

  it('goes on where a stopped run was', async () => {
    const progress = await interrupted(t.file());
    expect(progress.rowsDone).toBeGreaterThan(0);
    expect(progress.rowsDone).toBeLessThan(keys);
    expect(await readCursor(stores.online, 'stats')).toBeUndefined();
    // Crosses to a heartbeat and back as JSON.
    const seen = watched(stores);
    const result = await goOn(JSON.parse(JSON.stringify(progress)) as MaterializeProgress, seen.stores);
    expect(seen.entries()).toBe(keys - progress.rowsDone);
    expect(result).toMatchObject({ mode: 'full', keys, written: keys, snapshot: progress.snapshot });
    expect(await wrong(1)).toBe(0);
    expect(existsSync(progress.file)).toBe(false);
    expect((await readCursor(stores.online, 'stats'))?.snapshot).toBe(progress.snapshot);
  });

  it('starts over when its file is gone', async () => {
    await fill(2);
    const progress = await interrupted(t.file());
    const seen = watched(stores);
    await goOn({ ...progress, file: t.file() }, seen.stores);
    expect(seen.entries()).toBe(keys);
    expect(await wrong(2)).toBe(0);
  });

  it('starts over when the online store was emptied in between', async () => {
    await fill(3);
    const progress = await interrupted(t.file());
    await stores.online.dropView('stats');
    await goOn(progress);
    expect(await wrong(3)).toBe(0);
  });

  it('starts over when the online store is emptied while it writes', async () => {
    const seen = watched(stores, async (call) => {
      if (call === 3) await stores.online.dropView('stats');
    });
    const table = await t.table('stats');
    const result = await materializeView(seen.stores, { table, mode: { type: 'full' }, file: t.file() });
    expect(result.written).toBe(keys);
    expect(await wrong(3)).toBe(0);
  });

  it('starts over when the features changed in between', async () => {
    await fill(4);
    const progress = await interrupted(t.file());
    await t.define({ features: 'a: int32(), b: string(), c: int64()' });
    stores = await t.stores();
    await goOn(progress);
    expect(await wrong(4)).toBe(0);
    const [cursor, [row]] = [await readCursor(stores.online, 'stats'), await t.online('stats', [7])];
    expect(row).toEqual({ at, a: 4, b: 'b7', c: null });
    expect(cursor?.snapshot).toBeGreaterThan(progress.snapshot);
  });

  it('is right when two run at once', async () => {
    await fill(5);
    await stores.online.dropView('stats');
    const table = await t.table('stats');
    const incremental = () => materializeView(stores, { table, mode: { type: 'incremental' }, file: t.file() });
    await Promise.all([incremental(), incremental(), fill(6).then(incremental)]);
    await incremental();
    expect(await wrong(6)).toBe(0);
    expect(await incremental()).toMatchObject({ mode: 'incremental', keys: 0 });
  });

  it('stops while DuckDB works, and leaves nothing half-done', async () => {
    const before = await readCursor(stores.online, 'stats');
    const signal = AbortSignal.abort(new Error('too late'));
    const table = await t.table('stats');
    await expect(materializeView(stores, { table, mode: { type: 'full' }, file: t.file(), signal })).rejects.toThrow(
      'too late',
    );
    expect(await readCursor(stores.online, 'stats')).toEqual(before);
  });
});
