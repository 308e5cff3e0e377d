import { existsSync, mkdtempSync, readlinkSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailableError } from '../../errors.js';
import { processWith } from '../process-table.js';
import type { EnsureOptions } from '../report.js';
import { toolchain } from '../toolchain-limits.js';
import { kafkaBroker } from './kafka-broker.js';
import { ensureKafka } from './kafka-libs.js';
import type { LocalServer } from './local-server.js';
import { postgresReaches, postgresServer, requirePostgres } from './postgres-server.js';
import { createFolder, type ServiceFiles, type ServiceName, type ServiceSettings } from './project-files.js';
import { ensureRedisServer, redisServer } from './redis-server.js';

/** How one of a project's services is made from what is on this machine, and known again among its processes. */
interface Recipe {
  readonly title: string;
  make(directory: string, settings: ServiceSettings, options: EnsureOptions): Promise<LocalServer>;
  /** An option and its value that only the server of this folder was started with. */
  mark(directory: string): [option: string, value: string];
  /** Where its data is; made when it is not there. */
  directory(files: ServiceFiles): string;
  readonly stopSignal: NodeJS.Signals;
}

const own = (name: ServiceName) => (files: ServiceFiles) => {
  const directory = path.join(files.directory, name);
  createFolder(directory, 0o700);
  return directory;
};

export const recipes: Readonly<Record<ServiceName, Recipe>> = {
  redis: {
    title: 'Redis',
    directory: own('redis'),
    stopSignal: 'SIGTERM',
    mark: (directory) => ['--dir', directory],
    make: async (directory, { port, password }, options) => {
      const program = await ensureRedisServer(options);
      // In a file: everybody on this machine can read the arguments of a process.
      const secrets = path.join(directory, 'secrets.conf');
      writeFileSync(secrets, `requirepass ${password}\n`, { mode: 0o600 });
      const durable = ['--appendonly', 'yes', '--maxmemory-policy', 'noeviction'];
      // Its arguments stay those it was started with: it is known by them when its starter was killed.
      const args = ['--include', secrets, ...durable, '--set-proc-title', 'no'];
      return redisServer({ program, directory, port, args });
    },
  },
  kafka: {
    title: 'Kafka',
    directory: own('kafka'),
    stopSignal: 'SIGTERM',
    mark: (directory) => ['kafka.Kafka', path.join(directory, 'server.properties')],
    make: async (directory, { port }, options) => {
      // Like all data here, events stay until somebody deletes them.
      const properties = { 'log.retention.ms': '-1', 'log.retention.check.interval.ms': '300000' };
      return kafkaBroker({ program: await ensureKafka(options), directory, port, properties });
    },
  },
  postgres: {
    title: 'Postgres',
    directory: postgresDirectory,
    stopSignal: 'SIGINT',
    mark: (directory) => ['-D', path.join(directory, 'data')],
    make: async (directory, { port, password }) => postgresServer({ directory, port, password }),
  },
};

/**
 * Under the state folder where Postgres' user can reach it; else in the system's folder for lasting temporary files, with a link
 * to it. Only root needs that: Postgres refuses to run as root, and others may not pass through root's folders.
 */
function postgresDirectory(files: ServiceFiles): string {
  requirePostgres();
  const directory = path.join(files.directory, 'postgres');
  if (existsSync(directory)) return realpathSync(directory);
  if (postgresReaches(directory)) {
    createFolder(directory);
    return directory;
  }
  rmSync(directory, { force: true });
  const elsewhere = mkdtempSync(path.join(existsSync('/var/tmp') ? '/var/tmp' : os.tmpdir(), 'asof-postgres-'));
  symlinkSync(elsewhere, directory);
  return elsewhere;
}

/** Where the data of a service lies when it is not below the state folder. */
export function linkedDirectory(files: ServiceFiles, name: ServiceName): string | undefined {
  try {
    return readlinkSync(path.join(files.directory, name));
  } catch {
    return undefined;
  }
}

/**
 * Ends the server that still runs on a folder because its starter was killed; two servers would destroy the data.
 * @returns whether there was one.
 * @throws StoreUnavailableError when it does not end.
 */
export async function endLeftover(name: ServiceName, directory: string): Promise<boolean> {
  const { title, stopSignal, mark } = recipes[name];
  const find = (pid?: number) => processWith(...mark(directory), pid);
  const found = await find();
  if (found === undefined) return false;
  for (const signal of [stopSignal, 'SIGKILL'] as const) {
    process.kill(found.pid, signal);
    const giveUpAt = Date.now() + toolchain.localServerStopMaxMs;
    while (Date.now() < giveUpAt) {
      if ((await find(found.pid)) === undefined) return true;
      await sleep(50);
    }
  }
  throw new StoreUnavailableError(`${title} (process ${found.pid}) still runs on this folder and does not end`, {
    where: directory,
    mend: `end process ${found.pid}`,
  });
}
