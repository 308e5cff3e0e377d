import { Cluster, Redis } from 'ioredis';
import { entityKey } from '../../src/online-store/entity-key.js';
import type { OnlineStore } from '../../src/online-store/online-store.js';
import { readOnlineFeatures } from '../../src/online-store/read-features.js';
import { redisViewKeys, tagOf, tagSlots } from '../../src/online-store/redis-keys.js';
import { openRedisOnlineStore, redisTarget } from '../../src/online-store/redis-online-store.js';
import { startRedis, startRedisCluster } from '../../test/support/services.js';
import { quantile } from './measure.js';
import { allFeatures, benchTable, replaceAll } from './online-rows.js';

const project = 'bench';
const views = Array.from({ length: 5 }, (_, index) => benchTable(`bench_${index}`));

/** A store in Redis and a plain client of the same. */
export interface RedisBench {
  readonly name: string;
  readonly store: OnlineStore;
  readonly client: Redis | Cluster;
}

/** Does something on one server, then on a Cluster of three masters. */
export async function onEachRedis(work: (bench: RedisBench) => Promise<void>): Promise<void> {
  const place = { where: 'bench', environment: {}, root: '.' };
  const single = await startRedis();
  const url = `redis://127.0.0.1:${single.port}`;
  await during(single, {
    name: 'Redis, one server',
    store: openRedisOnlineStore({ target: redisTarget({ type: 'redis', url }, place), project }),
    client: new Redis(url),
  });
  const cluster = await startRedisCluster();
  const client = new Cluster(cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })));
  await new Promise((resolve) => client.once('ready', resolve));
  await during(cluster, {
    name: 'Redis Cluster, three masters',
    store: openRedisOnlineStore({ target: redisTarget({ type: 'redis', cluster: cluster.addresses }, place), project }),
    client,
  });

  async function during(server: { close(): Promise<void> }, bench: RedisBench): Promise<void> {
    try {
      await work(bench);
    } finally {
      await bench.store.close();
      bench.client.disconnect();
      await server.close();
    }
  }
}

/** The yardstick: the rows' bytes by pipelined GETs, one pipeline per node, keys known and nothing decoded. */
async function bareRead(client: Redis | Cluster, keys: readonly { key: Buffer; slot: number }[]): Promise<void> {
  const byNode = new Map<string, Buffer[]>();
  for (const { key, slot } of keys) {
    const node = client instanceof Cluster ? (client.slots[slot] ?? []).join(';') : '';
    const list = byNode.get(node);
    if (list === undefined) byNode.set(node, [key]);
    else list.push(key);
  }
  await Promise.all(
    [...byNode.values()].map(async (list) => {
      const pipeline = client.pipeline();
      for (const key of list) pipeline.getBuffer(key);
      for (const [error, row] of (await pipeline.exec()) ?? []) if (error !== null || row === null) throw error;
    }),
  );
}

/** Requests as a client makes them, features decoded, in turn with bare reads of the same rows. */
export async function compareReads({ quick, wanted }: { quick: boolean; wanted: number }): Promise<void> {
  const entities = quick ? 5_000 : 50_000;
  const missed: string[] = [];
  await onEachRedis(async ({ name, store, client }) => {
    for (const table of views) await replaceAll(store, table, entities, 1);
    const figures: Record<string, Record<string, string | number>> = {};
    for (const rows of [1, 10, 100]) {
      for (const count of [1, views.length]) {
        const tables = views.slice(0, count);
        const selections = tables.map((table) => allFeatures(table, `${table.view}_`));
        const storageKeys = tables.map(({ view }) => redisViewKeys(project, view));
        const times = { asof: [] as number[], bare: [] as number[] };
        const rounds = quick ? 50 : rows === 100 ? 1_000 : 4_000;
        for (let round = -Math.round(rounds / 5); round < rounds; round += 1) {
          const ids = Array.from(
            { length: rows },
            (_, index) => ((round + rounds) * 7_919 + index * 104_729) % entities,
          );
          const request = ids.map((driver_id) => ({ driver_id }));
          const keys = storageKeys.flatMap((view) =>
            request.map((row) => {
              const key = entityKey(benchTable('x').joinKeys, row);
              return { key: view.row(key, tagOf(key)), slot: tagSlots[tagOf(key)] as number };
            }),
          );
          const asof = await timed(async () => {
            const { statuses } = await readOnlineFeatures(store, selections, request, new Date());
            if (statuses[rows - 1]?.[`${tables[0]?.view}_f7`] !== 'PRESENT')
              throw new Error(`round ${round} read nothing`);
          });
          const bare = await timed(() => bareRead(client, keys));
          if (round < 0) continue;
          times.asof.push(asof);
          times.bare.push(bare);
        }
        const [asof, bare] = [times.asof, times.bare].map((list) => list.sort((a, b) => a - b)) as [number[], number[]];
        const ratio = quantile(asof, 0.5) / quantile(bare, 0.5);
        const size = `${rows} x ${count}`;
        figures[size] = {
          'p50 µs': quantile(asof, 0.5),
          'p99 µs': quantile(asof, 0.99),
          'bare p50': quantile(bare, 0.5),
          'bare p99': quantile(bare, 0.99),
          'p50 to bare': Number(ratio.toFixed(2)),
        };
        if (ratio > wanted) missed.push(`${name}, ${size}: ${ratio.toFixed(2)}`);
      }
    }
    console.log(`${name}, ${entities.toLocaleString('en')} entities, 8 features a view: rows x views`);
    console.table(figures);
  });
  if (missed.length > 0 && !quick) throw new Error(`slower than ${wanted} times a bare read at ${missed.join('; ')}`);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - started) / 1_000;
}
