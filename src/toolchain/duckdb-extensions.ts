import { existsSync } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { duckdbExtensionFile, duckdbVersion } from '../config.js';
import { StoreUnavailableError } from '../errors.js';
import { installExtension, probeExtension, probeExtensionFile } from '../lake/extension-probe.js';
import { withExclusiveLock } from './exclusive-lock.js';
import { firstAnswer } from './first-answer.js';
import { withPartialFolder } from './partial-folder.js';
import { unpackWheel } from './pip.js';
import type { EnsureOptions, FetchOptions } from './report.js';
import { toolchain } from './toolchain-limits.js';

/** The DuckDB extensions asof needs: the lake, and the two kinds of databases its catalog may be in. */
export const duckdbExtensions = ['ducklake', 'sqlite_scanner', 'postgres_scanner'] as const;

export interface FoundExtension {
  readonly name: string;
  readonly path: string;
  readonly from: 'cache' | 'duckdb' | 'install' | 'wheel';
}

/** The extensions that are on this machine, without network. One that is missing is missing from the answer. */
export async function findDuckdbExtensions(env: NodeJS.ProcessEnv = process.env): Promise<FoundExtension[]> {
  const found: FoundExtension[] = [];
  for (const name of duckdbExtensions) {
    const extension = await find(name, env);
    if (extension !== undefined) found.push(extension);
  }
  return found;
}

/**
 * All extensions, fetched when they are not here: DuckDB's own INSTALL, else their Python wheels, which hold the same signed
 * files. Several processes may ask at once.
 * @throws StoreUnavailableError naming every way that was tried and why it failed.
 */
export async function ensureDuckdbExtensions(options: EnsureOptions): Promise<FoundExtension[]> {
  const env = options.env ?? process.env;
  const found: FoundExtension[] = [];
  for (const name of duckdbExtensions) {
    found.push((await find(name, env)) ?? (await fetchOnce(name, { ...options, env })));
  }
  return found;
}

async function find(name: string, env: NodeJS.ProcessEnv): Promise<FoundExtension | undefined> {
  const file = duckdbExtensionFile(name, env);
  // Only files that DuckDB loaded once were put there, so looking is enough and costs nothing at each start.
  if (existsSync(file)) return { name, path: file, from: 'cache' };
  const probe = await probeExtension(name, env);
  return probe.loadable ? { name, path: probe.path ?? '', from: 'duckdb' } : undefined;
}

async function fetchOnce(name: string, options: FetchOptions): Promise<FoundExtension> {
  const cache = path.dirname(duckdbExtensionFile(name, options.env));
  const onWait = () => options.report({ message: 'another process is getting the DuckDB extensions; waiting for it' });
  return withExclusiveLock(`${cache}.lock`, { signal: options.signal, onWait }, async () => {
    const found = await find(name, options.env);
    return found ?? (await fetchExtension(name, cache, options));
  });
}

async function fetchExtension(name: string, cache: string, options: FetchOptions): Promise<FoundExtension> {
  const problems: string[] = [];
  for (const [way, get] of [
    ['INSTALL', () => install(name, options)],
    ['wheel', () => fetchWheel(name, cache, options)],
  ] as const) {
    options.signal?.throwIfAborted();
    options.report({ message: `getting the DuckDB extension ${name} (${way})` });
    try {
      return await get();
    } catch (error) {
      options.signal?.throwIfAborted();
      problems.push(`${way}: ${(error as Error).message}`);
      options.report({ message: `DuckDB extension ${name}: ${problems.at(-1)}` });
    }
  }
  throw new StoreUnavailableError(
    `no DuckDB extension "${name}":\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    {
      mend:
        `let this machine reach DuckDB's extension server, or install Python 3 with pip, or put the file for DuckDB ` +
        `${duckdbVersion} at ${duckdbExtensionFile(name, options.env)}`,
    },
  );
}

async function install(name: string, { env, signal }: FetchOptions): Promise<FoundExtension> {
  const repository = env['ASOF_DUCKDB_EXTENSION_REPOSITORY'];
  // DuckDB itself would try for minutes where packets vanish. Behind a proxy only DuckDB knows the way.
  if (repository === undefined && env['HTTP_PROXY'] === undefined && env['http_proxy'] === undefined) {
    await firstAnswer(toolchain.extensionServer, signal).then((answer) => answer.body?.cancel());
  }
  await installExtension(name, { timeoutMs: toolchain.extensionInstallMaxMs, repository });
  const probe = await probeExtension(name, env);
  if (!probe.loadable) throw new Error(probe.error ?? 'it does not load');
  return { name, path: probe.path ?? '', from: 'install' };
}

async function fetchWheel(name: string, cache: string, options: FetchOptions): Promise<FoundExtension> {
  return withPartialFolder(cache, async (folder) => {
    await unpackWheel(`duckdb-extension-${name.replaceAll('_', '-')}==${duckdbVersion}`, folder, options);
    const wanted = `${name}.duckdb_extension`;
    const inside = (await readdir(folder, { recursive: true })).find((entry) => path.basename(entry) === wanted);
    if (inside === undefined) throw new Error(`its wheel holds no ${wanted}`);
    const unpacked = path.join(folder, inside);
    const probe = await probeExtensionFile(unpacked, name);
    if (!probe.loadable) throw new Error(`DuckDB does not load what the wheel holds: ${probe.error}`);
    const file = duckdbExtensionFile(name, options.env);
    await mkdir(cache, { recursive: true });
    await rename(unpacked, file);
    return { name, path: file, from: 'wheel' };
  });
}
