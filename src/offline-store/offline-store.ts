import type { FeatureTable } from '../definitions/feature-table.js';
import type { Session } from '../lake/index.js';

export interface Cancellable {
  readonly signal?: AbortSignal | undefined;
}

/** By what rows were made; kept with them. */
export interface MadeBy {
  /** Of the registry whose definitions were at work. */
  readonly registryVersion: number;
  /** The code that was at work, as JSON (CodeVersion). */
  readonly code: string;
}

export interface PublishRequest extends Cancellable {
  readonly table: FeatureTable;
  /** Cleaned staging file: join keys, event and created timestamp, features, `_ingest_position`. */
  readonly file: string;
  /** Publishing the same view for the same run again returns the first result and writes nothing. */
  readonly runId: string;
  /** What is kept with the publication: source, hash, counts; JSON. */
  readonly provenance: string;
  readonly madeBy?: MadeBy | undefined;
  /** Statements that must commit together with the rows (lease check, quarantined rows); throwing rolls all of it back. */
  readonly alongside?: (session: Session) => Promise<void>;
}

export interface PublishResult {
  /** Rows newly in the lake. */
  readonly published: number;
  /** Rows of the file that were there already, equal in all values. */
  readonly alreadyThere: number;
  readonly snapshot: number;
}

/** Where a stream consumer goes on in one partition, and the epoch under which it may write. */
export interface PartitionClaim {
  readonly partition: number;
  readonly nextOffset: number;
  readonly epoch: number;
  /** Newest event time (microseconds) already in the lake from this partition. */
  readonly newestEventUs: bigint | undefined;
  /** Newest ingest time (microseconds) of its rows; what is read next gets a later one, also by another host's clock. */
  readonly newestIngestUs: bigint | undefined;
}

/** The partitions a consumer takes over, as the topic has them now, and where reading begins in those the view never read. */
export interface ClaimRequest {
  readonly table: FeatureTable;
  readonly topic: string;
  readonly topicId: string;
  readonly ranges: readonly { readonly partition: number; readonly start: number; readonly end: number }[];
  /** Go on after events that are gone; the gap is recorded. */
  readonly acceptGap?: boolean;
  /** For which run they are taken over, and by what its rows are made. */
  readonly consumer?: (MadeBy & { readonly runId: string }) | undefined;
  /**
   * For all partitions of the topic, whoever reads them: they are set down together when the view meets the topic, so that members
   * who come one after the other begin at one moment. Default: the start of each range.
   */
  readonly beginnings?: readonly PartitionBeginning[];
}

export interface PartitionBeginning {
  readonly partition: number;
  /** Where reading begins when the view meets the topic. */
  readonly offset: number;
  /** The same for a partition that the topic got later. */
  readonly offsetLater: number;
}

/** How far a view has read a partition, whoever reads it. */
export interface PartitionProgress {
  readonly nextOffset: number;
  /** Of the newest claim; 0 = never claimed. */
  readonly epoch: number;
}

export interface DeadLetter {
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
  readonly payload: Uint8Array | null;
}

/** What became of events: read = written + deadLetters + dropped. `late` ones are among them. */
export interface EventCounts {
  readonly read: number;
  readonly written: number;
  readonly deadLetters: number;
  readonly dropped: number;
  readonly late: number;
}

/** One micro-batch: everything read from some partitions between two offsets. */
export interface StreamBatch extends Cancellable {
  readonly table: FeatureTable;
  readonly topic: string;
  /** Per partition: the claim it was read under, and where reading goes on afterwards. */
  readonly progress: readonly {
    readonly claim: PartitionClaim;
    readonly nextOffset: number;
    readonly counts: EventCounts;
  }[];
  /** One array per column of `tableColumns(table)`, all of one length. */
  readonly columns: readonly (readonly unknown[])[];
  readonly deadLetters: readonly DeadLetter[];
}

/** Which keys to take the newest rows of. */
export type KeySelection =
  | { readonly type: 'all' }
  /** Keys named by the change feed of these snapshots (both inclusive), and keys with an event time in (after, end]. */
  | {
      readonly type: 'changed';
      readonly fromSnapshot: number;
      readonly toSnapshot: number;
      readonly after: Date | undefined;
    }
  /** Keys with a row whose event time lies in [from, to]. */
  | { readonly type: 'window'; readonly from: Date; readonly to: Date };

export interface NewestRowsRequest extends Cancellable {
  readonly table: FeatureTable;
  readonly keys: KeySelection;
  readonly snapshot: number;
  /** Rows later than this are not looked at. */
  readonly end: Date;
  /** When the selection names more than this share of all keys, all are taken instead; the result says so. */
  readonly allAboveShare?: number | undefined;
  /** Parquet file to write: join keys, times, features, ingest time and position; `event_timestamp` null = the key has no row. */
  readonly file: string;
}

/** Rows a stream wrote between two offsets of a partition. */
export interface StreamRowsRequest extends Cancellable {
  readonly table: FeatureTable;
  readonly topic: string;
  readonly partition: number;
  /** Offsets in [from, to). */
  readonly from: number;
  readonly to: number;
  /** Parquet file to write: the columns of {@link NewestRowsRequest} and `committed`, the snapshot that holds the row. */
  readonly file: string;
}

/**
 * The history of all feature rows. All methods throw StoreUnavailableError when the lake can't be reached or written, after the
 * transaction's own retries; then nothing was written.
 */
export interface OfflineStore {
  /** Registers a staging file's new rows in one short transaction; two publishers of one view come one after the other. */
  publish(request: PublishRequest): Promise<PublishResult>;
  /**
   * Takes over partitions of a topic: each gets a new epoch, which fences off whoever held it.
   * @throws DataError when the topic was recreated or lost events that were not read yet, unless `acceptGap`.
   */
  claimPartitions(request: ClaimRequest): Promise<PartitionClaim[]>;
  /** How far each partition of a topic was read, as committed now. */
  partitionProgress(table: FeatureTable, topic: string): Promise<ReadonlyMap<number, PartitionProgress>>;
  /** Rows, dead letters and offsets in one transaction. @throws FencedError when a claim is no longer the newest; nothing is written. */
  appendStreamBatch(batch: StreamBatch): Promise<{ snapshot: number }>;
  /** What became of all events of a topic that the view ever read; committed with the rows, so exact also after a crash. */
  eventTotals(table: FeatureTable, topic: string): Promise<EventCounts>;
  /** Writes the newest row of each selected key, by the tie order, to a file. @returns the number of keys, and whether all were taken. */
  writeNewestRows(request: NewestRowsRequest): Promise<{ keys: number; all: boolean }>;
  /** Writes what a stream added between two offsets, for a consumer that died between its two stores. */
  writeStreamRows(request: StreamRowsRequest): Promise<{ rows: number }>;
  /** What identifies the view's table; changes when it is dropped and created again. */
  tableId(table: FeatureTable): Promise<string | undefined>;
  currentSnapshot(): Promise<number>;
  lakeId(): Promise<string>;
}
