import type { Batch, Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { StoreUnavailableError } from '../errors.js';
import { ChangeSignal } from './change-signal.js';
import { FetchCycles } from './fetch-cycles.js';
import { retryOptions } from './kafka-connection.js';
import { kafkaError } from './kafka-errors.js';
import { kafka } from './kafka-limits.js';
import { RecordBuffer } from './kafka-record-buffer.js';

/** Where a partition is read; another object after each seek. */
interface Position {
  /** The offset the next fetched batch must have been asked for. */
  next: number;
  /** Up to here the partition is known to hold no record after `next`: transaction markers and aborted transactions. */
  silentUntil: number;
  /** When the client was last told to go there. */
  soughtAt: number;
}

export interface GroupMemberOptions {
  readonly client: Kafka;
  readonly groupId: string;
  readonly topic: string;
  /** For messages. */
  readonly where: string;
  /** Throws when a position can't be read any more: lost to retention, or of a topic that is no more. */
  readonly check: (partition: number, offset: number) => Promise<void>;
}

/**
 * One member of a consumer group. kafkajs keeps the group and fetches; where a partition is read is known here alone: a batch goes
 * into the buffer only if it was fetched at exactly the offset that is next, whatever kafkajs had under way before a seek, took over
 * from the group's commits or was reset to.
 */
export class KafkaGroupMember {
  readonly buffer = new RecordBuffer();
  readonly changed = new ChangeSignal();
  readonly #options: GroupMemberOptions;
  readonly #consumer: Consumer;
  readonly #cycles = new FetchCycles(2 * kafka.requestTimeoutMs);
  readonly #positions = new Map<number, Position>();
  #running: Promise<void> | undefined;
  #assigned: readonly number[] | undefined;
  #assignment = 1;
  #failure: Error | undefined;
  #lost: Error | undefined;
  #closing = false;
  /** The client is on its way into the group, and can't be stopped. */
  #starting = false;
  #troubledSince: number | undefined;
  #hint: ReadonlyMap<number, number> | undefined;
  #hinting: Promise<void> | undefined;

  constructor(options: GroupMemberOptions) {
    this.#options = options;
    this.#consumer = options.client.consumer({
      groupId: options.groupId,
      allowAutoTopicCreation: false,
      sessionTimeout: kafka.sessionTimeoutMs,
      heartbeatInterval: kafka.heartbeatEveryMs,
      rebalanceTimeout: kafka.rebalanceTimeoutMs,
      maxWaitTimeInMs: kafka.fetchWaitMs,
      maxBytes: kafka.fetchBytesMax,
      maxBytesPerPartition: kafka.fetchPartitionBytesMax,
      readUncommitted: false,
      retry: { ...retryOptions, restartOnFailure: async () => this.#mayStartAgain() },
    });
    const { events } = this.#consumer;
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => this.#joined(payload.memberAssignment[options.topic] ?? []));
    this.#consumer.on(events.REBALANCING, () => this.#revoked());
    this.#consumer.on(events.CRASH, ({ payload: { error, restart } }) => {
      this.#starting = restart;
      if (restart) this.#revoked();
      else this.#fail(error);
    });
    this.#consumer.on(events.FETCH_START, ({ payload }) =>
      this.#cycles.began((payload as unknown as { nodeId: number }).nodeId),
    );
    this.#consumer.on(events.START_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize === 0) this.#passedOver(payload.partition, Number(payload.lastOffset) + 1);
    });
  }

  get assignment(): number {
    return this.#assignment;
  }

  /** `idle`: the group has more members than the topic partitions; there is nothing to seek. */
  get state(): 'unsought' | 'reading' | 'idle' {
    if (this.#assigned?.length === 0) return 'idle';
    return this.#positions.size > 0 ? 'reading' : 'unsought';
  }

  /** @throws what ended the member, or what a position was lost to. */
  throwIfFailed(): void {
    const failure = this.#failure ?? this.#lost;
    if (failure !== undefined) throw failure;
  }

  /** The partitions of this member, joining the group when it has not yet; waits for the group to settle. */
  async assigned(): Promise<readonly number[]> {
    this.#running ??= this.#run().catch((error: unknown) => this.#fail(error));
    while (this.#assigned === undefined) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#closing) throw new StoreUnavailableError('the consumer was closed', { where: this.#options.where });
      await this.changed.wait(kafka.heartbeatEveryMs);
    }
    return this.#assigned;
  }

  /** Where a partition that ends at `end` has no more records for this reader: there, or before what only marks transactions. */
  lastRecordEnd(partition: number, end: number): number {
    const position = this.#positions.get(partition);
    return position !== undefined && position.silentUntil >= end ? position.next : end;
  }

  /** Goes on at these offsets; synchronous, so that nothing comes between. Others' partitions are left alone. */
  seek(positions: ReadonlyMap<number, number>): void {
    const mine = [...positions].filter(([partition]) => this.#assigned?.includes(partition));
    if (mine.length === 0) return;
    this.#lost = undefined;
    for (const [partition, next] of mine) {
      this.buffer.drop(partition);
      const position = { next, silentUntil: next, soughtAt: 0 };
      this.#positions.set(partition, position);
      this.#goTo(partition, position);
    }
    this.#consumer.resume([{ topic: this.#options.topic, partitions: mine.map(([partition]) => partition) }]);
    this.changed.notify();
  }

  /** Tells the group, if it likes to hear it. While it is told, only the newest of further hints is kept; failures are nobody's. */
  hint(positions: ReadonlyMap<number, number>): void {
    this.#hint = positions;
    this.#hinting ??= this.#sendHints().finally(() => {
      this.#hinting = undefined;
    });
  }

  /** Leaves the group, so that others get the partitions at once. */
  async close(): Promise<void> {
    this.#closing = true;
    this.changed.notify();
    await this.#hinting;
    await this.#running;
    while (this.#starting) await this.changed.wait(kafka.heartbeatEveryMs);
    await this.#consumer.disconnect().catch(() => undefined);
  }

  async #run(): Promise<void> {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topic: this.#options.topic, fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      // All batches of an answer come into the buffer at once: one partition's waits for no other's.
      partitionsConsumedConcurrently: kafka.batchesAtOnce,
      eachBatch: (payload) => this.#eachBatch(payload),
    });
  }

  async #sendHints(): Promise<void> {
    const { topic } = this.#options;
    for (let hint = this.#hint; hint !== undefined && this.#failure === undefined; hint = this.#hint) {
      this.#hint = undefined;
      const offsets = [...hint]
        .filter(([partition]) => this.#assigned?.includes(partition))
        .map(([partition, offset]) => ({ topic, partition, offset: String(offset) }));
      if (offsets.length > 0) await this.#consumer.commitOffsets(offsets).catch(() => undefined);
    }
  }

  #joined(partitions: readonly number[]): void {
    // Nothing is fetched of a new assignment before a seek.
    this.#consumer.pause([{ topic: this.#options.topic }]);
    // The first assignment is the one a caller that has not asked yet knows of; after a revocation it was told already.
    if (this.#assigned !== undefined) this.#revoked();
    this.#assigned = [...partitions].sort((a, b) => a - b);
    this.#starting = false;
    this.#troubledSince = undefined;
    this.changed.notify();
  }

  #revoked(): void {
    if (this.#assigned === undefined) return;
    this.#assigned = undefined;
    this.#assignment += 1;
    this.#lost = undefined;
    this.#positions.clear();
    this.buffer.clear();
    this.changed.notify();
  }

  /** After a failure that may pass, e.g. while a broker is started again; not for ever. */
  #mayStartAgain(): boolean {
    this.#troubledSince ??= Date.now();
    return !this.#closing && Date.now() - this.#troubledSince < kafka.outageMaxMs;
  }

  #fail(error: unknown): void {
    this.#starting = false;
    this.#failure ??= kafkaError(error, this.#options.where, this.#options.topic);
    this.changed.notify();
  }

  #goTo(partition: number, position: Position): void {
    position.soughtAt = this.#cycles.mark();
    this.#consumer.seek({ topic: this.#options.topic, partition, offset: String(position.next) });
  }

  async #eachBatch({ batch, resolveOffset, heartbeat }: EachBatchPayload): Promise<void> {
    const position = this.#positions.get(batch.partition);
    // Not sought: it is from before, and its partition is paused.
    if (position === undefined || this.#closing) return;
    if (!(await this.#follows(batch, position))) return;
    // Another seek or assignment came meanwhile.
    if (this.#positions.get(batch.partition) !== position) return;
    position.next = Number(batch.lastOffset()) + 1;
    position.silentUntil = position.next;
    this.buffer.put(batch.partition, batch.messages, position.next);
    resolveOffset(batch.messages.at(-1)?.offset ?? batch.lastOffset());
    this.changed.notify();
    while (this.buffer.isFull && !this.#closing && this.#positions.get(batch.partition) === position) {
      this.#cycles.heldUp();
      await heartbeat();
      await this.changed.wait(kafka.fetchWaitMs);
    }
  }

  /** Whether the batch is what comes next at the position; if it is not, the client is sent back there. */
  async #follows(batch: Batch, position: Position): Promise<boolean> {
    const fetchedAt = Number((batch as Batch & { fetchedOffset: string }).fetchedOffset);
    if (fetchedAt === position.next) return true;
    const { partition } = batch;
    // Asked before it is awaited: turns of the fetching go on meanwhile.
    const isOfThisSeek = this.#cycles.allBeganAfter(position.soughtAt);
    try {
      await this.#options.check(partition, position.next);
    } catch (error) {
      if (this.#positions.get(partition) !== position) return false;
      this.#positions.delete(partition);
      this.#consumer.pause([{ topic: this.#options.topic, partitions: [partition] }]);
      this.#lost = error as Error;
      this.changed.notify();
      return false;
    }
    if (this.#positions.get(partition) !== position) return false;
    // The offsets between hold no record: transaction markers, aborted transactions, or compacted away.
    if (isOfThisSeek && fetchedAt > position.next) return true;
    this.#goTo(partition, position);
    return false;
  }

  /** kafkajs is about to pass over a batch without records; if it may be from before the seek, it is sent back. */
  #passedOver(partition: number, nextOffset: number): void {
    const position = this.#positions.get(partition);
    if (position === undefined) return;
    if (this.#cycles.allBeganAfter(position.soughtAt)) position.silentUntil = nextOffset;
    else this.#goTo(partition, position);
  }
}
