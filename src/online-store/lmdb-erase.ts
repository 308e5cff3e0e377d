import { createReadStream } from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { limits } from '../config.js';
import type { Database } from './lmdb-environment.js';

/** No project's name is empty, so nothing else lies here. */
const blanks = { start: Buffer.from('\0blank'), end: Buffer.from('\0blanl') };
/** A value that fills one page behind its header. */
const pageHeaderBytes = 24;
const passesMax = 4;
const keysAtOnce = 64;

/**
 * Removes storage keys so that nothing of them stays in the file. LMDB never writes over a page that is in use: a removed row stays
 * in the page's old version, which is free, in the unused part of the new one, and its key may go on separating two pages. So the
 * rows around it are written anew, and all free pages are filled with zeros, which other processes may read beside.
 * @param isGone looks whether it worked; what a reader of another process held back goes in the next pass.
 */
export async function eraseKeys(
  database: Database,
  keys: readonly Buffer[],
  isGone: () => Promise<boolean>,
): Promise<void> {
  for (let pass = 1; pass <= passesMax; pass += 1) {
    for (let start = 0; start < keys.length; start += keysAtOnce) {
      database.transactionSync(() => {
        const some = keys.slice(start, start + keysAtOnce);
        for (const key of some) database.removeSync(key);
        for (const key of some) writeAround(database, key, pass * 4 * pageBytes(database));
      });
      await nextTurn();
    }
    await fillFreePages(database);
    if (await isGone()) return;
  }
}

function writeAround(database: Database, key: Buffer, bytes: number): void {
  const around = neighbours(database, key, bytes);
  for (const [neighbour] of around) database.removeSync(neighbour);
  for (const [neighbour, value] of around) database.putSync(neighbour, value);
}

/** The entries on both sides of a key, of about so many bytes. */
function neighbours(database: Database, key: Buffer, bytes: number): [Buffer, Buffer][] {
  const found: [Buffer, Buffer][] = [];
  for (const reverse of [false, true]) {
    let left = bytes;
    for (const entry of database.getRange({ start: key, reverse })) {
      if (entry.key.equals(key)) continue;
      found.push([Buffer.from(entry.key), Buffer.from(entry.value)]);
      left -= entry.key.length + entry.value.length;
      if (left <= 0) break;
    }
  }
  return found;
}

interface Stats {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  readonly root: TreeStats;
  readonly free: TreeStats;
}

interface TreeStats {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

const statsOf = (database: Database): Stats => database.getStats() as unknown as Stats;
const pageBytes = (database: Database): number => statsOf(database).pageSize;
const pagesOf = ({ treeBranchPageCount, treeLeafPageCount, overflowPages }: TreeStats): number =>
  treeBranchPageCount + treeLeafPageCount + overflowPages;

async function fillFreePages(database: Database): Promise<void> {
  await removeBlanks(database);
  // Pages that a commit freed can be used again from the second one after it.
  for (let commit = 0; commit < 2; commit += 1) {
    database.resetReadTxn();
    database.transactionSync(() => database.putSync(blanks.start, Buffer.alloc(1, commit)));
  }
  const { root, free, lastPageNumber, pageSize } = statsOf(database);
  const used = 2 + pagesOf(root) + pagesOf(free);
  const filling = Buffer.alloc(pageSize - pageHeaderBytes);
  let number = 0;
  for (let left = lastPageNumber + 1 - used; left > 0; left -= limits.onlineWriteChunkRows) {
    database.transactionSync(() => {
      for (let page = 0; page < Math.min(left, limits.onlineWriteChunkRows); page += 1) {
        const key = Buffer.from(`${blanks.start}${String(number).padStart(12, '0')}`);
        database.putSync(key, filling);
        number += 1;
      }
    });
    await nextTurn();
  }
  await removeBlanks(database);
}

async function removeBlanks(database: Database): Promise<void> {
  for (;;) {
    const more = database.transactionSync(() => {
      const keys = [...database.getKeys({ ...blanks, limit: limits.onlineWriteChunkRows })];
      for (const key of keys) database.removeSync(key);
      return keys.length === limits.onlineWriteChunkRows;
    });
    if (!more) return;
    await nextTurn();
  }
}

/** What LMDB takes as a key at most, and of how many bytes is the length that stands before one. */
const keyBytesMax = 1978;
const lengthBytes = 2;

/**
 * How often the keys stand anywhere in the file, in whatever page.
 * @param isOther whether bytes begin with a stored key other than the first so many of them, or, of a shorter one, with one of the length
 *   that stands before: a key that others begin with stands in them too, and that is no trace of it.
 */
export async function traceKeys(
  directory: string,
  keys: readonly Buffer[],
  isOther: (bytes: Buffer, length: number, stated: number) => boolean,
): Promise<{ remains: number; bytes: number }> {
  const reach = Math.max(keyBytesMax, ...keys.map((key) => key.length));
  let remains = 0;
  let bytes = 0;
  let window = Buffer.alloc(lengthBytes);
  const lookUpTo = (end: number): void => {
    for (const key of keys)
      for (let at = window.indexOf(key, lengthBytes); at !== -1 && at < end; at = window.indexOf(key, at + 1)) {
        const stated = window.readUInt16LE(at - lengthBytes);
        if (!isOther(window.subarray(at, at + keyBytesMax), key.length, stated)) remains += 1;
      }
  };
  for await (const part of createReadStream(path.join(directory, 'data.mdb'), { highWaterMark: 8 * 1024 * 1024 })) {
    bytes += (part as Buffer).length;
    window = Buffer.concat([window, part as Buffer]);
    // What begins behind may go on in the next part.
    const end = window.length - reach;
    if (end <= lengthBytes) continue;
    lookUpTo(end);
    window = window.subarray(end - lengthBytes);
  }
  lookUpTo(window.length);
  return { remains, bytes };
}

/** Whether bytes begin with a key of the database that is longer than so many, or shorter and of the length stated. */
export function beginsWithOther(database: Database, bytes: Buffer, length: number, stated: number): boolean {
  if (stated > 0 && stated < length && database.getBinaryFast(bytes.subarray(0, stated)) !== undefined) return true;
  for (let end = bytes.length; end > length; ) {
    const [below] = [...database.getKeys({ start: bytes.subarray(0, end), reverse: true, limit: 1 })];
    if (below === undefined) return false;
    const common = commonLength(below, bytes);
    if (common === below.length) return common > length;
    // Any other that they begin with is shorter.
    end = Math.min(common, end - 1);
  }
  return false;
}

function commonLength(one: Uint8Array, other: Uint8Array): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}
