import { existsSync, statSync } from 'node:fs';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { duckdbExtensionFile } from '../config.js';
import { StoreUnavailableError } from '../errors.js';
import { firstLine } from './first-line.js';
import { lit } from './sql.js';

/** Files whose signature DuckDB has checked in this process, each as it was then. */
const checked = new Map<string, string>();

/**
 * A DuckDB in memory, in UTC, with extensions that are on this machine already: the files the toolchain fetched, else what DuckDB
 * itself has installed. Never goes to the network. DuckDB checks each file's signature before its code is loaded into this process;
 * once it is, a database more does not read tens of megabytes again, which takes most of the time of opening one.
 * @throws StoreUnavailableError when an extension is not here or does not fit.
 */
export async function openDuckDB(
  settings: Readonly<Record<string, string>>,
  extensions: readonly string[],
): Promise<{ instance: DuckDBInstance; connection: DuckDBConnection }> {
  // As they are before they are loaded: one that is replaced meanwhile is not taken for the one that was checked.
  const versions = extensions.map((name) => [name, versionOf(name)] as const);
  const wereChecked = versions.length > 0 && versions.every(wasChecked);
  const instance = await DuckDBInstance.create(':memory:', {
    ...settings,
    autoinstall_known_extensions: 'false',
    allow_unsigned_extensions: String(wereChecked),
  });
  try {
    const connection = await instance.connect();
    // Not possible when the instance is made: time zones come with an extension that is linked in but loaded later.
    await connection.run("SET GLOBAL TimeZone = 'UTC'");
    for (const name of extensions) await loadExtension(connection, name);
    // For good: DuckDB refuses to allow them again while it runs.
    if (wereChecked) await connection.run('SET GLOBAL allow_unsigned_extensions = false');
    else for (const [name, version] of versions) if (version !== undefined) checked.set(name, version);
    return { instance, connection };
  } catch (error) {
    instance.closeSync();
    throw error;
  }
}

/** A file that was replaced since is another one. */
const wasChecked = ([name, version]: readonly [string, string | undefined]): boolean =>
  version !== undefined && checked.get(name) === version;

function versionOf(name: string): string | undefined {
  const file = duckdbExtensionFile(name);
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found && [file, found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ');
}

async function loadExtension(connection: DuckDBConnection, name: string): Promise<void> {
  const file = duckdbExtensionFile(name);
  try {
    await connection.run(existsSync(file) ? `LOAD ${lit(file)}` : `LOAD ${name}`);
  } catch (error) {
    throw new StoreUnavailableError(`the DuckDB extension "${name}" can't be loaded: ${firstLine(error)}`, {
      mend: '`asof doctor --install` fetches what is missing',
      cause: error,
    });
  }
}
