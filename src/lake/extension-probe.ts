import { existsSync } from 'node:fs';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { duckdbExtensionFile } from '../config.js';
import { firstLine } from './first-line.js';
import { id, lit } from './sql.js';

/** What DuckDB says about an extension on this machine. */
export interface ExtensionProbe {
  readonly loadable: boolean;
  readonly version?: string | undefined;
  readonly path?: string | undefined;
  /** Why it is not loadable, in one line. */
  readonly error?: string | undefined;
}

/** Loads the extension as the lake does, without network: the fetched file, else what DuckDB has installed. */
export async function probeExtension(name: string, env: NodeJS.ProcessEnv = process.env): Promise<ExtensionProbe> {
  const file = duckdbExtensionFile(name, env);
  return existsSync(file) ? probe(name, lit(file), file) : probe(name, name);
}

/**
 * Loads an extension from a file: its signature and the DuckDB version it is for are checked by DuckDB. The file must carry
 * the extension's name.
 */
export async function probeExtensionFile(file: string, name: string): Promise<ExtensionProbe> {
  return probe(name, lit(file), file);
}

async function probe(name: string, what: string, file?: string): Promise<ExtensionProbe> {
  return withDuckDB(async (connection) => {
    try {
      await connection.run(`LOAD ${what}`);
      const known = await describe(connection, name);
      return { loadable: true, version: known.version, path: file ?? known.path };
    } catch (error) {
      return { loadable: false, path: file, error: firstLine(error) };
    }
  });
}

/**
 * DuckDB's own download into its own folder, from `repository` (a URL or a folder) or DuckDB's server.
 * @throws Error when it fails or takes longer than `timeoutMs`.
 */
export async function installExtension(
  name: string,
  options: { timeoutMs: number; repository?: string | undefined },
): Promise<void> {
  const from = options.repository === undefined ? '' : ` FROM ${lit(options.repository)}`;
  await withDuckDB(async (connection) => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        connection.interrupt();
        reject(new Error(`it did not end within ${options.timeoutMs / 1000} s`));
      }, options.timeoutMs);
    });
    try {
      await Promise.race([connection.run(`INSTALL ${id(name)}${from}`), late]);
    } catch (error) {
      throw new Error(firstLine(error), { cause: error });
    } finally {
      clearTimeout(timer);
    }
  });
}

async function describe(connection: DuckDBConnection, name: string): Promise<{ version?: string; path?: string }> {
  const sql = 'SELECT extension_version, install_path FROM duckdb_extensions() WHERE extension_name = $1';
  const [row] = (await connection.runAndReadAll(sql, [name])).getRowsJS();
  const [version, path] = (row ?? []).map(String);
  return { ...(version ? { version } : {}), ...(path ? { path } : {}) };
}

async function withDuckDB<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(':memory:', { autoinstall_known_extensions: 'false' });
  const connection = await instance.connect();
  try {
    return await work(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
