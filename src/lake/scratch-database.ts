import { duckdbMemoryLimit } from '../config.js';
import { openDuckDB } from './extensions.js';
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
  const settings = { memory_limit: memoryLimit, threads: '1', preserve_insertion_order: 'false' };
  const { instance, connection } = await openDuckDB(settings, extensions);
  try {
    const session = new Session(connection);
    try {
      return await work(session);
    } finally {
      session.close();
    }
  } finally {
    instance.closeSync();
  }
}
