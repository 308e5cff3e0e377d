import { Cluster, Redis } from 'ioredis';
import { startRedis, startRedisCluster } from '../test/support/services.js';
import { quantile } from './lib/measure.js';

/**
 * How rows could lie in Redis, measured without the store: round trips of 1, 10 and 100 entities x 1 and 5 views on one server and
 * on three masters, and the memory of an entity with five views. `docs/redis.md` has the figures and the choice.
 */
interface Layout {
  readonly name: string;
  write(entity: number, view: number, row: Buffer): readonly [command: string, ...args: (string | Buffer)[]];
  /** Commands that read some views of some entities, each with a key that tells its node. */
  read(entities: readonly number[], views: number): Command[];
}

interface Command {
  /** The key or hash tag that tells the slot. */
  readonly tag: string;
  readonly name: string;
  readonly args: (string | Buffer)[];
}

const viewsMax = 5;
const buckets = 256;
const rowBytes = 108;

/** An entity key as the store packs one of int64. */
const packed = (entity: number): Buffer => {
  const key = Buffer.alloc(9, 1);
  key.writeBigInt64BE(BigInt(entity), 1);
  return key;
};
const bucketTag = (entity: number): string => String((entity * 2_654_435_761) % buckets);
const stringKey = (tag: string, view: number, entity: number): Buffer =>
  Buffer.concat([Buffer.from(`asof:my_project:{${tag}}:r:driver_stats_${view}:`), packed(entity)]);
const hashKey = (entity: number): Buffer =>
  Buffer.concat([Buffer.from(`asof:my_project:{${bucketTag(entity)}}:e:`), packed(entity)]);
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Strings read by one MGET per hash tag; on one server by one MGET. */
function strings(name: string, tagOf: (entity: number) => string, oneServer: boolean): Layout {
  return {
    name,
    write: (entity, view, row) => ['set', stringKey(tagOf(entity), view, entity), row],
    read: (entities, views) => {
      const byTag = new Map<string, Buffer[]>();
      for (const entity of entities) {
        const tag = oneServer ? '' : tagOf(entity);
        const keys = byTag.get(tag) ?? [];
        byTag.set(tag, keys);
        for (let view = 0; view < views; view += 1) keys.push(stringKey(tagOf(entity), view, entity));
      }
      return [...byTag].map(([tag, args]) => ({ tag, name: 'mget', args }));
    },
  };
}

/** The yardstick: what anybody would write who has the keys. */
const bare: Layout = {
  name: 'bare pipelined GETs',
  write: (entity, view, row) => ['set', stringKey(bucketTag(entity), view, entity), row],
  read: (entities, views) =>
    entities.flatMap((entity) =>
      range(views).map((view) => ({
        tag: bucketTag(entity),
        name: 'get',
        args: [stringKey(bucketTag(entity), view, entity)],
      })),
    ),
};

const hashes: Layout = {
  name: 'hash per entity, HMGET',
  write: (entity, view, row) => ['hset', hashKey(entity), `driver_stats_${view}`, row],
  read: (entities, views) =>
    entities.map((entity) => ({
      tag: bucketTag(entity),
      name: 'hmget',
      args: [hashKey(entity), ...range(views).map((view) => `driver_stats_${view}`)],
    })),
};

/** Sends each node its commands in one pipeline. @returns how many rows came back. */
async function send(client: Redis | Cluster, commands: readonly Command[], nodeOf: (tag: string) => string) {
  const byNode = new Map<string, Command[]>();
  for (const command of commands) {
    const node = nodeOf(command.tag);
    const list = byNode.get(node);
    if (list === undefined) byNode.set(node, [command]);
    else list.push(command);
  }
  let rows = 0;
  await Promise.all(
    [...byNode.values()].map(async (list) => {
      const pipeline = client.pipeline();
      for (const { name, args } of list) pipeline.callBuffer(name, ...args);
      for (const [error, reply] of (await pipeline.exec()) ?? []) {
        if (error !== null) throw error;
        for (const value of Array.isArray(reply) ? reply : [reply]) if (value !== null) rows += 1;
      }
    }),
  );
  return rows;
}

interface Place {
  readonly name: string;
  readonly client: Redis | Cluster;
  readonly nodeOf: (tag: string) => string;
  masters(): Redis[];
}

async function memory({ masters }: Place): Promise<number> {
  const infos = await Promise.all(masters().map((node) => node.info('memory')));
  return infos.reduce((sum, info) => sum + Number(/used_memory:(\d+)/.exec(info)?.[1]), 0);
}

