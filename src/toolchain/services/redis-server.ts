import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { StoreUnavailableError } from '../../errors.js';
import { freePort, loopback } from '../free-port.js';
import type { EnsureOptions } from '../report.js';
import { findOnPath, runProgram } from '../run-program.js';
import { toolchain } from '../toolchain-limits.js';
import { LocalServer } from './local-server.js';

/**
 * The program `redis-server` of this machine, else of its package manager (apt-get or Homebrew, where this user may install).
 * @throws StoreUnavailableError naming what was tried.
 */
export async function ensureRedisServer({ report, signal, env = process.env }: EnsureOptions): Promise<string> {
  const found = findRedisServer(env);
  if (found !== undefined) return found;
  const problems: string[] = [];
  for (const commands of installCommands(env)) {
    for (const [file = '', ...args] of commands) {
      report({ message: `getting Redis: ${[path.basename(file), ...args].join(' ')}` });
      // A freshly installed package must not start a server of its own on Redis' usual port.
      const quiet = { ...env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
      const result = await runProgram(file, args, { env: quiet, signal, timeoutMs: toolchain.packageInstallMaxMs });
      if (!result.ok) problems.push(`${path.basename(file)} ${args[0]}: ${result.problem}`);
    }
    const installed = findRedisServer(env);
    if (installed !== undefined) return installed;
  }
  throw new StoreUnavailableError(`no redis-server${problems.map((problem) => `\n  - ${problem}`).join('')}`, {
    mend: 'install Redis 7 or newer with your package manager, or set ASOF_REDIS_SERVER to the program',
  });
}

export const findRedisServer = (env: NodeJS.ProcessEnv = process.env): string | undefined =>
  env['ASOF_REDIS_SERVER'] ?? findOnPath('redis-server', env);

function installCommands(env: NodeJS.ProcessEnv): string[][][] {
  const ways: string[][][] = [];
  const apt = findOnPath('apt-get', env);
  const sudo = findOnPath('sudo', env);
  const isRoot = process.getuid?.() === 0;
  if (apt !== undefined && (isRoot || sudo !== undefined)) {
    const asRoot = isRoot ? [apt] : [sudo as string, '-n', apt];
    ways.push([
      [...asRoot, 'update'],
      [...asRoot, 'install', '-y', '--no-install-recommends', 'redis-server'],
    ]);
  }
  const brew = findOnPath('brew', env);
  if (brew !== undefined) ways.push([[brew, 'install', 'redis']]);
  return ways;
}

export interface RedisServerOptions {
  readonly program: string;
  /** Its working folder. */
  readonly directory: string;
  readonly port?: number | undefined;
  /** More of its command line, e.g. `['--requirepass', 'secret']`; by default nothing is saved to disk. */
  readonly args?: readonly string[] | undefined;
  /** Instead of the settings below: a sentinel keeps its state in its file, and says its port there. */
  readonly configFile?: string | undefined;
}

/** A Redis server, not started yet. */
export async function redisServer({
  program,
  directory,
  port,
  args = [],
  configFile,
}: RedisServerOptions): Promise<LocalServer> {
  mkdirSync(directory, { recursive: true });
  const chosen = port ?? (await freePort(0));
  const own =
    configFile === undefined
      ? ['--port', String(chosen), '--bind', loopback, '--dir', directory, '--save', '', '--daemonize', 'no']
      : [configFile];
  return new LocalServer({
    name: 'Redis',
    file: program,
    args: [...own, ...args],
    log: path.join(directory, 'redis.log'),
    port: chosen,
  });
}
