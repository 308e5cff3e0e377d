import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  type ServiceName,
  startKafka,
  startPostgres,
  startRedis,
  startRedisCluster,
  type TestPostgres,
  type TestRedisCluster,
  type TestServer,
} from './services.js';
import type { TestEngines } from './store.js';

/** One engine of each kind. */
export interface Combination {
  readonly online: 'LMDB' | 'Redis' | 'Redis Cluster';
  readonly stream: 'file' | 'Kafka';
  readonly catalog: 'SQLite' | 'Postgres';
}

const onlines = ['LMDB', 'Redis', 'Redis Cluster'] as const;
const streams = ['file', 'Kafka'] as const;
const catalogs = ['SQLite', 'Postgres'] as const;

export const everyCombination: readonly Combination[] = onlines.flatMap((online) =>
  streams.flatMap((stream) => catalogs.map((catalog) => ({ online, stream, catalog }))),
);

/** Half of all: every pair of engines of two kinds meets in one of them. */
export const pairwise: readonly Combination[] = everyCombination.filter(
  ({ online, stream, catalog }) => (streams.indexOf(stream) === catalogs.indexOf(catalog)) !== (online === 'Redis'),
);

export const nameOf = ({ online, stream, catalog }: Combination): string => `${online} × ${stream} × ${catalog}`;

/** The services a combination needs. */
export const needs = ({ online, stream, catalog }: Combination): ServiceName[] => [
  ...(online === 'LMDB' ? [] : (['redis'] as const)),
  ...(stream === 'file' ? [] : (['kafka'] as const)),
  ...(catalog === 'SQLite' ? [] : (['postgres'] as const)),
];

/** The servers of combinations, each started when it is first needed and shared by the tests of a file. */
export class EngineServers {
  redis: TestServer | undefined;
  cluster: TestRedisCluster | undefined;
  kafka: TestServer | undefined;
  postgres: TestPostgres | undefined;
  readonly #shared: string[] = [];

  /** What a project needs to run on a combination: a database and a shared folder of its own, the other servers shared. */
  async engines(combination: Combination): Promise<TestEngines> {
    const settings: string[] = [];
    const environment: Record<string, string> = {};
    if (combination.online === 'Redis') {
      this.redis ??= await startRedis();
      environment['ASOF_TEST_REDIS'] = `redis://127.0.0.1:${this.redis.port}`;
      settings.push("onlineStore: { type: 'redis', url: env('ASOF_TEST_REDIS') },");
    }
    if (combination.online === 'Redis Cluster') {
      this.cluster ??= await startRedisCluster();
      environment['ASOF_TEST_CLUSTER'] = this.cluster.addresses;
      settings.push("onlineStore: { type: 'redis', cluster: env('ASOF_TEST_CLUSTER') },");
    }
    if (combination.stream === 'Kafka') {
      this.kafka ??= await startKafka();
      environment['ASOF_TEST_KAFKA'] = `127.0.0.1:${this.kafka.port}`;
      settings.push("streamSource: { type: 'kafka', brokers: env('ASOF_TEST_KAFKA') },");
    }
    if (combination.catalog === 'Postgres') {
      this.postgres ??= await startPostgres();
      const shared = mkdtempSync(path.join(os.tmpdir(), 'asof-shared-'));
      this.#shared.push(shared);
      // One variable for each database, so that projects of one test can be open at the same time.
      const id = randomUUID().slice(0, 8);
      environment[`ASOF_TEST_CATALOG_${id}`] = await this.postgres.createDatabase(`lake_${id}`);
      environment[`ASOF_TEST_SHARED_${id}`] = shared;
      settings.push(
        `catalog: { type: 'postgres', url: env('ASOF_TEST_CATALOG_${id}'), sharedPath: env('ASOF_TEST_SHARED_${id}') },`,
      );
    }
    return { name: nameOf(combination), settings: settings.join('\n  '), environment };
  }

  async close(): Promise<void> {
    for (const server of [this.redis, this.cluster, this.kafka, this.postgres]) await server?.close();
    for (const folder of this.#shared) rmSync(folder, { recursive: true, force: true });
  }
}
