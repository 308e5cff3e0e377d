import { mkdirSync, realpathSync } from 'node:fs';
import { open, type RootDatabase } from 'lmdb';
import { AsofError, DataError, StoreUnavailableError } from '../errors.js';
import { checkLmdbFiles } from './lmdb-files.js';

export type Database = RootDatabase<Buffer, Buffer>;

interface Environment {
  readonly database: Database;
  users: number;
}

// One environment per folder and process: LMDB forbids opening a file twice, and two would not see each other's write lock.
const environments = new Map<string, Environment>();

/**
 * The folder's database, shared by everyone in this process who asks for it; other processes may have it open too.
 * @returns the database, and what to call once when it is no longer needed.
 * @throws StoreUnavailableError when the folder can't be made or written; DataError when what lies there is no LMDB database.
 */
export function openEnvironment(directory: string): { database: Database; release: () => Promise<void> } {
  try {
    mkdirSync(directory, { recursive: true });
    const folder = realpathSync(directory);
    const known = environments.get(folder) ?? { database: openDatabase(folder), users: 0 };
    known.users += 1;
    environments.set(folder, known);
    const release = async (): Promise<void> => {
      known.users -= 1;
      if (known.users > 0) return;
      environments.delete(folder);
      await known.database.close();
    };
    return { database: known.database, release };
  } catch (error) {
    throw lmdbFailure(error, directory);
  }
}

function openDatabase(folder: string): Database {
  checkLmdbFiles(folder);
  return open<Buffer, Buffer>({
    path: folder,
    noSubdir: false,
    keyEncoding: 'binary',
    encoding: 'binary',
    // Each process that reads holds a slot; a killed one's is cleared when the next opens.
    maxReaders: 1024,
    // Commits are LMDB's own: written and synced to disk before they return, data before the page that points to it. What a
    // resolved write stored therefore survives SIGKILL and, as far as the disk keeps its word about syncing, a power loss; an
    // interrupted commit leaves the state before it.
    overlappingSync: false,
  });
}

const mends: readonly [pattern: RegExp, mend: (directory: string) => string][] = [
  // LMDB reports a write that the disk cut short as an input/output error.
  [
    /ENOSPC|no space|MAP_FULL|EIO|input\/output/i,
    (directory) => `make room on the disk of ${directory}, and see that it is healthy`,
  ],
  [
    /EACCES|EPERM|EROFS|permission|read-only|ENOTDIR|EEXIST|not a directory/i,
    (directory) => `make ${directory} a folder this user may write to`,
  ],
  [/READERS_FULL/, () => 'too many processes have the online store open: stop some'],
];

/** An error of the LMDB binding as one of ours. */
export function lmdbFailure(error: unknown, directory: string): AsofError {
  if (error instanceof AsofError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const where = `online store ${directory}`;
  if (/MDB_(CORRUPTED|INVALID|VERSION_MISMATCH|PAGE_NOTFOUND|BAD_TXN)/.test(text)) {
    return new DataError(`its file is damaged or no LMDB database: ${text}`, {
      where,
      mend: `move ${directory} away and run \`asof materialize --full\``,
      cause: error,
    });
  }
  const mend = mends.find(([pattern]) => pattern.test(text))?.[1](directory);
  return new StoreUnavailableError(text, {
    where,
    mend: mend ?? 'see that the disk is there and healthy, then try again',
    cause: error,
  });
}
