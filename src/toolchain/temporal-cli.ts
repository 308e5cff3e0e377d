import { mkdir, rename } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { toolCacheDirectory } from '../config.js';
import { DefinitionError, StoreUnavailableError } from '../errors.js';
import { withExclusiveLock } from './exclusive-lock.js';
import { withPartialFolder } from './partial-folder.js';
import type { EnsureOptions, FetchOptions } from './report.js';
import { executable, findOnPath, programName, runProgram } from './run-program.js';
import { buildTemporalCli } from './temporal-cli-build.js';
import { downloadTemporalCli } from './temporal-cli-download.js';
import { toolchain } from './toolchain-limits.js';

export interface TemporalCli {
  readonly path: string;
  /** As the program itself says it, e.g. `1.5.1 (Server 1.29.1, UI 2.42.1)`. */
  readonly version: string;
  readonly from: 'ASOF_TEMPORAL_CLI' | 'PATH' | 'cache' | 'go' | 'download' | 'build';
}

/**
 * The Temporal CLI on this machine, without network: `ASOF_TEMPORAL_CLI`, PATH, asof's own cache, Go's folder of programs.
 * @throws DefinitionError when `ASOF_TEMPORAL_CLI` is set and is no runnable Temporal CLI.
 */
export async function findTemporalCli(env: NodeJS.ProcessEnv = process.env): Promise<TemporalCli | undefined> {
  return (await search(env)).cli;
}

/**
 * The Temporal CLI, fetched when it is not here: Temporal's download service, else built by Go from its module. Several
 * processes may ask at once; one fetches, the others wait for it.
 * @throws StoreUnavailableError naming every way that was tried and why it failed.
 */
export async function ensureTemporalCli(options: EnsureOptions): Promise<TemporalCli> {
  const env = options.env ?? process.env;
  const { cli } = await search(env);
  if (cli !== undefined) return cli;

  const cache = path.dirname(cachedTemporalCli(env));
  const onWait = () => options.report({ message: 'another process is getting the Temporal CLI; waiting for it' });
  return withExclusiveLock(`${cache}.lock`, { signal: options.signal, onWait }, async () => {
    const found = await search(env);
    return found.cli ?? (await fetchInto(cache, found.problems, { ...options, env }));
  });
}

/** Where a fetched CLI is kept. */
export function cachedTemporalCli(env: NodeJS.ProcessEnv): string {
  return path.join(toolCacheDirectory(env), `temporal-cli-${toolchain.temporalCliVersion}`, programName('temporal'));
}

async function search(env: NodeJS.ProcessEnv): Promise<{ cli?: TemporalCli; problems: string[] }> {
  const given = env['ASOF_TEMPORAL_CLI'];
  if (given !== undefined && given !== '') return { cli: await givenCli(given), problems: [] };

  const problems: string[] = [];
  const places: [TemporalCli['from'], string | undefined][] = [
    ['PATH', findOnPath('temporal', env)],
    ['cache', executable(cachedTemporalCli(env))],
    ...goProgramFolders(env).map((folder): [TemporalCli['from'], string | undefined] => [
      'go',
      executable(path.join(folder, programName('temporal'))),
    ]),
  ];
  for (const [from, file] of places) {
    if (file === undefined) continue;
    const version = await versionOf(file);
    if (version.ok) return { cli: { path: file, version: version.value, from }, problems };
    problems.push(`${file}: ${version.problem}`);
  }
  if (problems.length === 0) problems.push("neither on PATH, nor in asof's cache, nor where Go puts programs");
  return { problems };
}

async function givenCli(file: string): Promise<TemporalCli> {
  const where = 'ASOF_TEMPORAL_CLI';
  const mend = 'set it to the path of the program `temporal`, or unset it to let asof find or fetch one';
  if (executable(file) === undefined) {
    throw new DefinitionError(`"${file}" is not a program that can be run`, { where, mend });
  }
  const version = await versionOf(file);
  if (version.ok) return { path: file, version: version.value, from: 'ASOF_TEMPORAL_CLI' };
  throw new DefinitionError(`"${file}" is not a working Temporal CLI: ${version.problem}`, { where, mend });
}

/** `go install` leaves programs in GOBIN, else in the `bin` of each GOPATH. */
function goProgramFolders(env: NodeJS.ProcessEnv): string[] {
  const home = env['HOME'] ?? os.homedir();
  const paths = (env['GOPATH'] ?? '').split(path.delimiter).filter((each) => each !== '');
  const folders = [...paths, path.join(home, 'go')].map((each) => path.join(each, 'bin'));
  return env['GOBIN'] === undefined || env['GOBIN'] === '' ? folders : [env['GOBIN'], ...folders];
}

type Version = { ok: true; value: string } | { ok: false; problem: string };
const versions = new Map<string, Version>();

/** Starting the program costs up to a second on a cold disk, so each is asked once in a process. */
async function versionOf(file: string): Promise<Version> {
  const known = versions.get(file);
  if (known !== undefined) return known;
  const result = await runProgram(file, ['--version'], { timeoutMs: toolchain.versionProbeMs });
  const value = /^temporal version (.+)$/m.exec(result.stdout)?.[1]?.trim();
  if (!result.ok) return { ok: false, problem: `\`--version\` failed: ${result.problem}` };
  if (value === undefined) return { ok: false, problem: '`--version` answers like another program of this name' };
  const version: Version = { ok: true, value };
  versions.set(file, version);
  return version;
}

/** What works is renamed into the cache, so nobody ever sees half a program. */
async function fetchInto(cache: string, problems: string[], options: FetchOptions): Promise<TemporalCli> {
  for (const [from, get] of [
    ['download', downloadTemporalCli],
    ['build', buildTemporalCli],
  ] as const) {
    try {
      const cli = await withPartialFolder(cache, async (folder) => {
        const program = await get(folder, options);
        const version = await versionOf(program);
        if (!version.ok) throw new Error(`the program does not run: ${version.problem}`);
        const file = path.join(cache, programName('temporal'));
        await mkdir(cache, { recursive: true });
        await rename(program, file);
        return { path: file, version: version.value, from };
      });
      options.report({ message: `Temporal CLI ${cli.version} is ready` });
      return cli;
    } catch (error) {
      options.signal?.throwIfAborted();
      const problem = `${from}: ${(error as Error).message}`;
      problems.push(problem);
      options.report({ message: `Temporal CLI: ${problem}` });
    }
  }
  throw new StoreUnavailableError(`no Temporal CLI:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`, {
    mend:
      'put the program `temporal` on PATH or set ASOF_TEMPORAL_CLI to it, or install Go 1.25+ or Python 3 with pip so that ' +
      'asof can build it, or set TEMPORAL_ADDRESS to a server that runs already',
  });
}
