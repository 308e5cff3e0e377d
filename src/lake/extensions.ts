import { existsSync } from 'node:fs';
import type { DuckDBConnection } from '@duckdb/node-api';
import { duckdbExtensionFile } from '../config.js';
import { StoreUnavailableError } from '../errors.js';
import { firstLine } from './first-line.js';
import { lit } from './sql.js';

/**
 * Loads an extension that is on this machine already: the file the toolchain fetched, else what DuckDB itself has installed.
 * Never goes to the network; DuckDB checks the signature either way.
 * @throws StoreUnavailableError when it is not here or does not fit.
 */
export async function loadExtension(connection: DuckDBConnection, name: string): Promise<void> {
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
