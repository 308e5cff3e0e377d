import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import type { RedisSettings } from '../../src/definitions/index.js';
import type { OnlineStore } from '../../src/online-store/online-store.js';
import { openRedisOnlineStore } from '../../src/online-store/redis-online-store.js';
import { redisTarget } from '../../src/online-store/redis-settings.js';

/** A store by settings, as a project would have it. */
export function redisStore(settings: Omit<RedisSettings, 'type'>, project = 'test'): OnlineStore {
  const place = { where: 'featureStoreConfig "test"', environment: process.env, root: process.cwd() };
  return openRedisOnlineStore({ target: redisTarget({ type: 'redis', ...settings }, place), project });
}

/** What redis-cli would be: a plain client of one server. Disconnect it when done. */
export function redisCli(
  port: number,
  options: { readonly password?: string; readonly username?: string } = {},
): Redis {
  const client = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: 2, ...options });
  client.on('error', () => undefined);
  return client;
}

export function clusterCli(addresses: string): Cluster {
  return new Cluster(
    addresses.split(',').map((address) => {
      const [host = '', port] = address.split(':');
      return { host, port: Number(port) };
    }),
  );
}

/** Every key of a server, or of all masters. */
export async function allKeys(client: Redis | Cluster): Promise<string[]> {
  const nodes = client instanceof Cluster ? client.nodes('master') : [client];
  return (await Promise.all(nodes.map((node) => node.keys('*')))).flat().sort();
}

/** Tries until it holds, for what comes back in its own time. */
export async function eventually(holds: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      return await holds();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(100);
    }
  }
}