async function fill({ client, nodeOf }: Place, layout: Layout, entities: number): Promise<void> {
  const step = 1_000;
  for (let from = 0; from < entities; from += step) {
    const commands = range(step).flatMap((index) =>
      range(viewsMax).map((view) => {
        const [name, ...args] = layout.write(from + index, view, Buffer.alloc(rowBytes, index));
        return { tag: /\{([^}]*)\}/.exec(String(args[0]))?.[1] ?? '', name, args };
      }),
    );
    await send(client, commands, nodeOf);
  }
}

interface Size {
  readonly entities: number;
  readonly rows: number;
  readonly views: number;
}

async function timeRead({ client, nodeOf }: Place, layout: Layout, { entities, rows, views }: Size, round: number) {
  const asked = range(rows).map((index) => (round * 7_919 + index * 104_729) % entities);
  const started = process.hrtime.bigint();
  const found = await send(client, layout.read(asked, views), nodeOf);
  const time = Number(process.hrtime.bigint() - started) / 1_000;
  if (found !== rows * views) throw new Error(`${layout.name}: ${found} rows came back, not ${rows * views}`);
  return time;
}

/** Layouts take turns round by round, so that a slow moment of the machine hits all of them. */
async function measure(place: Place, layouts: readonly Layout[], quick: boolean): Promise<void> {
  const entities = quick ? 5_000 : 50_000;
  const table = new Map<Layout, Record<string, string | number>>();
  for (const layout of layouts) {
    for (const node of place.masters()) await node.flushall();
    const before = await memory(place);
    await fill(place, layout, entities);
    table.set(layout, { 'bytes/entity': Math.round(((await memory(place)) - before) / entities) });
  }
  for (const layout of layouts) await fill(place, layout, entities);
  for (const rows of [1, 10, 100]) {
    for (const views of [1, viewsMax]) {
      const rounds = quick ? 50 : rows === 100 ? 1_000 : 4_000;
      const times = new Map(layouts.map((layout) => [layout, [] as number[]]));
      for (let round = -rounds / 10; round < rounds; round += 1) {
        for (const [layout, list] of times) {
          const time = await timeRead(place, layout, { entities, rows, views }, round + rounds);
          if (round >= 0) list.push(time);
        }
      }
      const sorted = [...times].map(([layout, list]) => [layout, list.sort((a, b) => a - b)] as const);
      const yardstick = quantile(sorted[0]?.[1] ?? [], 0.5);
      for (const [layout, list] of sorted) {
        const [p50, p99] = [quantile(list, 0.5), quantile(list, 0.99)];
        const line = table.get(layout) as Record<string, string | number>;
        line[`${rows} x ${views}`] = `${p50} / ${p99} (${(p50 / yardstick).toFixed(2)})`;
      }
    }
  }
  console.log(`${place.name}: rows x views, p50 / p99 in µs (p50 to that of the bare read)`);
  console.table(Object.fromEntries([...table].map(([{ name }, line]) => [name, line])));
}

/** The slot of a hash tag, as Redis computes it: CRC16 (XMODEM) modulo 16384. */
function slotOf(tag: string): number {
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : ((crc << 1) ^ 0x1021) & 0xffff;
    crc &= 0xffff;
  }
  return crc & 16_383;
}

export async function run({ quick }: { readonly quick: boolean }): Promise<void> {
  const single = await startRedis();
  try {
    const client = new Redis({ port: single.port });
    const place: Place = { name: 'one server', client, nodeOf: () => '', masters: () => [client] };
    await measure(place, [bare, strings('string per view and entity, MGET', bucketTag, true), hashes], quick);
    client.disconnect();
  } finally {
    await single.close();
  }
  const cluster = await startRedisCluster();
  try {
    const client = new Cluster(cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })));
    await new Promise((resolve) => client.once('ready', resolve));
    const slots = new Map<string, number>();
    const nodeOf = (tag: string): string => {
      const slot = slots.get(tag) ?? slotOf(tag);
      slots.set(tag, slot);
      return client.slots[slot]?.join(';') ?? '';
    };
    const place: Place = { name: 'Cluster of three masters', client, nodeOf, masters: () => client.nodes('master') };
    const layouts = [
      bare,
      strings(`string, one of ${buckets} hash tags, MGET`, bucketTag, false),
      strings('string, a hash tag per entity, MGET', String, false),
      hashes,
    ];
    await measure(place, layouts, quick);
    client.disconnect();
  } finally {
    await cluster.close();
  }
}
