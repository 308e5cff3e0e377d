import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { DataError, DefinitionError, StoreUnavailableError } from '../errors.js';
import { orAborted } from './change-signal.js';
import { type KafkaConnection, kafkaClient } from './kafka-connection.js';
import { isNoTopic, kafkaError } from './kafka-errors.js';
import { KafkaGroupMember } from './kafka-group-member.js';
import { kafka } from './kafka-limits.js';
import { KafkaTopicIds } from './kafka-topic-ids.js';
import type { PartitionRange, PollLimits, StreamRecord, StreamSource } from './stream-source.js';

export { kafkaConnection } from './kafka-connection.js';

export interface KafkaStreamSourceOptions {
  readonly connection: KafkaConnection;
  readonly topic: string;
  /** The consumer group that shares the topic's partitions, e.g. `asof-<project>-<view>`; without one, all of them are read. */
  readonly group?: string | undefined;
  /** Of those assigned, only these; all when absent. */
  readonly partitions?: readonly number[] | undefined;
}

/**
 * Opens a topic of a Kafka cluster. The group is joined by the first use that needs an assignment.
 * @throws DefinitionError when there is no such topic or partition, or the cluster refuses us.
 * @throws StoreUnavailableError when no broker answers.
 */
export async function openKafkaStreamSource(options: KafkaStreamSourceOptions): Promise<StreamSource> {
  const { connection, topic } = options;
  const ids = new KafkaTopicIds(connection);
  const admin = kafkaClient(connection).admin();
  const where = connection.brokers.join(',');
  try {
    const topicId = await ids.ask(topic, 0);
    await admin.connect();
    const source = new KafkaStreamSource(options, where, ids, admin, topicId);
    await source.checkWanted();
    return source;
  } catch (error) {
    await Promise.allSettled([ids.close(), admin.disconnect()]);
    throw kafkaError(error, where, topic);
  }
}

class KafkaStreamSource implements StreamSource {
  readonly topic: string;
  readonly #options: KafkaStreamSourceOptions;
  readonly #where: string;
  readonly #ids: KafkaTopicIds;
  readonly #admin: Admin;
  readonly #member: KafkaGroupMember;
  /** Of the topic that is read. */
  #topicId: string;
  /** What was put into the buffer up to this sequence is known to be of that topic. */
  #verified = 0;
  /** The assignment the caller was last told the partitions of. */
  #told = 1;
  #closed = false;

