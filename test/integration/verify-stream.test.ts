import { readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { OnlineStore } from '../../src/online-store/online-store.js';
import { verifyView } from '../../src/sync/index.js';
import { RawOnline } from '../support/raw-online.js';
import { TestStore } from '../support/store.js';
import { TestStream, wrapped } from '../support/stream.js';

const users = Array.from({ length: 50 }, (_, index) => index + 1);
const second = (n: number): string => new Date(Date.UTC(2024, 0, 1, 0, 0, n)).toISOString();
const event = (user_id: number, n: number) => ({ user_id, at: second(n), made: null, a: n % 1_000, b: `b${n}` });
const nothingWrong = { different: 0, missing: 0, unexpected: 0, stale: 0, examples: [] };

describe('verify while others write', () => {
  let t: TestStore;
  let stream: TestStream;
  afterEach(() => t.close());
  const verify = (sample?: { size: number; seed: number }) => t.store.steps.checkOnline('scores', { sample });

  it('gives no false alarm while a stream, publishes, deletions and materialize runs write the same keys', async () => {
    t = await TestStore.open();
    stream = new TestStream(t);
    await stream.send(...users.map((user) => event(user, 0)));
    await stream.consume();
    const ended = new AbortController();
    let n = 0;
    const produce = (async () => {
      while (!ended.signal.aborted) {
        await stream.send(...users.flatMap((user) => [event(user, ++n), event(user, Math.max(0, n - 40))]));
        await wait(20);
      }
    })();
    const consume = stream.consume({ sliceMs: 600_000, signal: ended.signal });
    const others = (async () => {
      while (!ended.signal.aborted) {
        await t.publish(
          'scores',
          users.slice(0, 5).map((user) => event(user, n + 10)),
        );
        await t.store.materialize({ views: ['scores'] });
        await t.change(
          'scores',
          `DELETE FROM {} WHERE user_id = ${1 + (n % 7)} AND event_timestamp > '${second(n - 100)}'`,
        );
        await t.store.materialize({ views: ['scores'], mode: { type: n % 2 === 0 ? 'full' : 'incremental' } });
      }
    })();
    const results = [];
    try {
      // Rounds at one snapshot prove nothing new.
      for (let round = 0; new Set(results.map(({ snapshot }) => snapshot)).size < 15; round += 1) {
        results.push(await verify(round % 4 === 3 ? { size: 10, seed: round } : undefined));
      }
    } finally {
      ended.abort();
      await Promise.all([produce, consume, others]);
    }
    for (const result of results) expect(result).toMatchObject({ ...nothingWrong, agrees: true });
    await t.store.materialize({ views: ['scores'] });
    expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true, pending: 0 });
  });

  /** Checks with stores in which something happens around every read of online rows. */
  async function verifyWith(
    read: (rows: () => ReturnType<OnlineStore['read']>) => ReturnType<OnlineStore['read']>,
    sample?: { size: number; seed: number },
  ) {
    const stores = await t.stores();
    const online = wrapped(stores.online, { read: (lookups) => read(() => stores.online.read(lookups)) });
    const table = await t.table('scores');
    const directory = path.join(t.stateDir, 'staging');
    return verifyView({ ...stores, online }, { table, directory, sample });
  }

  it('gives none when a stream writes every key before or behind every read', async () => {
    t = await TestStore.open();
    stream = new TestStream(t);
    let n = 0;
    const write = async () => {
      await stream.send(...users.map((user) => event(user, ++n)));
      await stream.consume();
    };
    await write();
    const before = await verifyWith(async (rows) => {
      await write();
      return rows();
    });
    expect(before).toMatchObject({ ...nothingWrong, agrees: true, pending: 0, same: 50 });
    // Rows that were neither at the cursor nor are the newest now. A sample has no bulk comparison before its look.
    await write();
    const behind = await verifyWith(
      async (rows) => {
        const found = await rows();
        await write();
        return found;
      },
      { size: 100, seed: 1 },
    );
    expect(behind).toMatchObject({ ...nothingWrong, agrees: true, pending: 50 });
  });

  it('gives none when a row goes and comes back around every read', async () => {
    t = await TestStore.open();
    await t.publish(
      'scores',
      users.map((user) => event(user, 1)),
    );
    await t.store.materialize({ views: ['scores'] });
    let n = 1;
    const result = await verifyWith(async (rows) => {
      await t.change('scores', 'DELETE FROM {} WHERE user_id < 10');
      await t.store.materialize({ views: ['scores'] });
      const found = await rows();
      n += 1;
      await t.publish(
        'scores',
        users.slice(0, 5).map((user) => event(user, n)),
      );
      return found;
    });
    expect(result).toMatchObject({ ...nothingWrong, agrees: true, pending: 5 });
  });

  it('tells rows of a stream that died between its two stores as pending, and nothing once it went on', async () => {
    t = await TestStore.open();
    stream = new TestStream(t);
    await stream.send(...users.map((user) => event(user, 0)));
    await stream.consume();
    expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true, pending: 0, same: 50 });
    await stream.send(...users.slice(0, 10).map((user) => event(user, 1)), event(99, 1));
    const stores = await t.stores();
    const online = wrapped(stores.online, {
      writeNewer: async () => {
        throw new Error('died');
      },
    });
    await expect(stream.consume({ stores: { ...stores, online } })).rejects.toThrow('died');
    expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true, pending: 11, same: 40 });
    await stream.consume();
    expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true, pending: 0, same: 51 });
  });

  it('does not count what was emptied meanwhile', async () => {
    t = await TestStore.open();
    stream = new TestStream(t);
    await stream.send(...users.map((user) => event(user, 0)));
    await stream.consume();
    await (await t.store.online()).dropView('scores');
    const result = await verify();
    expect(result).toMatchObject({ ...nothingWrong, agrees: false, pending: 50, cursor: undefined });
    expect(result.reason).toMatch(/never materialized, or the online store was emptied/);
  });

  it('misses no row that is older than the ttl, which engines with expiry drop', async () => {
    t = await TestStore.open({ stream: "ttl: '2 hours'," });
    const hoursAgo = (n: number): string => new Date(Date.now() - n * 3_600_000).toISOString();
    await t.publish('scores', [
      { user_id: 1, at: hoursAgo(3), a: 1, b: 'expired' },
      { user_id: 2, at: hoursAgo(3), a: 1, b: 'expired and still there' },
      { user_id: 3, at: hoursAgo(1), a: 1, b: 'in time' },
    ]);
    await t.store.materialize({ views: ['scores'] });
    const raw = new RawOnline(t, 'scores');
    await raw.change(1, () => undefined);
    expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true, same: 2, expired: 1 });
    await raw.change(3, () => undefined);
    expect(await verify()).toMatchObject({ missing: 1, agrees: false, same: 1, expired: 1 });
  });

  it('ends when it is told to, and leaves no file', async () => {
    t = await TestStore.open();
    await t.publish(
      'scores',
      users.map((user) => event(user, 0)),
    );
    await t.store.materialize({ views: ['scores'] });
    const told = new AbortController();
    const reason = new Error('told to');
    const check = t.store.steps.checkOnline('scores', { signal: told.signal, onProgress: () => told.abort(reason) });
    await expect(check).rejects.toBe(reason);
    expect(readdirSync(path.join(t.stateDir, 'staging'))).toEqual([]);
  });

  it('has nothing to say of an empty view', async () => {
    t = await TestStore.open();
    expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true, keys: 0, cursor: undefined });
    await t.store.materialize({ views: ['scores'] });
    expect(await verify()).toMatchObject({ ...nothingWrong, agrees: true, keys: 0, reason: undefined });
    expect(await verify({ size: 5, seed: 1 })).toMatchObject({ ...nothingWrong, agrees: true, keys: 0 });
  });
});
