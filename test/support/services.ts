import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
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

/** @param properties settings of the broker beside or instead of the usual ones. */
export const startKafka = (properties: Readonly<Record<string, string>> = {}): Promise<TestServer> =>
  testServer(async (directory) => kafkaBroker({ program: await ensureKafka({ report }), directory, properties }));

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
