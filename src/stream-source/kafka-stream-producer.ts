import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Message, Producer } from 'kafkajs';
import { DataError, DefinitionError } from '../errors.js';
import { type KafkaConnection, kafkaClient } from './kafka-connection.js';
import { kafkaError } from './kafka-errors.js';
import { kafka } from './kafka-limits.js';
import type { StreamProducer } from './stream-source.js';

export { kafkaConnection } from './kafka-connection.js';

export interface KafkaStreamProducerOptions {
  readonly connection: KafkaConnection;
  readonly topic: string;
  /** Of a topic that is not there yet; default `kafka.topicPartitions`. */
  readonly partitions?: number | undefined;
}

/**
 * Sends events to a topic, making it when it is not there. Idempotent: an event that had to be sent twice is there once. Events of
 * a key go to one partition, the same one as Java's producers choose.
 * @throws DefinitionError for a number of partitions the topic does not have. @throws StoreUnavailableError when no broker answers.
 */
export async function openKafkaStreamProducer(options: KafkaStreamProducerOptions): Promise<StreamProducer> {
  const { connection, topic, partitions } = options;
  const where = connection.brokers.join(',');
  const client = kafkaClient(connection);
  const producer = client.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
  const admin = client.admin();
  try {
    await admin.connect();
    const partitionCount = await ensureTopic(admin, topic, partitions, where);
    await producer.connect();
    return new KafkaStreamProducer(producer, { topic, where, partitionCount });
  } catch (error) {
    await producer.disconnect().catch(() => undefined);
    throw kafkaError(error, where, topic);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** @returns how many partitions it has. */
async function ensureTopic(
  admin: Admin,
  topic: string,
  partitions: number | undefined,
  where: string,
): Promise<number> {
  if (partitions !== undefined && !(Number.isInteger(partitions) && partitions >= 1)) {
    throw new DefinitionError(`a topic can't have ${partitions} partitions`, { mend: 'give a whole number >= 1' });
  }
  // Looked for first: who may write to a topic may not be allowed to make it.
  const has = (await partitionsOf(admin, topic)) ?? (await makeTopic(admin, topic, partitions));
  if (partitions === undefined || has === partitions) return has;
  throw new DefinitionError(`topic "${topic}" has ${has} partitions, not ${partitions}`, {
    where,
    mend: 'leave the number out, or use another topic: keys would move between partitions',
  });
}

/** Waits until the brokers know of it. Somebody else may make it at the same time. */
async function makeTopic(admin: Admin, topic: string, partitions: number = kafka.topicPartitions): Promise<number> {
  const config = { topic, numPartitions: partitions, replicationFactor: -1 };
  await admin.createTopics({ topics: [config], waitForLeaders: false });
  for (const until = Date.now() + kafka.requestTimeoutMs; ; ) {
    const has = await partitionsOf(admin, topic);
    if (has !== undefined) return has;
    if (Date.now() > until) throw new Error('a topic was made, and the brokers do not know of it');
    await sleep(50);
  }
}

/** How many there are; undefined = no such topic, or its partitions have no leaders yet. */
async function partitionsOf(admin: Admin, topic: string): Promise<number | undefined> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics.find(({ name }) => name === topic)?.partitions.length;
  } catch (error) {
    const { type } = error as { type?: string };
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'LEADER_NOT_AVAILABLE') return undefined;
    throw error;
  }
}

class KafkaStreamProducer implements StreamProducer {
  readonly #producer: Producer;
  readonly #topic: string;
  readonly #where: string;
  readonly #partitionCount: number;
  #unkeyed = 0;

  constructor(producer: Producer, options: { topic: string; where: string; partitionCount: number }) {
    this.#producer = producer;
    this.#topic = options.topic;
    this.#where = options.where;
    this.#partitionCount = options.partitionCount;
  }

  async send(events: readonly { readonly key: string | null; readonly value: string }[]): Promise<void> {
    const empty = events.find(({ value }) => value.trim() === '');
    if (empty !== undefined) {
      throw new DataError('an event is empty', { where: `topic ${this.#topic}`, mend: 'send JSON' });
    }
    for (const messages of this.#piecesOf(events)) {
      try {
        await this.#producer.send({ topic: this.#topic, acks: -1, messages });
      } catch (error) {
        throw kafkaError(error, this.#where, this.#topic);
      }
    }
  }

  async close(): Promise<void> {
    await this.#producer.disconnect().catch(() => undefined);
  }

  /** In pieces of at most `kafka.sendBytesMax`, or of a single larger event. */
  *#piecesOf(events: readonly { readonly key: string | null; readonly value: string }[]): Generator<Message[]> {
    let piece: Message[] = [];
    let bytes = 0;
    for (const { key, value } of events) {
      const message = this.#message(key, Buffer.from(value));
      const size = Buffer.byteLength(value) + (message.key?.length ?? 0);
      if (piece.length > 0 && bytes + size > kafka.sendBytesMax) {
        yield piece;
        piece = [];
        bytes = 0;
      }
      piece.push(message);
      bytes += size;
    }
    if (piece.length > 0) yield piece;
  }

  /**
   * Events without a key get their partition here, in turns: kafkajs would choose anew when it sends again, and the broker refuse
   * what then looks like another batch under the number of one it has ("out of order sequence number").
   */
  #message(key: string | null, value: Buffer): Message {
    if (key !== null) return { key: Buffer.from(key), value };
    this.#unkeyed = (this.#unkeyed + 1) % this.#partitionCount;
    return { key: null, value, partition: this.#unkeyed };
  }
}
