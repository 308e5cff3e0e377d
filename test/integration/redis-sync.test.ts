import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OnlineStore } from '../../src/online-store/online-store.js';
import { type MaterializeResult, materializeView } from '../../src/sync/materialize.js';
import { eventually, redisCli } from '../support/redis.js';
import { lacks, startRedis, startRedisCluster, type TestRedisCluster, type TestServer } from '../support/services.js';
import { newestInLake, type TestEngines, TestStore } from '../support/store.js';
import { TestStream } from '../support/stream.js';

const day = 86_400_000;
const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();
/** Enough for several batches of a run. */
const users = Array.from({ length: 20_000 }, (_, user) => user);
const sample = users.filter((user) => user % 97 === 0);
const rows = (a: number, hour = 0) =>
  users.map((user_id) => ({ user_id, at: new Date(Date.UTC(2024, 0, 1, hour)).toISOString(), a, b: `b${user_id}` }));

let t: TestStore;
afterEach(() => t?.close());

const expectRight = async (): Promise<void> => {
  const table = await t.table('stats');
  expect(await t.online('stats', sample)).toEqual(await newestInLake(t, table, sample, new Date()));
  expect(await t.store.steps.checkOnline('stats')).toMatchObject({ agrees: true, different: 0, missing: 0, stale: 0 });
};
const materialize = async (): Promise<MaterializeResult> =>
  (await t.store.materialize({ views: ['stats'] }))[0] as MaterializeResult;

/** A full run of `stats` in which something happens after the first batch was written. */
async function interrupted(happens: () => Promise<unknown>): Promise<MaterializeResult> {
  const { online, ...stores } = await t.stores();
  let batches = 0;
  const spied = new Proxy(online, {
    get: (target, name: keyof OnlineStore) => {
      const method = (target[name] as (...args: unknown[]) => unknown).bind(target);
      if (name !== 'replace') return method;
      return async (...args: unknown[]) => {
        const report = await method(...args);
        batches += 1;
        if (batches === 1) await happens();
        return report;
      };
    },
  });
  const table = await t.table('stats');
  const run = { table, mode: { type: 'full' } as const, file: t.file() };
  const result = await materializeView({ ...stores, online: spied }, run);
  expect(batches).toBeGreaterThan(3);
  return result;
}

describe.skipIf(lacks('redis'))('materialize to Redis', () => {
  let redis: TestServer;
  let engines: TestEngines;
  const onServer = async (name: string, ...args: (string | Buffer)[]): Promise<unknown> => {
    const cli = redisCli(redis.port);
    try {
      const reply = await cli.callBuffer(name, ...args);
      return Buffer.isBuffer(reply) ? reply.toString() : reply;
    } finally {
      cli.disconnect();
    }
  };
  const rowKeys = async (): Promise<Buffer[]> => (await onServer('KEYS', `asof:${t.project}:*:r:stats:*`)) as Buffer[];
  beforeAll(async () => {
    redis = await startRedis(['--appendonly', 'yes', '--appendfsync', 'no']);
    engines = {
      name: 'Redis',
      settings: "onlineStore: { type: 'redis', url: env('ASOF_TEST_REDIS_SYNC') },",
      environment: { ASOF_TEST_REDIS_SYNC: `redis://127.0.0.1:${redis.port}` },
    };
  });
  afterAll(() => redis?.close());

  it('notices FLUSHALL, says so and brings everything back', async () => {
    t = await TestStore.open({}, engines);
    await t.publish('stats', rows(1));
    await materialize();
    await onServer('FLUSHALL');
    expect(await t.online('stats', [0])).toEqual([undefined]);
    expect(await materialize()).toMatchObject({ mode: 'full', reason: expect.stringContaining('lost'), keys: 20_000 });
    await expectRight();
    expect(await materialize()).toMatchObject({ mode: 'incremental', keys: 0 });
  });

  it('starts over when the store is emptied in the middle of a run', async () => {
    t = await TestStore.open({}, engines);
    await t.publish('stats', rows(1));
    await interrupted(() => onServer('FLUSHALL'));
    await expectRight();
    expect(await materialize()).toMatchObject({ mode: 'incremental', keys: 0 });
  });

  it('starts over when the server is restarted in the middle of a run and has lost the last of it', async () => {
    t = await TestStore.open({}, engines);
    await t.publish('stats', rows(1));
    await materialize();
    await t.publish('stats', rows(2, 1));
    await interrupted(async () => {
      await redis.server.kill();
      await redis.server.start();
      const online = await t.store.online();
      await eventually(async () => expect(await online.getNote('stats', 'x')).toBeUndefined());
      // As if the last writes had not reached the disk.
      expect(await onServer('UNLINK', ...(await rowKeys()).slice(0, 100))).toBe(100);
    });
    await expectRight();
  });

  it('is not held up by a server restarted empty, and finds it so', async () => {
    t = await TestStore.open({}, engines);
    await t.publish('stats', rows(1));
    await materialize();
    await redis.server.stop();
    rmSync(path.join(redis.directory, 'server', 'appendonlydir'), { recursive: true });
    const failure = await materialize().catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'StoreUnavailableError' });
    await redis.server.start();
    await eventually(async () => expect((await materialize()).mode).toBe('full'));
    await expectRight();
  });

  it('writes nothing by halves when memory is full, and all when there is some again', async () => {
    t = await TestStore.open({}, engines);
    await t.publish('stats', rows(1));
    await materialize();
    await t.publish('stats', rows(2, 1));
    const info = String(await onServer('INFO', 'memory'));
    const used = Number(/used_memory:(\d+)/.exec(info)?.[1]);
    await onServer('CONFIG', 'SET', 'maxmemory', String(used - 1_000_000));
    const failure = await materialize().catch((error: unknown) => error);
    expect(failure).toMatchObject({
      name: 'StoreUnavailableError',
      message: expect.stringContaining('out of memory'),
      mend: expect.stringContaining('maxmemory'),
    });
    expect((await t.online('stats', [0]))[0]).toMatchObject({ a: 1 });
    await onServer('CONFIG', 'SET', 'maxmemory', '0');
    expect(await materialize()).toMatchObject({ written: 20_000 });
    await expectRight();
  });

  it('lets rows expire by the ttl, and brings them back when it is raised', async () => {
    t = await TestStore.open({ view: "ttl: '7 days'," }, engines);
    const at = { fresh: ago(day), stale: ago(7.5 * day), old: ago(20 * day) };
    await t.publish('stats', [
      { user_id: 1, at: at.fresh, a: 1 },
      { user_id: 2, at: at.stale, a: 2 },
      { user_id: 3, at: at.old, a: 3 },
    ]);
    // The third row is not kept at all.
    expect(await materialize()).toMatchObject({ mode: 'full', keys: 3, written: 2 });
    const status = async () => {
      const keys = [1, 2, 3].map((user_id) => ({ user_id }));
      return (await t.store.getOnlineFeaturesDetailed(['stats:a'], keys)).statuses.map(({ a }) => a);
    };
    expect(await status()).toEqual(['PRESENT', 'OUTSIDE_MAX_AGE', 'NOT_FOUND']);
    const keys = await rowKeys();
    const times = await Promise.all(keys.map((key) => onServer('PEXPIRETIME', key)));
    expect(times.sort()).toEqual([at.stale, at.fresh].map((time) => Date.parse(time) + 8 * day));

    await t.define({ view: "ttl: '30 days'," });
    expect(await materialize()).toMatchObject({ mode: 'full', reason: expect.stringContaining('ttl'), written: 3 });
    expect(await status()).toEqual(['PRESENT', 'PRESENT', 'PRESENT']);
    expect(await materialize()).toMatchObject({ mode: 'incremental', keys: 0 });

    await t.define({ view: "ttl: '10 days'," });
    expect(await materialize()).toMatchObject({ mode: 'incremental', keys: 0 });
    expect(await status()).toEqual(['PRESENT', 'PRESENT', 'OUTSIDE_MAX_AGE']);
    await t.define({ view: '' });
    expect(await materialize()).toMatchObject({ mode: 'full', reason: expect.stringContaining('ttl') });
    const kept = await Promise.all(keys.map((key) => onServer('PEXPIRETIME', key)));
    expect(kept).toEqual([-1, -1]);
  });
});

