import path from 'node:path';
import { AsofError, StoreUnavailableError } from '../errors.js';

const diskFailure =
  /No space left|disk is full|disk I\/O error|Could not write|Disk quota|Read-only file system|readonly database|Permission denied/i;

/** Whether an error says that the disk is full, broken or may not be written. */
export const isDiskError = (error: unknown): boolean =>
  error instanceof Error &&
  (diskFailure.test(error.message) ||
    ['ENOSPC', 'EACCES', 'EROFS', 'EDQUOT', 'EIO'].includes((error as NodeJS.ErrnoException).code ?? ''));

/** Of a snapshot that was there when a statement was prepared for it. */
const snapshotGone = /No snapshot found at version (\d+)/;
/** Of a file that was there when a statement looked up what to read. */
const fileGone = /(?:Cannot open file|No files found that match the pattern) "([^"]+)"/;

const mendGone = 'try again: it then reads a newer one; an entity was forgotten meanwhile, see `asof forget --list`';

/**
 * What a statement fails with through no fault of its own: the machine has come to its end, or the snapshot it reads was let go, with
 * its files, which only forgetting does beside readers. Others stay as they are.
 * @param folders of the lake's files and of staged ones.
 */
export function machineError(error: unknown, folders: readonly string[] = []): unknown {
  if (error instanceof AsofError || !(error instanceof Error)) return error;
  const [what = ''] = error.message.split('\n');
  if (/^Out of Memory/i.test(what)) {
    const mend = 'free memory or disk space, or give DuckDB more with ASOF_DUCKDB_MEMORY (e.g. 8GB)';
    return new StoreUnavailableError(what, { mend, cause: error });
  }
  const [, gone] = snapshotGone.exec(error.message) ?? [];
  if (gone !== undefined) {
    return new StoreUnavailableError(`snapshot ${gone} went while it was read`, { mend: mendGone, cause: error });
  }
  const [, file] = fileGone.exec(error.message) ?? [];
  if (file !== undefined && folders.some((folder) => path.resolve(file).startsWith(path.resolve(folder) + path.sep))) {
    const mend = `${mendGone}; if none was, the file was removed by hand: put it back from a backup`;
    return new StoreUnavailableError(`file ${path.basename(file)} went while it was read`, { mend, cause: error });
  }
  if (!isDiskError(error)) return error;
  const mend = 'free space on the disk, see that it is healthy and that this user may write to it, then try again';
  return new StoreUnavailableError(what, { mend, cause: error });
}
