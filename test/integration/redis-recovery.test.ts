import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../src/errors.js';
import { entityKey } from '../../src/online-store/entity-key.js';
import type { OnlineStore } from '../../src/online-store/online-store.js';
import { encodeRow } from '../../src/online-store/row-codec.js';
import { storedSchema } from '../../src/online-store/stored-schema.js';
import { ensureRedisServer, redisServer } from '../../src/toolchain/services/index.js';
import { int64 } from '../../src/types.js';
import { eventually, redisCli, redisStore } from '../support/redis.js';
import {
  lacks,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  type TestRedisCluster,
  type TestRedisSentinel,
  type TestServer,
} from '../support/services.js';

const table = { view: 'drivers', generation: 1, ttlMs: 0 };
const schema = storedSchema({ trips: int64() });
const keyOf = (driver: number) => entityKey({ driver_id: int64() }, { driver_id: driver });
const entry = (driver: number, event = 1) => ({
  key: keyOf(driver),
  row: encodeRow({
    generation: 1,
    committed: event,
    reflects: 0,
    eventUs: BigInt(event),
    createdUs: null,
    ingestUs: 0n,
    position: 0,
    schema,
    values: [event],
  }),
});
const entries = (count: number, event = 1) => Array.from({ length: count }, (_, driver) => entry(driver, event));

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

let store: OnlineStore;
afterEach(() => store?.close());
const found = async (drivers: readonly number[]): Promise<number> => {
  const [rows = []] = await store.read([{ table, keys: drivers.map(keyOf) }]);
  return rows.filter((row) => row !== undefined).length;
};

/** Whatever the driver reports beside its answers must reach us, not the process. */
const unhandled: unknown[] = [];
const note = (error: unknown): number => unhandled.push(error);
beforeAll(() => {
  process.on('unhandledRejection', note);
  process.on('uncaughtException', note);
});
afterAll(() => {
  process.off('unhandledRejection', note);
  process.off('uncaughtException', note);
  expect(unhandled).toEqual([]);
});

describe.skipIf(lacks('redis'))('Redis that goes away and comes back', () => {
  let redis: TestServer;
  beforeEach(async () => {
    redis = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always']);
    store = redisStore({ url: `redis://127.0.0.1:${redis.port}`, readTimeout: '300 milliseconds' });
  });
  afterEach(() => redis.close());

  it('fails reads and writes at once with the reason, and goes on when it is back, with what it had', async () => {
    await store.writeNewer(table, entries(10));
    expect(await found([1, 2])).toBe(2);
    await redis.server.stop();
    for (let round = 0; round < 5; round += 1) {
      const each = [() => found([1]), () => store.writeNewer(table, entries(1)), () => store.getNote('drivers', 'x')];
      for (const work of each) {
        const error = await failure(work());
        expect(error).toBeInstanceOf(StoreUnavailableError);
        expect(error).toMatchObject({
          where: `Redis at 127.0.0.1:${redis.port}`,
          mend: expect.stringMatching(/start it|runs/),
        });
      }
    }
    await redis.server.start();
    await eventually(async () => expect(await found([1, 2])).toBe(2));
    await eventually(async () =>
      expect(await store.writeNewer(table, entries(10, 2))).toEqual({ written: 10, stale: 0 }),
    );
  });

  it('goes on also when it was away at the first use', async () => {
    await redis.server.stop();
    expect(await failure(found([1]))).toMatchObject({ message: expect.stringContaining('ECONNREFUSED') });
    expect(await failure(store.writeNewer(table, entries(1)))).toBeInstanceOf(StoreUnavailableError);
    await redis.server.start();
    await eventually(async () => expect(await found([1])).toBe(0));
    await eventually(async () => expect((await store.writeNewer(table, entries(1))).written).toBe(1));
  });

  it('fails reads of a server that hangs after the time allowed, and goes on when it wakes up', async () => {
    await store.writeNewer(table, entries(10));
    expect(await found([1])).toBe(1);
    redis.server.pause();
    try {
      for (let round = 0; round < 3; round += 1) {
        expect(await failure(found([1]))).toMatchObject({
          name: 'StoreUnavailableError',
          message: expect.stringContaining('did not answer within 300 ms'),
          mend: expect.stringContaining('readTimeout'),
        });
      }
    } finally {
      redis.server.resume();
    }
    await eventually(async () => expect(await found([1])).toBe(1));
  });

  it('fails what was under way when it is killed; doing it again ends the same', async () => {
    const many = entries(60_000);
    await store.writeNewer(table, entries(1));
    const writing = failure(store.writeNewer(table, many));
    await sleep(30);
    await redis.server.kill();
    const error = await writing;
    // A fast machine may be done before.
    if (error !== undefined) expect(error).toBeInstanceOf(StoreUnavailableError);
    await redis.server.start();
    await eventually(async () => {
      const { written, stale } = await store.writeNewer(table, many);
      expect(written + stale).toBe(many.length);
    });
    let rows = 0;
    for await (const _ of store.scan(table)) rows += 1;
    expect(rows).toBeGreaterThanOrEqual(many.length);
  });

  it('sends scripts again that the server has forgotten, in the middle of a write as well', async () => {
    const cli = redisCli(redis.port);
    try {
      const many = entries(30_000);
      let flushes = 0;
      let isWriting = true;
      const flushing = (async () => {
        while (isWriting) {
          await cli.script('FLUSH');
          flushes += 1;
          await sleep(1);
        }
      })();
      for (let event = 1; event <= 2; event += 1) {
        expect(await store.writeNewer(table, entries(30_000, event))).toEqual({ written: many.length, stale: 0 });
        expect((await store.replace(table, entries(30_000, event), event)).written).toBe(many.length);
      }
      isWriting = false;
      await flushing;
      expect(flushes).toBeGreaterThan(0);
      await cli.script('FLUSH');
      expect(await store.sweep(table, 2)).toEqual({ deleted: 0 });
    } finally {
      cli.disconnect();
    }
  });

  it('says that the server is loading its data, and goes on when it has', async () => {
    await store.writeNewer(table, entries(2_000));
    const cli = redisCli(redis.port);
    await cli.call('SAVE');
    cli.disconnect();
    await redis.server.stop();
    const slow = await redisServer({
      program: await ensureRedisServer({ report: () => undefined }),
      directory: path.join(redis.directory, 'server'),
      port: redis.port,
      args: '--key-load-delay 2000 --loading-process-events-interval-bytes 1024'.split(' '),
    });
    try {
      await slow.start();
      const failures: string[] = [];
      await eventually(async () => {
        const error = await failure(found([1]));
        if (error !== undefined) failures.push((error as Error).message);
        expect(error).toBeUndefined();
      });
      expect(failures.join()).toMatch(/still loading its data/);
      expect(await found([1, 1_999])).toBe(2);
    } finally {
      await slow.kill();
    }
  });

  it('says when another process serves than before', async () => {
    const before = await store.servers();
    expect(await store.servers()).toBe(before);
    await redis.server.stop();
    await redis.server.start();
    await eventually(async () => expect(await store.servers()).not.toBe(before));
  });
});

