import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailableError } from '../../errors.js';
import { withExclusiveLock } from '../exclusive-lock.js';
import { freePort, loopback } from '../free-port.js';
import type { LocalServer } from './local-server.js';
import {
  type AllSettings,
  createFolder,
  type RunningServices,
  readSettings,
  removeRecord,
  runningServices,
  type ServiceFiles,
  type ServiceName,
  type ServiceSettings,
  serviceFiles,
  writeEnvironment,
  writeRecord,
  writeSettings,
} from './project-files.js';
import { endLeftover, linkedDirectory, recipes } from './project-servers.js';

export interface ProjectServicesOptions {
  /** The project's state folder, symbolic links resolved; created when it is not there. */
  readonly stateDir: string;
  readonly names: readonly ServiceName[];
  /** Runs one part of the start, so that somebody can watch it. */
  readonly step: <T>(title: string, run: (update: (line: string) => void) => Promise<T>) => Promise<T>;
  readonly signal?: AbortSignal | undefined;
}

/** Redis, Kafka and Postgres of one project, run by this process. */
export interface ProjectServices {
  readonly services: Partial<Readonly<Record<ServiceName, { readonly pid: number; readonly port: number }>>>;
  /** The variables that lead to them; they hold passwords. */
  readonly environment: Readonly<Partial<Record<(typeof serviceVariables)[number], string>>>;
  /** The same as a file for `source`. */
  readonly envFile: string;
  /** What somebody should know who watches the start. */
  readonly notes: readonly string[];
  /** Settles with an error when one of them ends by itself. */
  watch(signal: AbortSignal): Promise<StoreUnavailableError | undefined>;
  /** Stops them all; their data stays. */
  stop(): Promise<void>;
}

/** Of the servers below; the lake's catalog and the sample's source are databases of one Postgres. */
const databases = { catalog: 'asof', source: 'drivers_source' };

/**
 * Starts the services of a project; when one does not start, the others are stopped again.
 * @throws StoreUnavailableError naming the one that can't be had and what was tried, or the process that runs them already.
 */
export async function startProjectServices(options: ProjectServicesOptions): Promise<ProjectServices> {
  const { stateDir, names, signal } = options;
  const files = serviceFiles(stateDir);
  createFolder(files.directory);
  return withExclusiveLock(files.lock, { signal }, async () => {
    const running = await runningServices(stateDir);
    if (running !== undefined) throw alreadyRunning(running, files);
    removeRecord(files);
    const servers = new Map<ServiceName, LocalServer>();
    const notes: string[] = [];
    let settings = readSettings(files);
    try {
      for (const name of names) {
        const { title } = recipes[name];
        await options.step(title, async (update) => {
          const port = await freePort(settings[name].port);
          if (port !== settings[name].port && existsSync(files.env))
            notes.push(`${title} has a new port, ${port}: another program uses ${settings[name].port}.`);
          settings = { ...settings, [name]: { ...settings[name], port } };
          servers.set(name, await startOne(name, files, settings, notes, { update, signal }));
        });
      }
      signal?.throwIfAborted();
      return finish(files, servers, settings, notes);
    } catch (error) {
      await stopAll(servers);
      throw error;
    }
  });
}

async function startOne(
  name: ServiceName,
  files: ServiceFiles,
  settings: AllSettings,
  notes: string[],
  { update, signal }: { update: (line: string) => void; signal: AbortSignal | undefined },
): Promise<LocalServer> {
  const { title, directory: directoryOf, make } = recipes[name];
  const directory = directoryOf(files);
  if (await endLeftover(name, directory))
    notes.push(`${title} still ran from a start that was killed; it was restarted.`);
  checkPassword(name, directory, files);
  // Before the data: without the password it is lost.
  writeSettings(files, settings);
  const report = ({ message }: { message: string }) => update(message);
  const server = await make(directory, settings[name], { report, signal });
  signal?.throwIfAborted();
  update('starting');
  await server.start();
  return server;
}

