import { afterAll, beforeAll, describe } from 'vitest';
import type { OnlineStore } from '../../src/online-store/online-store.js';
import { redisStore } from '../support/redis.js';
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