describe.skipIf(lacks('redis'))('materialize to a Redis Cluster', () => {
  let cluster: TestRedisCluster;
  let engines: TestEngines;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    engines = {
      name: 'Redis Cluster',
      settings: "onlineStore: { type: 'redis', cluster: env('ASOF_TEST_CLUSTER_SYNC') },",
      environment: { ASOF_TEST_CLUSTER_SYNC: cluster.addresses },
    };
  });
  afterAll(() => cluster?.close());
  const flush = async (node: number): Promise<void> => {
    const cli = redisCli((cluster.nodes[node] as TestServer).port);
    await cli.flushall();
    cli.disconnect();
  };

  it('notices that any one master was emptied, and brings its rows back', async () => {
    t = await TestStore.open({}, engines);
    await t.publish('stats', rows(1));
    await materialize();
    for (const node of [0, 1, 2]) {
      await flush(node);
      expect(await materialize()).toMatchObject({ mode: 'full', reason: expect.stringContaining('lost') });
      await expectRight();
      expect(await materialize()).toMatchObject({ mode: 'incremental', keys: 0 });
    }
  });

  it('starts over when one master is emptied in the middle of a run', async () => {
    t = await TestStore.open({}, engines);
    await t.publish('stats', rows(1));
    await interrupted(() => flush(1));
    await expectRight();
  });

  it('notices a master that was restarted empty', async () => {
    t = await TestStore.open({}, engines);
    await t.publish('stats', rows(1));
    await materialize();
    const { server } = cluster.nodes[2] as TestServer;
    await server.kill();
    await server.start();
    await eventually(async () => expect((await materialize()).mode).toBe('full'));
    await expectRight();
  });

  it('goes on with a stream after one master was emptied', async () => {
    t = await TestStore.open({}, engines);
    const stream = new TestStream(t);
    const event = (user_id: number, hour: number) => ({
      user_id,
      at: new Date(Date.UTC(2024, 0, 1, hour)).toISOString(),
      made: null,
      a: hour,
      b: 'x',
    });
    const few = sample.slice(0, 60);
    await stream.send(...few.map((user) => event(user, 1)));
    await stream.consume();
    await flush(0);
    await stream.send(event(few[0] as number, 2));
    await stream.consume();
    expect(await t.online('scores', few)).toEqual(await newestInLake(t, await t.table('scores'), few, new Date()));
  });
});
