import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../../src/toolchain/free-port.js';
import {
  ensureKafka,
  ensureRedisServer,
  kafkaBroker,
  type LocalServer,
  postgresServer,
  redisServer,
  requirePostgres,
  runPostgres,
} from '../../src/toolchain/services/index.js';

/** A real server for one test file, on a port and in a folder of its own; `close` stops it and removes the folder. */
export interface TestServer {
  readonly server: LocalServer;
  readonly port: number;
  readonly directory: string;
  close(): Promise<void>;
}

const report = ({ message }: { message: string }): void => console.error(message);

/** The services that could not be had, with the reason, as the global set-up found out. */
const missing = (): Record<string, string> =>
  JSON.parse(process.env['ASOF_TEST_MISSING_SERVICES'] ?? '{}') as Record<string, string>;

export type ServiceName = 'redis' | 'kafka' | 'postgres';

/**
 * For `describe.skipIf(lacks('kafka'))`: whether a service can't be had on this machine. It is told loudly; with CI=true the
 * global set-up has failed before.
 */
export function lacks(...names: ServiceName[]): boolean {
  const reasons = names.filter((name) => missing()[name] !== undefined);
  for (const name of reasons) console.warn(`SKIPPED, no ${name}: ${missing()[name]}`);
  return reasons.length > 0;
}

/** Finds or fetches all services once. @returns the reasons of those that can't be had. */
export async function ensureServices(): Promise<Partial<Record<ServiceName, string>>> {
  const reasons: Partial<Record<ServiceName, string>> = {};
  const ways: Record<ServiceName, () => unknown> = {
    redis: () => ensureRedisServer({ report }),
    kafka: () => ensureKafka({ report }),
    postgres: () => requirePostgres(),
  };
  for (const [name, ensure] of Object.entries(ways) as [ServiceName, () => unknown][]) {
    try {
      await ensure();
    } catch (error) {
      reasons[name] = (error as Error).message;
    }
  }
  return reasons;
}

async function testServer(make: (directory: string) => Promise<LocalServer>): Promise<TestServer> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'asof-service-'));
  // Postgres runs as another user when this one is root.
  chmodSync(directory, 0o755);
  const server = await make(path.join(directory, 'server'));
  await server.start();
  return {
    server,
    port: server.port,
    directory,
    close: async () => {
      await server.kill();
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** @param args more of Redis' command line. */
export const startRedis = (args: readonly string[] = []): Promise<TestServer> =>
  testServer(async (directory) => redisServer({ program: await ensureRedisServer({ report }), directory, args }));

export interface TestRedisCluster {
  /** The masters first, each with a third of the slots; then, where asked for, one replica of each. */
  readonly nodes: readonly TestServer[];
  /** `host:port,host:port` of all. */
  readonly addresses: string;
  close(): Promise<void>;
}

/** What a command line talks to one server with, for the set-up of tests. */
async function onRedis<T>(port: number, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: null });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    client.disconnect();
  }
}