describe.skipIf(lacks('redis'))('Redis with sentinels', () => {
  let group: TestRedisSentinel;
  beforeAll(async () => {
    group = await startRedisSentinel('only-for-tests');
    process.env['ASOF_TEST_SENTINEL_PASSWORD'] = 'only-for-tests';
  });
  afterAll(() => group?.close());

  it('follows the master to the replica that takes its place', async () => {
    store = redisStore({
      sentinel: { name: group.name, nodes: group.addresses },
      password: { env: 'ASOF_TEST_SENTINEL_PASSWORD', fallback: undefined },
    });
    await store.writeNewer(table, entries(100));
    const before = await store.servers();
    const cli = redisCli(group.master.port, { password: 'only-for-tests' });
    await cli.wait(1, 5_000);
    cli.disconnect();
    await group.master.server.kill();
    await eventually(async () => expect((await store.writeNewer(table, entries(100, 2))).written).toBe(100));
    await eventually(async () => expect(await found([1, 50, 99])).toBe(3));
    expect(await store.servers()).not.toBe(before);
  });
});

describe.skipIf(lacks('redis'))('a Redis Cluster that loses a master', () => {
  let cluster: TestRedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster({ replicas: true });
  }, 300_000);
  afterAll(() => cluster?.close());

  it('goes on with the replica; marks are whole when it had all, and lost when it was behind', async () => {
    store = redisStore({ cluster: cluster.addresses });
    const drivers = Array.from({ length: 300 }, (_, driver) => driver);
    await store.replace(table, entries(300), 1);
    await store.setMark(table.view, 'cursor', 'first');
    const [master, second] = cluster.nodes as [TestServer, TestServer];
    for (const { port } of [master, second]) {
      const cli = redisCli(port);
      expect(await cli.wait(1, 10_000)).toBe(1);
      cli.disconnect();
    }

    await master.server.kill();
    await eventually(async () => expect(await found(drivers)).toBe(300));
    await eventually(async () => expect(await store.getMark(table.view, 'cursor')).toBe('first'));
    await eventually(async () => expect((await store.replace(table, entries(300, 2), 2)).written).toBe(300));
    await store.setMark(table.view, 'cursor', 'second');

    // The replica of the second master hears nothing of what is written now.
    const replica = cluster.nodes[4] as TestServer;
    replica.server.pause();
    const cli = redisCli(second.port);
    await cli.call('CLIENT', 'KILL', 'TYPE', 'replica');
    cli.disconnect();
    expect((await store.replace(table, entries(300, 3), 3)).written).toBe(300);
    await store.setMark(table.view, 'cursor', 'third');
    expect(await store.getMark(table.view, 'cursor')).toBe('third');
    await second.server.kill();
    replica.server.resume();
    await eventually(async () => expect(await store.getMark(table.view, 'cursor')).toBeUndefined());
  });
});
