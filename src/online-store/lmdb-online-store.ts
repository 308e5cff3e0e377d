import { setImmediate as nextTurn } from 'node:timers/promises';
import { limits } from '../config.js';
import { StoreUnavailableError } from '../errors.js';
import { type Database, lmdbFailure, openEnvironment } from './lmdb-environment.js';
import { beginsWithOther, eraseKeys, traceKeys } from './lmdb-erase.js';
import { type KeyRange, projectKeys, splitEntityKey, type ViewKeys, viewKeys, withEntityKey } from './lmdb-keys.js';
import { afterReplace, afterWrite, isSwept } from './online-rules.js';
import type { OnlineEntry, OnlineStore, OnlineTable, ReplaceReport, WriteReport } from './online-store.js';
import { encodeTombstone } from './row-codec.js';
import { generationOf, isTombstone } from './row-header.js';

/**
 * The embedded engine. Several processes may have one folder open: reads never wait, writers take turns by LMDB's lock, which the
 * death of its holder frees. Writes are cut into transactions of `limits.onlineWriteChunkRows` rows, each synced to disk when it
 * commits, and the event loop turns between them.
 * @throws StoreUnavailableError when the folder can't be written; DataError when what lies there is no LMDB database.
 */
export function openLmdbOnlineStore({ directory, project }: { directory: string; project: string }): OnlineStore {
  const everything = projectKeys(project);
  const { database, release } = openEnvironment(directory);
  return new LmdbOnlineStore(directory, project, everything, database, release);
}

class LmdbOnlineStore implements OnlineStore {
  readonly #directory: string;
  readonly #project: string;
  readonly #everything: KeyRange;
  readonly #release: () => Promise<void>;
  readonly #views = new Map<string, ViewKeys>();
  #open: Database | undefined;

  constructor(
    directory: string,
    project: string,
    everything: KeyRange,
    database: Database,
    release: () => Promise<void>,
  ) {
    this.#directory = directory;
    this.#project = project;
    this.#everything = everything;
    this.#open = database;
    this.#release = release;
  }

