import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OnlineStore } from '../../src/online-store/online-store.js';
import { allKeys, redisCli, redisStore } from '../support/redis.js';
import { lacks, startRedis, startRedisCluster, type TestRedisCluster, type TestServer } from '../support/services.js';
import { onlineStoreConformance } from './online-store.js';

let places = 0;

/** Each place has projects of its own on the shared server. */
const place = (open: (project: string) => OnlineStore) => {
  const number = places++;
  const used = new Set<string>();
  const own = (project: string): string => `p${number}_${project}`;
  return {
    store: async (project = 'test') => {
      used.add(project);
      return open(own(project));
    },
    close: async () => {
      for (const project of used) {
        const store = open(own(project));
        await store.dropProject();
        await store.close();
      }
    },
  };
};

describe.skipIf(lacks('redis'))('Redis', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.close());
  onlineStoreConformance('Redis', async () =>
    place((project) => redisStore({ url: `redis://127.0.0.1:${server.port}/3` }, project)),
  );

  it('drops exactly the keys of a project or a view, whatever names others have', async () => {
    const cli = redisCli(server.port);
    const url = `redis://127.0.0.1:${server.port}`;
    const foreign = ['a', 'asof:a', 'asof:a:x', 'asof:abc:{000}:r:v:1', 'other:{000}:r:v:1', 'asof', '*'];
    for (const key of foreign) await cli.set(key, 'theirs');
    const names = ['a', 'ab', 'a:b', 'a*', '?', '[a]', 'a{b}', 'b\\'];
    const stores = names.map((project) => redisStore({ url }, project));
    const entry = {
      key: Buffer.from('e:\0\xff{x}', 'latin1'),
      row: Buffer.concat([Buffer.from([1]), Buffer.alloc(80)]),
    };
    for (const store of stores) {
      for (const view of names) {
        await store.replace({ view, generation: 0, ttlMs: 0 }, [entry], 1);
        await store.setNote(view, 'n', 'x');
        await store.setMark(view, 'm', 'x');
      }
    }
    const perView = 1 + 1 + 256;
    expect(await cli.dbsize()).toBe(foreign.length + names.length ** 2 * perView);
    for (const [index, store] of stores.entries()) {
      const before = await cli.dbsize();
      await store.dropView(names[index] as string);
      expect(await cli.dbsize()).toBe(before - perView);
      await store.dropProject();
      expect(await cli.dbsize()).toBe(before - names.length * perView);
      await store.close();
    }
    expect(await allKeys(cli)).toEqual([...foreign].sort());
    await cli.flushdb();
    cli.disconnect();
  });
});

describe.skipIf(lacks('redis'))('Redis Cluster', () => {
  let cluster: TestRedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster?.close());
  onlineStoreConformance('Redis Cluster', async () =>
    place((project) => redisStore({ cluster: cluster.addresses }, project)),
  );
});