  constructor(options: KafkaStreamSourceOptions, where: string, ids: KafkaTopicIds, admin: Admin, topicId: string) {
    this.#options = options;
    this.topic = options.topic;
    this.#where = where;
    this.#ids = ids;
    this.#admin = admin;
    this.#topicId = topicId;
    this.#member = new KafkaGroupMember({
      client: kafkaClient(options.connection),
      groupId: options.group ?? `asof-reader-${randomUUID()}`,
      topic: options.topic,
      where,
      check: (partition, offset) => this.#check(partition, offset),
    });
  }

  get assignment(): number {
    return this.#member.assignment;
  }

  topicId(): Promise<string> {
    return this.#ids.ask(this.topic, kafka.outageMaxMs);
  }

  async checkWanted(): Promise<void> {
    const wanted = this.#options.partitions;
    if (wanted === undefined) return;
    const known = (await this.#ranges()).map(({ partition }) => partition);
    const unknown = wanted.find((partition) => !known.includes(partition));
    if (unknown === undefined) return;
    throw new DefinitionError(`topic "${this.topic}" has no partition ${unknown}`, {
      where: this.#where,
      mend: `it has 0 to ${known.length - 1}`,
    });
  }

  async partitions(): Promise<PartitionRange[]> {
    for (;;) {
      const assigned = this.#options.group === undefined ? undefined : await this.#member.assigned();
      const assignment = this.#member.assignment;
      const ranges = await this.#ranges();
      if (assignment !== this.#member.assignment) continue;
      this.#told = assignment;
      const { partitions: wanted } = this.#options;
      return ranges
        .filter(({ partition }) => (assigned?.includes(partition) ?? true) && (wanted?.includes(partition) ?? true))
        .map((range) => this.#forReader(range));
    }
  }

  async topicRanges(): Promise<PartitionRange[]> {
    return (await this.#ranges()).map((range) => this.#forReader(range));
  }

  async offsetsAt(time: Date): Promise<ReadonlyMap<number, number>> {
    const found = await this.#asking(() => this.#admin.fetchTopicOffsetsByTimestamp(this.topic, time.getTime()));
    return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  /**
   * Also takes up a topic that was created again since; the caller compares {@link topicId} with what it knows. Does nothing when
   * the assignment changed since the caller asked for its partitions: it asks again, as `poll` gives nothing until then.
   */
  async seek(positions: ReadonlyMap<number, number>): Promise<void> {
    await this.#member.assigned();
    const [topicId, ranges] = [await this.topicId(), await this.#ranges()];
    for (const [partition, offset] of positions) this.#checkRange(ranges, partition, offset);
    if (this.#options.group !== undefined && this.#told !== this.#member.assignment) return;
    this.#topicId = topicId;
    this.#member.seek(positions);
  }

  async poll({ rowsMax, bytesMax, waitMs, signal }: PollLimits): Promise<StreamRecord[]> {
    const member = this.#member;
    const until = Date.now() + waitMs;
    for (;;) {
      signal?.throwIfAborted();
      member.throwIfFailed();
      if (member.state === 'unsought') {
        await orAborted(this.#verify(), signal);
        return [];
      }
      if (!member.buffer.isEmpty) {
        if (member.buffer.sequence > this.#verified) await orAborted(this.#verify(), signal);
        const records = member.buffer.take(rowsMax, bytesMax, this.#verified);
        if (records.length > 0) {
          member.changed.notify();
          return records;
        }
        continue;
      }
      const left = until - Date.now();
      if (left <= 0) return [];
      await member.changed.wait(left, signal);
    }
  }

  async commitHint(positions: ReadonlyMap<number, number>): Promise<void> {
    this.#member.hint(positions);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#member.close();
    await Promise.allSettled([this.#ids.close(), this.#admin.disconnect()]);
  }

  /** @throws DataError when what was fetched up to now may be of another topic of this name. */
  async #verify(): Promise<void> {
    const { sequence } = this.#member.buffer;
    const topicId = await this.#topicIdNow();
    if (topicId !== this.#topicId) {
      throw new DataError(topicId === undefined ? 'the topic was deleted' : 'the topic was deleted and created again', {
        where: `topic ${this.topic} at ${this.#where}`,
        mend: 'if that was meant, start the pipeline again: asof run <pipeline> --accept-gap; the gap is recorded',
      });
    }
    this.#verified = sequence;
  }

  /** Undefined = the topic is gone: also when asked again, as a broker that just started may not know of all topics yet. */
  async #topicIdNow(): Promise<string | undefined> {
    for (const until = Date.now() + kafka.retryDelayMaxMs; ; ) {
      try {
        return await this.topicId();
      } catch (error) {
        if (!isNoTopic(error)) throw error;
        if (this.#closed || Date.now() >= until) return undefined;
        await sleep(kafka.retryDelayMs);
      }
    }
  }

  async #check(partition: number, offset: number): Promise<void> {
    await this.#verify();
    this.#checkRange(await this.#ranges(), partition, offset);
  }

  #checkRange(ranges: readonly PartitionRange[], partition: number, offset: number): void {
    const where = `topic ${this.topic}, partition ${partition}`;
    const range = ranges.find((each) => each.partition === partition);
    const { partitions: wanted } = this.#options;
    if (range === undefined || wanted?.includes(partition) === false) {
      throw new DataError(`partition ${partition} is not one of this consumer`, { where });
    }
    if (Number.isSafeInteger(offset) && offset >= range.start && offset <= range.end) return;
    const isGone = offset >= 0 && offset < range.start;
    throw new DataError(
      isGone
        ? `events from offset ${offset} to ${range.start - 1} are gone from the topic and were not read yet`
        : `offset ${offset} is not in the partition, which has ${range.start} to ${range.end}`,
      {
        where,
        mend: isGone
          ? `if they are really lost, go on from offset ${range.start}: asof run <pipeline> --accept-gap; raise the topic's retention.ms`
          : 'the topic was set back; if that was meant: asof run <pipeline> --accept-gap',
      },
    );
  }

  async #ranges(): Promise<PartitionRange[]> {
    const offsets = await this.#asking(() => this.#admin.fetchTopicOffsets(this.topic));
    return offsets
      .map(({ partition, low, high }) => ({ partition, start: Number(low), end: Number(high) }))
      .sort((a, b) => a.partition - b.partition);
  }

  /** Ended where the last record ends: who reads records alone gets no further. */
  #forReader({ partition, start, end }: PartitionRange): PartitionRange {
    return { partition, start, end: this.#member.lastRecordEnd(partition, end) };
  }

  /** Tries again while no broker answers, for as long as one may take to be started again. */
  async #asking<T>(ask: () => Promise<T>): Promise<T> {
    for (const until = Date.now() + kafka.outageMaxMs; ; ) {
      try {
        return await ask();
      } catch (error) {
        const failure = kafkaError(error, this.#where, this.topic);
        if (!(failure instanceof StoreUnavailableError) || this.#closed || Date.now() >= until) throw failure;
        await sleep(kafka.retryDelayMs);
      }
    }
  }
}
