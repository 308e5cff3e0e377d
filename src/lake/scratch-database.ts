import { DuckDBInstance } from '@duckdb/node-api';
import { duckdbMemoryLimit } from '../config.js';
import { loadExtension } from './extensions.js';
import { Session } from './session.js';

export interface ScratchOptions {
  readonly extensions?: readonly string[];
  /** e.g. `1GB`; default: that of the lake. */
  readonly memoryLimit?: string | undefined;
}

/**
 * A DuckDB of its own, empty and in memory, for work that must not be seen from the lake's sessions: another database that is
 * attached to the lake's DuckDB would be looked through by every look into its catalog, and would hold it up when it hangs. One
 * thread, so that rows keep their order without being held back for it.
 * @throws StoreUnavailableError when an extension is not on this machine.
 */
export async function withScratchDatabase<T>(
  { extensions = [], memoryLimit = duckdbMemoryLimit() }: ScratchOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: memoryLimit,
    threads: '1',
    preserve_insertion_order: 'false',
    autoinstall_known_extensions: 'false',
  });
  try {
    const session = new Session(await instance.connect());
    try {
      await session.run("SET GLOBAL TimeZone = 'UTC'");
      for (const name of extensions) await loadExtension(session.connection, name);
      return await work(session);
    } finally {
      session.close();
    }
  } finally {
    instance.closeSync();
  }
}
