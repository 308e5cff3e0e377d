import { accessSync, closeSync, constants, fstatSync, openSync, readSync, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { DataError, StoreUnavailableError } from '../errors.js';

/** The first word of an LMDB file's first page, behind its page header, in the machine's byte order. */
const magic = 0xbeefc0de;
const magicAt = 24;
const smallestFile = 2 * 4096;
/** What a new store writes at once: first pages and the table of readers. */
const newStoreBytes = 1024 * 1024;

/**
 * The binding dies of a signal, without an error, when it opens a damaged file or can't make its own; so everything that is known to
 * do that is looked at before.
 * @throws StoreUnavailableError when the files can't be made or written; DataError when what lies there is no LMDB database.
 */
export function checkLmdbFiles(folder: string): void {
  const where = `online store ${folder}`;
  accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  const found = ['data.mdb', 'lock.mdb'].filter((name) => {
    const file = path.join(folder, name);
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) return false;
    if (!stat.isFile()) throw new StoreUnavailableError(`${name} is no file`, { where, mend: `move ${file} away` });
    accessSync(file, constants.R_OK | constants.W_OK);
    return true;
  });
  if (found.length < 2) {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < newStoreBytes)
      throw new StoreUnavailableError('the disk is full', { where, mend: `make room on the disk of ${folder}` });
  }
  const data = path.join(folder, 'data.mdb');
  if (found.includes('data.mdb') && !isLmdbFile(data)) {
    throw new DataError('data.mdb is damaged or no LMDB database', {
      where,
      mend: `move ${data} away and run \`asof materialize --full\``,
    });
  }
}

/** An empty file counts: LMDB makes a database of it. */
function isLmdbFile(file: string): boolean {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let attempt = 1; ; attempt += 1) {
    const descriptor = openSync(file, 'r');
    try {
      const { size } = fstatSync(descriptor);
      const word = new Uint32Array(1);
      readSync(descriptor, new Uint8Array(word.buffer), 0, 4, magicAt);
      if (size === 0 || (size >= smallestFile && word[0] === magic)) return true;
    } finally {
      closeSync(descriptor);
    }
    // Another process may be writing the first pages at this moment.
    if (attempt === 5) return false;
    Atomics.wait(pause, 0, 0, 20);
  }
}
