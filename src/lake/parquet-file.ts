import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { limits } from '../config.js';
import { StoreUnavailableError } from '../errors.js';
import { firstLine } from './first-line.js';
import { isDiskError } from './machine-error.js';
import type { Session, SqlValue, StatementOptions } from './session.js';
import { lit } from './sql.js';

/**
 * Writes a query's result as a Parquet file that is either there and whole, also after a crash, or not there: under a temporary
 * name, synced, renamed.
 * @returns rows and bytes of the file.
 * @throws StoreUnavailableError when the disk is full or the folder can't be written; errors of the query as they are.
 */
export async function writeParquet(
  session: Session,
  sql: string,
  values: readonly SqlValue[],
  file: string,
  options: StatementOptions = {},
): Promise<{ rows: number; bytes: number }> {
  return writeFileByCopy(session, sql, values, file, 'FORMAT parquet, COMPRESSION zstd', options);
}

/** The same for any format of DuckDB's COPY. */
export async function writeFileByCopy(
  session: Session,
  sql: string,
  values: readonly SqlValue[],
  file: string,
  format: string,
  options: StatementOptions = {},
): Promise<{ rows: number; bytes: number }> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    const rows = await session.run(`COPY (${sql}) TO ${lit(temporary)} (${format})`, values, options);
    syncPath(temporary);
    const bytes = statSync(temporary).size;
    renameSync(temporary, file);
    syncPath(path.dirname(file));
    return { rows, bytes };
  } catch (error) {
    rmSync(temporary, { force: true });
    if (!isDiskError(error)) throw error;
    throw new StoreUnavailableError(`the file can't be written: ${firstLine(error).replace(/^.*": /, '')}`, {
      where: file,
      mend: 'free disk space or mend the permissions; nothing was half-written',
      cause: error,
    });
  }
}

/** Whether a file that no snapshot names yet was written so long ago that upkeep may soon take it for nobody's. */
export const isTooOld = (writtenAt: number): boolean => Date.now() - writtenAt > limits.transactionMaxMs;

/** Makes a file's content, or a folder's names, survive a power loss. */
export function syncPath(target: string): void {
  const handle = openSync(target, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
