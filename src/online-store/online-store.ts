import type { FeatureTable } from '../definitions/feature-table.js';

/** The view and generation an online row belongs to, and how long it is served. */
export type OnlineTable = Pick<FeatureTable, 'view' | 'generation' | 'ttlMs'>;

/** One packed value per (view, entity). `key` is made by entity-key.ts, `row` by row-codec.ts; engines look only at its header. */
export interface OnlineEntry {
  readonly key: Uint8Array;
  readonly row: Uint8Array;
}

export interface WriteReport {
  /** Rows that are now online. */
  readonly written: number;
  /** Rows that were not newer than what is there, or that a materialize run already knew of. */
  readonly stale: number;
}

export interface ReplaceReport {
  readonly written: number;
  /** Tombstone entries that took a row away. One for a key that had none is kept too, but counts nowhere. */
  readonly deleted: number;
  /** Rows committed after the run's snapshot, left as they are; the next run names them again. */
  readonly left: number;
}

/**
 * The newest row of every entity, for serving. One instance serves one project.
 *
 * Rules (design §4, "Online row"), each atomic per row in every engine. A stored row carries (generation, committed, reflects,
 * event time, created time, ingest id); "newer" is the order of the last three.
 * - A row of an older generation counts as absent; a write of an older generation than the stored row's is stale (left).
 * - `writeNewer`, for streams and pushes: a row committed at snapshot C goes in iff nothing is stored, or C > reflects and (a
 *   tombstone is stored or the row is newer). `reflects` stays what it was, 0 where nothing was stored.
 * - `replace`, for materialize at snapshot S: replaces whatever has committed <= S and reflects <= S, older value or not, and sets
 *   reflects = S; an entry that is a tombstone deletes, leaving a tombstone with reflects = S, so that a late retry can't bring the
 *   row back, also where nothing was stored yet.
 * - `sweep`, ends a full run at S: every row of the view that the run did not confirm (reflects < S) and that has committed <= S
 *   becomes a tombstone with reflects = S, whatever its generation, unless that is newer than the run's.
 *
 * - Engines may let rows expire some time (limits.onlineExpiryGraceMs) after they are older than the ttl, and tombstones after
 *   limits.onlineTombstoneMs. A row that is past that when it is written counts as stale, or, by `replace`, like a tombstone.
 *
 * Rows are of the generation of the table they are written to. Entries of one key in one call count one after the other. A read
 * sees every write that was resolved before it began, by whichever process; a resolved write survives the death of its process.
 *
 * All methods throw StoreUnavailableError when the store can't be reached; then nothing or a part of the entries was written, and
 * doing it again is harmless.
 */
export interface OnlineStore {
  /** Packed rows in the order asked, `undefined` where nothing is stored (tombstones and other generations included). One round trip for all lookups. */
  read(lookups: readonly { table: OnlineTable; keys: readonly Uint8Array[] }[]): Promise<(Uint8Array | undefined)[][]>;
  writeNewer(table: OnlineTable, entries: readonly OnlineEntry[]): Promise<WriteReport>;
  replace(table: OnlineTable, entries: readonly OnlineEntry[], snapshot: number): Promise<ReplaceReport>;
  /**
   * @param keys how many different keys the run gave to `replace`, where the caller knows. Each of them has a row now, so a view
   * with just as many has none to sweep, and an engine that counts fast need not look at each.
   */
  sweep(table: OnlineTable, snapshot: number, keys?: number): Promise<{ deleted: number }>;
  /**
   * All stored rows of the view's generation, tombstones included, in no order; while rows come and go one may be told twice. For
   * checks and tests.
   */
  scan(table: OnlineTable): AsyncIterable<OnlineEntry>;
  /** Small texts kept beside a view's rows: stream offsets, schemas. */
  getNote(view: string, name: string): Promise<string | undefined>;
  setNote(view: string, name: string, text: string): Promise<void>;
  /**
   * A small text about all of a view's rows, kept in every part of the store that can be lost alone, so that it is lost with any of
   * them: `undefined` when one of them has lost it or has gone back to an older one. What was written before it is there as long as it
   * is. For origin and cursor.
   */
  getMark(view: string, name: string): Promise<string | undefined>;
  setMark(view: string, name: string, text: string): Promise<void>;
  /**
   * Another text after a server behind the store was restarted or replaced, and may have lost writes that were resolved before: a run
   * compares it to know whether all it wrote is there.
   */
  servers(): Promise<string>;
  /**
   * Removes keys of a view for good, tombstones included, and overwrites what they leave in files of the engine's own. Afterwards a
   * late write of theirs would bring them back: for the caller to see that none can come.
   */
  erase(view: string, keys: readonly Uint8Array[]): Promise<void>;
  /** Of keys of a view: how many are stored, tombstones included, and how often one is found in files of the engine's own. */
  traces(view: string, keys: readonly Uint8Array[]): Promise<{ stored: number; remains: number; bytes: number }>;
  /** Removes the view's rows, notes and marks. */
  dropView(view: string): Promise<void>;
  /** Removes everything of this project, and nothing else. */
  dropProject(): Promise<void>;
  close(): Promise<void>;
}
