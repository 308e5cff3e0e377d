import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import type { FileSource } from '../definitions/sources.js';
import { didYouMean } from '../did-you-mean.js';
import { DataError, DefinitionError, StoreUnavailableError } from '../errors.js';

/** A source's file, found and worth opening. */
export interface SourceFile {
  /** Absolute. */
  readonly path: string;
  /** As people know it: relative to the project root, with forward slashes; absolute when it lies elsewhere. */
  readonly shown: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

/**
 * Finds the file of a source.
 * @throws DefinitionError for a pattern, or a relative path that leads out of the project.
 * @throws DataError when the file is missing (naming a neighbour that may be meant), a folder, unreadable or empty.
 */
export function locateSourceFile(source: FileSource, projectRoot: string): SourceFile {
  const where = `fileSource "${source.name}"`;
  if (/[*?[\]{}]/.test(source.path)) {
    throw new DefinitionError(`path "${source.path}" is a pattern; a source is one file`, {
      where,
      mend: 'name one file, or make one source for each',
    });
  }
  const file = path.resolve(projectRoot, source.path);
  const relative = path.relative(projectRoot, file);
  const outside = relative.split(path.sep)[0] === '..' || path.isAbsolute(relative);
  if (outside && !path.isAbsolute(source.path)) {
    throw new DefinitionError(`path "${source.path}" leads out of the project`, {
      where,
      mend: 'put the file under the project root, or give its absolute path',
    });
  }
  const shown = outside ? file : relative.split(path.sep).join('/');
  const found = status(file, shown);
  if (found.isDirectory()) throw new DataError('it is a folder, not a file', { where: shown, mend: 'name one file' });
  if (found.size === 0) {
    throw new DataError('the file is empty', { where: shown, mend: 'write the file again: it has 0 bytes' });
  }
  return { path: file, shown, bytes: found.size, modifiedAt: found.mtime };
}

function status(file: string, shown: string): Stats {
  try {
    return statSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      throw new DataError(`the file can't be read (${code})`, {
        where: shown,
        mend: 'check its permissions',
        cause: error,
      });
    }
    const folder = path.dirname(file);
    const hint = didYouMean(path.basename(file), neighbours(folder));
    throw new DataError('there is no such file', { where: shown, mend: `${hint}looked in ${folder}`, cause: error });
  }
}

function neighbours(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** SHA-256 of the file, in hex. `onBytes` hears how much was read so far. */
export async function hashFile(
  file: SourceFile,
  { signal, onBytes }: { signal?: AbortSignal | undefined; onBytes?: ((done: number) => void) | undefined },
): Promise<string> {
  const hash = createHash('sha256');
  let done = 0;
  try {
    for await (const part of createReadStream(file.path, { highWaterMark: 1 << 20 })) {
      signal?.throwIfAborted();
      hash.update(part as Buffer);
      done += (part as Buffer).length;
      onBytes?.(done);
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw new DataError(`the file can't be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`, {
      where: file.shown,
      mend: 'check its permissions and its disk',
      cause: error,
    });
  }
  return hash.digest('hex');
}

/** The hash kept as provenance must be of what was read. @throws StoreUnavailableError, so that the step is tried again. */
export function checkUnchanged(file: SourceFile): void {
  const now = statSync(file.path, { throwIfNoEntry: false });
  if (now?.size === file.bytes && now.mtime.getTime() === file.modifiedAt.getTime()) return;
  throw new StoreUnavailableError('the file changed while it was read', {
    where: file.shown,
    mend: 'it is read again; write files under another name and rename them when they are whole',
  });
}