  async read(
    lookups: readonly { table: OnlineTable; keys: readonly Uint8Array[] }[],
  ): Promise<(Uint8Array | undefined)[][]> {
    return this.#guard((database) => {
      // The binding keeps a read snapshot for a moment; without this a read could miss what another process has just written.
      database.resetReadTxn();
      return lookups.map(({ table, keys }) => {
        const view = this.#view(table.view);
        return keys.map((key) => readRow(database, view, key, table.generation));
      });
    });
  }

  async writeNewer(table: OnlineTable, entries: readonly OnlineEntry[]): Promise<WriteReport> {
    const report = { written: 0, stale: 0 };
    await this.#writeEach(table, entries, (stored, row) => {
      const next = afterWrite(stored, row);
      if (next === undefined) report.stale += 1;
      else report.written += 1;
      return next;
    });
    return report;
  }

  async replace(table: OnlineTable, entries: readonly OnlineEntry[], snapshot: number): Promise<ReplaceReport> {
    const report = { written: 0, deleted: 0, left: 0 };
    await this.#writeEach(table, entries, (stored, row) => {
      const next = afterReplace(stored, row, snapshot);
      if (next === undefined) report.left += 1;
      else if (!isTombstone(row)) report.written += 1;
      else if (stored !== undefined && !isTombstone(stored) && generationOf(stored) === table.generation)
        report.deleted += 1;
      return next;
    });
    return report;
  }

  async sweep(table: OnlineTable, snapshot: number, keys?: number): Promise<{ deleted: number }> {
    const view = this.#view(table.view);
    if (keys !== undefined && keys === this.#count(view.rows)) return { deleted: 0 };
    const tombstone = Buffer.from(encodeTombstone({ generation: table.generation, snapshot }));
    let deleted = 0;
    await this.#walk(view.rows, (database, storageKey) => {
      const stored = database.getBinaryFast(storageKey);
      if (stored === undefined || !isSwept(stored, table.generation, snapshot)) return;
      if (!isTombstone(stored)) deleted += 1;
      const hashedKey = view.isHashed(storageKey) ? splitEntityKey(copied(stored)).key : undefined;
      database.putSync(storageKey, hashedKey === undefined ? tombstone : withEntityKey(tombstone, hashedKey));
    });
    return { deleted };
  }

  async *scan(table: OnlineTable): AsyncIterable<OnlineEntry> {
    const view = this.#view(table.view);
    let { start } = view.rows;
    let exclusiveStart = false;
    for (;;) {
      const range = { start, end: view.rows.end, exclusiveStart, limit: limits.onlineWriteChunkRows };
      const chunk = this.#guard((database) => {
        database.resetReadTxn();
        return [...database.getRange(range)];
      });
      for (const { key: storageKey, value } of chunk) {
        const { row, key } = view.isHashed(storageKey)
          ? splitEntityKey(value)
          : { row: value, key: view.entityKey(storageKey) };
        if (generationOf(row) === table.generation) yield { key, row };
      }
      const last = chunk.at(-1);
      if (last === undefined || chunk.length < limits.onlineWriteChunkRows) return;
      start = last.key;
      exclusiveStart = true;
      await nextTurn();
    }
  }

  async getNote(view: string, name: string): Promise<string | undefined> {
    return this.#guard((database) => {
      database.resetReadTxn();
      return database.getBinary(this.#view(view).note(name))?.toString('utf8');
    });
  }

  async setNote(view: string, name: string, text: string): Promise<void> {
    this.#transaction((database) => database.putSync(this.#view(view).note(name), Buffer.from(text, 'utf8')));
  }

  /** There are no parts: one file holds all. */
  getMark(view: string, name: string): Promise<string | undefined> {
    return this.getNote(view, name);
  }

  setMark(view: string, name: string, text: string): Promise<void> {
    return this.setNote(view, name, text);
  }

  async servers(): Promise<string> {
    return '';
  }

  async erase(name: string, keys: readonly Uint8Array[]): Promise<void> {
    const view = this.#view(name);
    const stored = keys.map((key) => view.row(key));
    const isGone = async (): Promise<boolean> => (await this.traces(name, keys)).remains === 0;
    await this.#guard((database) => eraseKeys(database, stored, isGone)).catch((error: unknown) => {
      throw lmdbFailure(error, this.#directory);
    });
  }

  async traces(name: string, keys: readonly Uint8Array[]): Promise<{ stored: number; remains: number; bytes: number }> {
    const view = this.#view(name);
    const wanted = keys.map((key) => view.row(key));
    const stored = this.#guard((database) => {
      database.resetReadTxn();
      return wanted.filter((key) => database.getBinaryFast(key) !== undefined).length;
    });
    // Of a key that is stored under a hash, the key itself lies behind the row.
    const inFile = keys.map((key, index) =>
      view.isHashed(wanted[index] as Buffer) ? withEntityKey(Buffer.alloc(0), key) : wanted[index],
    );
    const isOther = (...given: [bytes: Buffer, length: number, stated: number]): boolean =>
      this.#guard((database) => beginsWithOther(database, ...given));
    return { stored, ...(await traceKeys(this.#directory, inFile as Buffer[], isOther)) };
  }

  async dropView(view: string): Promise<void> {
    await this.#walk(this.#view(view).all, (database, key) => database.removeSync(key));
  }

  async dropProject(): Promise<void> {
    await this.#walk(this.#everything, (database, key) => database.removeSync(key));
  }

  async close(): Promise<void> {
    if (this.#open === undefined) return;
    this.#open = undefined;
    await this.#release();
  }

  #view(name: string): ViewKeys {
    let keys = this.#views.get(name);
    if (keys === undefined) {
      keys = viewKeys(this.#project, name);
      this.#views.set(name, keys);
    }
    return keys;
  }

  /**
   * Compares and sets each entry inside transactions of a chunk. In key order, which touches the fewest pages; entries of one key
   * stay in the order given.
   */
  async #writeEach(
    { view: name }: OnlineTable,
    entries: readonly OnlineEntry[],
    decide: (stored: Uint8Array | undefined, row: Uint8Array) => Uint8Array | undefined,
  ): Promise<void> {
    const view = this.#view(name);
    const ordered = [...entries].sort((a, b) => Buffer.compare(a.key, b.key));
    for (let start = 0; start < ordered.length; start += limits.onlineWriteChunkRows) {
      if (start > 0) await nextTurn();
      const chunk = ordered.slice(start, start + limits.onlineWriteChunkRows);
      this.#transaction((database) => {
        for (const { key, row } of chunk) {
          const at = view.row(key);
          const next = decide(database.getBinaryFast(at), row);
          if (next !== undefined) database.putSync(at, view.isHashed(at) ? withEntityKey(next, key) : asBuffer(next));
        }
      });
    }
  }

  #count({ start, end }: KeyRange): number {
    return this.#guard((database) => {
      database.resetReadTxn();
      return database.getKeysCount({ start, end });
    });
  }

  /** Visits every key of a range, in transactions of a chunk. */
  async #walk(range: KeyRange, visit: (database: Database, storageKey: Buffer) => void): Promise<void> {
    let start: Buffer | undefined = range.start;
    let exclusiveStart = false;
    while (start !== undefined) {
      const from: Buffer = start;
      start = this.#transaction((database) => {
        const limit = limits.onlineWriteChunkRows;
        const keys: Buffer[] = [...database.getKeys({ start: from, end: range.end, exclusiveStart, limit })];
        for (const key of keys) visit(database, key);
        return keys.length < limit ? undefined : keys.at(-1);
      });
      exclusiveStart = true;
      if (start !== undefined) await nextTurn();
    }
  }

  /** Commits all of `work` or, when it throws, nothing. Returns when it is on disk. */
  #transaction<T>(work: (database: Database) => T): T {
    return this.#guard((database) => database.transactionSync(() => work(database)));
  }

  #guard<T>(work: (database: Database) => T): T {
    if (this.#open === undefined)
      throw new StoreUnavailableError('the online store was closed', {
        where: `online store ${this.#directory}`,
        mend: 'open it again',
      });
    try {
      return work(this.#open);
    } catch (error) {
      throw lmdbFailure(error, this.#directory);
    }
  }
}

/** The row, unless it is a tombstone or of another generation. Its head is looked at in the binding's buffer; only hits are copied. */
function readRow(database: Database, view: ViewKeys, key: Uint8Array, generation: number): Uint8Array | undefined {
  const storageKey = view.row(key);
  const stored = database.getBinaryFast(storageKey);
  if (stored === undefined || isTombstone(stored) || generationOf(stored) !== generation) return undefined;
  const row = copied(stored);
  return view.isHashed(storageKey) ? splitEntityKey(row).row : row;
}

/** `getBinaryFast` lends a buffer that the next get overwrites, and whose `length` alone says where the value ends. */
const copied = (lent: Buffer): Buffer => Buffer.from(lent.subarray(0, lent.length));

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
