import { rmSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { limits } from '../../src/config.js';
import { DataError, FencedError } from '../../src/index.js';
import { listDeadLetters } from '../../src/offline-store/dead-letters.js';
import type { SliceReport } from '../../src/sync/index.js';
import { onBothCatalogs } from '../support/catalogs.js';
import { LakeBackup } from '../support/lake-backup.js';
import { newestInLake, TestStore } from '../support/store.js';
import { TestStream, wrapped } from '../support/stream.js';

const minute = (n: number): string => new Date(Date.UTC(2024, 0, 1, 0, n)).toISOString();
const event = (user_id: number, n: number, a: number) => ({ user_id, at: minute(n), made: minute(n), a, b: `b${a}` });
const users = [1, 2, 3, 4, 5, 6];

onBothCatalogs('stream consumer, recovery', (engines) => {
  let t: TestStore;
  let stream: TestStream;
  async function open(partitions = 1): Promise<void> {
    t = await TestStore.open({}, await engines());
    stream = new TestStream(t, partitions);
  }
  afterEach(() => t.close());
  const values = async () =>
    (await t.store.lake.all<{ a: number }>(`SELECT a FROM ${t.store.lake.table('scores')} ORDER BY a`)).map(
      ({ a }) => a,
    );

  async function expectRight(): Promise<void> {
    const table = await t.table('scores');
    expect(await t.online('scores', users)).toEqual(await newestInLake(t, table, users, new Date()));
  }

  /** Consumes with an online store that fails at the first write, as a process that dies between its two stores. */
  async function dieBetweenStores(): Promise<void> {
    const stores = await t.stores();
    const online = wrapped(stores.online, {
      writeNewer: async () => {
        throw new Error('died');
      },
    });
    await expect(stream.consume({ stores: { ...stores, online } })).rejects.toThrow('died');
  }

  it('brings online what a consumer left in the lake alone, neither twice nor too early', async () => {
    await open();
    await stream.send(event(1, 0, 1), event(2, 0, 2));
    await stream.consume();
    const future = new Date(Date.now() + 3_600_000).toISOString();
    await stream.send(event(1, 1, 3), event(3, 1, 4), { ...event(2, 1, 5), at: future }, '{}');
    await dieBetweenStores();
    expect(await values()).toEqual([1, 2, 3, 4, 5]);
    expect(await t.online('scores', [1, 3])).toEqual([{ at: minute(0), a: 1, b: 'b1' }, undefined]);
    expect(await stream.consume()).toMatchObject({ read: 0 });
    expect(await values()).toEqual([1, 2, 3, 4, 5]);
    expect(await t.online('scores', [1, 2, 3])).toEqual([
      { at: minute(1), a: 3, b: 'b3' },
      { at: minute(0), a: 2, b: 'b2' },
      { at: minute(1), a: 4, b: 'b4' },
    ]);
  });

  it('does not bring back what was deleted and materialized before the consumer returned', async () => {
    await open();
    await stream.send(event(1, 0, 1));
    await stream.consume();
    await stream.send(event(1, 1, 2));
    await dieBetweenStores();
    await t.change('scores', 'DELETE FROM {} WHERE a = 2');
    await t.store.materialize({ views: ['scores'] });
    await stream.consume();
    await expectRight();
    expect((await t.online('scores', [1]))[0]).toMatchObject({ a: 1 });
  });

  it('builds an emptied online store anew when it starts', async () => {
    await open(2);
    await stream.send(...users.map((user) => event(user, 0, user)));
    await stream.consume();
    await t.publish('scores', [{ user_id: 1, at: minute(9), a: 9, b: 'batch' }]);
    await (await t.store.online()).dropProject();
    await stream.send(event(2, 1, 20));
    await stream.consume();
    await expectRight();
    expect((await t.online('scores', [1]))[0]).toMatchObject({ a: 9 });
  });

  it('builds it anew also when it was emptied under a running consumer', async () => {
    await open();
    await stream.send(...users.map((user) => event(user, 0, user)));
    const stores = await t.stores();
    let first = true;
    const online = wrapped(stores.online, {
      writeNewer: async (...args) => {
        const report = await stores.online.writeNewer(...args);
        // The offset is noted after this, as if the rows were there.
        if (first) await stores.online.dropView('scores');
        first = false;
        return report;
      },
    });
    await stream.consume({ stores: { ...stores, online } });
    expect(await t.online('scores', users)).toEqual(users.map(() => undefined));
    await stream.consume();
    await expectRight();
  });

  it('loses its partitions to a later consumer, and writes nothing more', async () => {
    await open();
    await stream.send(event(1, 0, 1));
    let overtaken: SliceReport | undefined;
    const running = stream.consume({
      source: (source) =>
        wrapped(source, {
          poll: async (options) => {
            const records = await source.poll(options);
            if (records.length > 0 && overtaken === undefined) overtaken = await stream.consume();
            return records;
          },
        }),
    });
    const failure = await running.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FencedError);
    expect(overtaken).toMatchObject({ read: 1, written: 1 });
    expect(await values()).toEqual([1]);
    expect(await t.store.steps.eventTotals('scores')).toMatchObject({ read: 1, written: 1 });
  });

  it('stops at a topic that was created again, until the gap is accepted and recorded', async () => {
    await open();
    await stream.send(event(1, 0, 1), event(2, 0, 2));
    await stream.consume();
    rmSync(path.join(stream.directory, t.topic), { recursive: true });
    await stream.send(event(1, 1, 3));
    const failure = await stream.consume().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DataError);
    expect((failure as DataError).message).toMatch(/deleted and created again/);
    expect((failure as DataError).mend).toMatch(/--accept-gap/);
    expect(await values()).toEqual([1, 2]);
    expect(await stream.consume({ acceptGap: true })).toMatchObject({ read: 1, written: 1 });
    expect(await values()).toEqual([1, 2, 3]);
    expect((await listDeadLetters(t.store.lake, 'scores', 5))[0]?.reason).toMatch(/^gap accepted: /);
    await expectRight();
    await stream.send(event(2, 2, 4));
    expect(await stream.consume()).toMatchObject({ read: 1 });
  });

  it('starts anew online when lake and topic were set back behind the stream', async () => {
    await open();
    await stream.send(event(1, 0, 1));
    await stream.consume();
    const backup = new LakeBackup(t);
    const topic = path.join(stream.directory, t.topic, '0.ndjson');
    const { size } = statSync(topic);
    await backup.save();
    await stream.send(event(1, 5, 2), event(2, 5, 3));
    await stream.consume();
    await backup.restore(() => truncateSync(topic, size));
    // What is online was committed under snapshot numbers that will come again and mean something else.
    await stream.consume();
    expect(await values()).toEqual([1]);
    await expectRight();
    await stream.send(event(2, 1, 4));
    await stream.consume();
    await expectRight();
  });

  it('reads all partitions, each to its end', async () => {
    await open(3);
    for (let n = 0; n < 3; n += 1) await stream.send(...users.map((user) => event(user, n, user * 10 + n)));
    const report = await stream.consume();
    expect(report).toMatchObject({ read: 18, written: 18 });
    expect(Object.keys(report.offsets)).toEqual(['0', '1', '2']);
    for (const { next, end } of Object.values(report.offsets)) expect(next).toBe(end);
    await expectRight();
  });

  it('commits what was read when it is told to stop, and goes on from there', async () => {
    await open();
    const many = Array.from({ length: limits.streamBatchRowsMax + 10 }, (_, n) => event(1 + (n % 6), n % 60, n));
    await stream.send(...many);
    const abort = new AbortController();
    const first = await stream.consume({ signal: abort.signal, sliceMs: 600_000, onProgress: () => abort.abort() });
    // The batch that was being read when the first was committed is part of it.
    expect(first.ended).toBe('stopped');
    expect(first.read).toBeGreaterThanOrEqual(limits.streamBatchRowsMax);
    expect(await values()).toHaveLength(first.written);
    const second = await stream.consume();
    expect(first.read + second.read).toBe(many.length);
    expect(await values()).toHaveLength(many.length);
    await expectRight();
  });

  it('commits what was read when it is told to stop while it waits for more', async () => {
    await open();
    await stream.send(event(1, 0, 1));
    const abort = new AbortController();
    let polls = 0;
    const report = await stream.consume({
      signal: abort.signal,
      sliceMs: 600_000,
      source: (source) =>
        wrapped(source, {
          poll: async (options) => {
            const waiting = source.poll(options);
            polls += 1;
            if (polls > 1) abort.abort();
            return waiting;
          },
        }),
    });
    expect(report).toMatchObject({ ended: 'stopped', read: 1, written: 1 });
    expect(await values()).toEqual([1]);
  });
});
