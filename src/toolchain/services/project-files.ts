import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { StoreUnavailableError } from '../../errors.js';
import { processOf } from '../process-table.js';

export const serviceNames = ['redis', 'kafka', 'postgres'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** What `asof services` keeps under the state folder. */
export interface ServiceFiles {
  readonly directory: string;
  /** Ports and passwords, for this user's eyes only; lost passwords mean lost data. */
  readonly settings: string;
  /** The command that runs them now, and their processes. */
  readonly record: string;
  /** The variables that lead to them, for a shell. */
  readonly env: string;
  readonly lock: string;
  /** The lake's files when its catalog is in Postgres: apart from those of the embedded catalog. */
  readonly shared: string;
}

/** @param stateDir with symbolic links resolved: the folder's name identifies the servers among all processes. */
export function serviceFiles(stateDir: string): ServiceFiles {
  const directory = path.join(stateDir, 'services');
  return {
    directory,
    settings: path.join(directory, 'settings.json'),
    record: path.join(directory, 'running.json'),
    env: path.join(directory, 'env'),
    lock: path.join(directory, 'lock'),
    shared: path.join(directory, 'shared'),
  };
}

export interface ServiceSettings {
  readonly port: number;
  readonly password: string;
}

export type AllSettings = Readonly<Record<ServiceName, ServiceSettings>>;

/** Ports and passwords as of the last start, else new ones. @throws StoreUnavailableError when they can't be read. */
export function readSettings(files: ServiceFiles): AllSettings {
  const known = existsSync(files.settings) ? parse<Partial<AllSettings>>(files.settings) : {};
  // Below the ports that systems give to outgoing connections, and apart from those of the embedded Temporal servers.
  const first = 15_000 + 3 * (createHash('sha256').update(files.directory).digest().readUInt32BE() % 1_600);
  const fresh = (index: number): ServiceSettings => ({
    port: first + index,
    // Stands in URLs: letters, digits, "-" and "_" only.
    password: randomBytes(24).toString('base64url'),
  });
  return {
    redis: known.redis ?? fresh(0),
    kafka: known.kafka ?? fresh(1),
    postgres: known.postgres ?? fresh(2),
  };
}

export const writeSettings = (files: ServiceFiles, settings: AllSettings): void =>
  writePrivate(files.settings, `${JSON.stringify(settings, null, 2)}\n`);

export interface RunningServices {
  /** Of the command that runs them. */
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly services: Partial<Readonly<Record<ServiceName, { readonly pid: number; readonly port: number }>>>;
}

/** The services' command of this project, if it runs. */
export async function runningServices(stateDir: string): Promise<RunningServices | undefined> {
  const files = serviceFiles(stateDir);
  if (!existsSync(files.record)) return undefined;
  const record = parse<RunningServices>(files.record);
  const { args = [] } = (await processOf(record.pid)) ?? {};
  // Ids are given anew: another process may have this one by now.
  return args.some((arg) => /\bservices\b/.test(arg)) ? record : undefined;
}

export const writeRecord = (files: ServiceFiles, record: RunningServices): void =>
  writePrivate(files.record, `${JSON.stringify(record, null, 2)}\n`);

export const removeRecord = (files: ServiceFiles): void => rmSync(files.record, { force: true });

/** Lines for `source`, in the order given. */
export function writeEnvironment(files: ServiceFiles, environment: Readonly<Record<string, string>>): void {
  const lines = Object.entries(environment).map(
    ([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`,
  );
  writePrivate(files.env, `${lines.join('\n')}\n`);
}

/** @throws StoreUnavailableError when the folder can't be used. */
export function createFolder(folder: string, mode = 0o755): void {
  try {
    mkdirSync(folder, { recursive: true, mode });
  } catch (error) {
    throw new StoreUnavailableError(`the folder can't be used: ${(error as Error).message}`, {
      where: folder,
      mend: 'make it writable for this user',
      cause: error,
    });
  }
}

/** Readable by this user alone, and never half-written. */
function writePrivate(file: string, text: string): void {
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, text, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}

function parse<T>(file: string): T {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch (error) {
    throw new StoreUnavailableError(`can't be read: ${(error as Error).message.replaceAll(/"[^"]*"/g, '…')}`, {
      where: file,
      mend: 'restore it; or delete its folder, with all the data of the services',
      cause: error,
    });
  }
}