/** Postgres keeps its password in the data: a new one would fail after a minute of trying. */
function checkPassword(name: ServiceName, directory: string, files: ServiceFiles): void {
  if (name !== 'postgres' || existsSync(files.settings) || !existsSync(path.join(directory, 'data', 'PG_VERSION')))
    return;
  throw new StoreUnavailableError('the password of the Postgres in this folder is lost with this file', {
    where: files.settings,
    mend: `restore it, or delete ${directory} and all that is in it`,
  });
}

function finish(
  files: ServiceFiles,
  servers: ReadonlyMap<ServiceName, LocalServer>,
  settings: AllSettings,
  notes: string[],
): ProjectServices {
  const services = Object.fromEntries(
    [...servers].map(([name, { pid, port }]) => [name, { pid: pid ?? 0, port }]),
  ) as ProjectServices['services'];
  for (const name of servers.keys()) {
    const elsewhere = linkedDirectory(files, name);
    if (elsewhere !== undefined)
      notes.push(`The data of ${recipes[name].title} is in ${elsewhere}: its user can't reach ${files.directory}.`);
  }
  if (servers.has('postgres')) createFolder(files.shared);
  const environment = environmentOf([...servers.keys()], settings, files);
  writeEnvironment(files, environment);
  writeRecord(files, { pid: process.pid, startedAt: new Date().toISOString(), services });
  return {
    services,
    environment,
    envFile: files.env,
    notes,
    watch: (signal) => firstEnd(servers, files, signal),
    stop: async () => {
      await stopAll(servers);
      removeRecord(files);
    },
  };
}

/** Every variable that can lead to a service, in the order of docker-compose.yml. */
export const serviceVariables = [
  'ASOF_CATALOG_URL',
  'ASOF_SHARED_PATH',
  'ASOF_SOURCE_URL',
  'ASOF_REDIS_URL',
  'ASOF_KAFKA_BROKERS',
] as const;

function environmentOf(
  names: readonly ServiceName[],
  settings: Readonly<Record<ServiceName, ServiceSettings>>,
  files: ServiceFiles,
): Partial<Record<(typeof serviceVariables)[number], string>> {
  const { redis, kafka, postgres } = settings;
  const database = (name: string) => `postgres://postgres:${postgres.password}@${loopback}:${postgres.port}/${name}`;
  const has = (name: ServiceName) => names.includes(name);
  return {
    ...(has('postgres') && {
      ASOF_CATALOG_URL: database(databases.catalog),
      ASOF_SHARED_PATH: files.shared,
      ASOF_SOURCE_URL: database(databases.source),
    }),
    ...(has('redis') && { ASOF_REDIS_URL: `redis://:${redis.password}@${loopback}:${redis.port}/0` }),
    ...(has('kafka') && { ASOF_KAFKA_BROKERS: `${loopback}:${kafka.port}` }),
  };
}

/** The last one started is the first one stopped. */
async function stopAll(servers: ReadonlyMap<ServiceName, LocalServer>): Promise<void> {
  for (const server of [...servers.values()].reverse()) await server.stop();
}

async function firstEnd(
  servers: ReadonlyMap<ServiceName, LocalServer>,
  files: ServiceFiles,
  signal: AbortSignal,
): Promise<StoreUnavailableError | undefined> {
  while (!signal.aborted) {
    // What an abort throws is no error here.
    await sleep(500, undefined, { signal }).catch(() => undefined);
    const gone = [...servers].find(([, { pid }]) => pid === undefined);
    // Ctrl-C in a terminal reaches the servers too: they may be gone first.
    if (gone === undefined) continue;
    await sleep(500, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return undefined;
    const [name] = gone;
    return new StoreUnavailableError(`${recipes[name].title} ended by itself; the other services are stopped too`, {
      where: path.join(files.directory, name, `${name}.log`),
      mend: 'its log says why; then start `asof services` again, no data is lost',
    });
  }
  return undefined;
}

const alreadyRunning = ({ pid }: RunningServices, { env }: ServiceFiles): StoreUnavailableError =>
  new StoreUnavailableError(`the services of this project run already, started by process ${pid}`, {
    where: path.dirname(env),
    mend: `use them: source ${env}; or end that process first`,
  });
