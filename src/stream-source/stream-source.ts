/** One event as the broker has it. */
export interface StreamRecord {
  readonly partition: number;
  /** Where the record begins; grows within a partition. In a file it is a byte position, so offsets need not be contiguous. */
  readonly offset: number;
  /** Where reading goes on after this record. */
  readonly nextOffset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** When the broker or its producer says the event was sent, milliseconds; where the engine keeps such a time. */
  readonly timestampMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Set, to its bytes, for an event larger than `limits.streamEventBytesMax`: it was not loaded (`value` is null) and is a dead letter. */
  readonly oversized?: number;
}

export interface PartitionRange {
  readonly partition: number;
  /** The oldest offset still kept. */
  readonly start: number;
  /** The offset the next event will get. */
  readonly end: number;
}

export interface PollLimits {
  readonly rowsMax: number;
  readonly bytesMax: number;
  /** How long to wait for the first record; an empty answer means there was none. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

export type { StreamStart } from '../definitions/stream-start.js';

/**
 * A topic that is read by position. Positions are ours, kept in the lake with the rows; what a broker remembers of a group is only
 * a hint for its lag tools. One instance serves one consumer.
 */
export interface StreamSource {
  readonly topic: string;
  /** Identity of the topic; another one under the same name (deleted and created again) has another. Throws DefinitionError when there is no such topic. */
  topicId(): Promise<string>;
  /**
   * Changes whenever the partitions this consumer may read do: members of a consumer group join and leave. What was read under an
   * earlier assignment is committed or lost to whoever has the partition now; then partitions are asked for, claimed and sought
   * again. Until `seek` was called, `poll` gives nothing of the new assignment. 0 in an engine that knows no groups.
   */
  readonly assignment: number;
  /** The partitions this consumer may read, with their ranges; in a group, waits for the first assignment. May be none. */
  partitions(): Promise<PartitionRange[]>;
  /** All partitions of the topic with their ranges, whoever reads them. */
  topicRanges(): Promise<PartitionRange[]>;
  /** By partition, the offset of the first event at or after a time; the end where there is none. */
  offsetsAt(time: Date): Promise<ReadonlyMap<number, number>>;
  /** Goes on reading each partition at the offset given. Throws DataError for an offset below `start` or beyond `end`. */
  seek(positions: ReadonlyMap<number, number>): Promise<void>;
  /**
   * The next records, in offset order within each partition. An event still being written is not returned. Returns early, with
   * nothing, when the assignment changes.
   */
  poll(limits: PollLimits): Promise<StreamRecord[]>;
  /** Tells the broker how far both stores are. */
  commitHint(positions: ReadonlyMap<number, number>): Promise<void>;
  close(): Promise<void>;
}

/** Puts events into a topic; for the sample stream, tests and `asof stream produce`. */
export interface StreamProducer {
  /** Creates the topic when it is not there. Events are durable when the promise resolves. */
  send(events: readonly { readonly key: string | null; readonly value: string }[]): Promise<void>;
  close(): Promise<void>;
}