/** Asks until the answer is yes. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`${what} did not happen`);
    await sleep(50);
  }
}

const slotCount = 16_384;

/** A Redis Cluster of three masters. @param replicas gives each master one. @param args more of every node's command line. */
export async function startRedisCluster({
  replicas = false,
  args = [],
}: {
  replicas?: boolean;
  args?: readonly string[];
} = {}): Promise<TestRedisCluster> {
  const nodes: TestServer[] = [];
  const busPorts: number[] = [];
  const masters = 3;
  try {
    for (let index = 0; index < masters * (replicas ? 2 : 1); index += 1) {
      const bus = await freePort(0);
      busPorts.push(bus);
      const own = ['--cluster-enabled', 'yes', '--cluster-port', String(bus), '--cluster-node-timeout', '2000'];
      nodes.push(await startRedis([...own, '--repl-diskless-sync-delay', '0', ...args]));
    }
    const first = nodes[0] as TestServer;
    for (const [index, { port }] of nodes.entries()) {
      const share = (at: number): number => Math.floor((slotCount * at) / masters);
      await onRedis(port, async (client) => {
        if (index < masters) await client.cluster('ADDSLOTSRANGE', share(index), share(index + 1) - 1);
        await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
        if (index > 0) await client.call('CLUSTER', 'MEET', '127.0.0.1', String(first.port), String(busPorts[0]));
      });
    }
    const knowsAll = (count: number) => async (): Promise<boolean> => {
      const infos = await Promise.all(nodes.map(({ port }) => onRedis(port, (client) => client.cluster('INFO'))));
      return infos.every((info) => info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${count}`));
    };
    await until('the Cluster', knowsAll(nodes.length));
    if (replicas) {
      for (const [index, { port }] of nodes.entries()) {
        if (index < masters) continue;
        const id = await onRedis((nodes[index - masters] as TestServer).port, (client) => client.cluster('MYID'));
        await onRedis(port, (client) => client.cluster('REPLICATE', id));
        await until('replication', () =>
          onRedis(port, async (client) => (await client.info('replication')).includes('master_link_status:up')),
        );
      }
    }
  } catch (error) {
    for (const node of nodes) await node.close();
    throw error;
  }
  return {
    nodes,
    addresses: nodes.map(({ port }) => `127.0.0.1:${port}`).join(','),
    close: async () => {
      for (const node of nodes) await node.close();
    },
  };
}

export interface TestRedisSentinel {
  readonly master: TestServer;
  readonly replica: TestServer;
  readonly sentinels: readonly TestServer[];
  /** The name of the group. */
  readonly name: string;
  /** `host:port,host:port` of the sentinels. */
  readonly addresses: string;
  close(): Promise<void>;
}

/** A master, its replica and three sentinels that put the replica in its place when it is gone for a second. */
export async function startRedisSentinel(password?: string): Promise<TestRedisSentinel> {
  const started: TestServer[] = [];
  const keep = (server: TestServer): TestServer => {
    started.push(server);
    return server;
  };
  const closeAll = async (): Promise<void> => {
    for (const server of started.reverse()) await server.close();
  };
  const name = 'asof-test';
  try {
    const secret = password === undefined ? [] : ['--requirepass', password, '--masterauth', password];
    const quick = ['--repl-diskless-sync-delay', '0'];
    const master = keep(await startRedis([...secret, ...quick]));
    const replica = keep(await startRedis([...secret, ...quick, '--replicaof', '127.0.0.1', String(master.port)]));
    const sentinels: TestServer[] = [];
    for (let index = 0; index < 3; index += 1) {
      const file = path.join(master.directory, `sentinel-${index}.conf`);
      const lines = [
        `sentinel monitor ${name} 127.0.0.1 ${master.port} 2`,
        `sentinel down-after-milliseconds ${name} 1000`,
        `sentinel failover-timeout ${name} 5000`,
        ...(password === undefined ? [] : [`sentinel auth-pass ${name} ${password}`]),
      ];
      writeFileSync(file, `${lines.join('\n')}\n`);
      sentinels.push(keep(await startSentinel(file)));
    }
    const knowsAll = async (): Promise<boolean> => {
      const seen = await Promise.all(
        sentinels.map(({ port }) => onRedis(port, (client) => client.call('SENTINEL', 'MASTER', name))),
      );
      return seen.every((fields) => {
        const all = fields as string[];
        const field = (key: string) => all[all.indexOf(key) + 1];
        return field('num-slaves') === '1' && field('num-other-sentinels') === '2';
      });
    };
    await until('the group of sentinels', knowsAll);
    const addresses = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
    return { master, replica, sentinels, name, addresses, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** A sentinel: its configuration file has to come first on the command line. */
const startSentinel = (file: string): Promise<TestServer> =>
  testServer(async (directory) => {
    const port = await freePort(0);
    writeFileSync(file, `port ${port}\nbind 127.0.0.1\n`, { flag: 'a' });
    const program = await ensureRedisServer({ report });
    return redisServer({ program, directory, port, args: ['--sentinel'], configFile: file });
  });

/**
 * @param properties settings of the broker beside or instead of the usual ones.
 * @param port where it says whether it is ready, without TLS; default a free one.
 */
export const startKafka = (properties: Readonly<Record<string, string>> = {}, port?: number): Promise<TestServer> =>
  testServer(async (directory) => kafkaBroker({ program: await ensureKafka({ report }), directory, port, properties }));

export interface TestPostgres extends TestServer {
  readonly password: string;
  /** Makes an empty database. @returns its URL. */
  createDatabase(name: string): Promise<string>;
  url(database: string): string;
}

export async function startPostgres(args: readonly string[] = []): Promise<TestPostgres> {
  const password = 'only-for-tests';
  const started = await testServer((directory) => postgresServer({ directory, password, args }));
  const url = (database: string): string => `postgres://postgres:${password}@127.0.0.1:${started.port}/${database}`;
  return {
    ...started,
    password,
    url,
    createDatabase: async (name) => {
      await runPostgres({ port: started.port, password }, `CREATE DATABASE "${name}"`);
      return url(name);
    },
  };
}
