import type { KafkaMessage } from 'kafkajs';
import { limits } from '../config.js';
import { kafka } from './kafka-limits.js';
import type { StreamRecord } from './stream-source.js';

/** What was fetched of a partition and not polled yet. */
interface Fetched {
  readonly messages: readonly KafkaMessage[];
  /** Where reading goes on after the last message: beyond transaction markers and what compaction left out. */
  readonly nextOffset: number;
  readonly sequence: number;
}

interface Queue {
  readonly batches: Fetched[];
  /** Of the first batch. */
  taken: number;
}

/** Fetched messages by partition, in order, given out in turns. */
export class RecordBuffer {
  readonly #queues = new Map<number, Queue>();
  #rows = 0;
  #bytes = 0;
  /** The partition that came first the last time. */
  #first = -1;
  #sequence = 0;

  get isFull(): boolean {
    return this.#bytes >= kafka.bufferedBytesMax || this.#rows >= kafka.bufferedRowsMax;
  }

  get isEmpty(): boolean {
    return this.#rows === 0;
  }

  /** Grows with every batch: what was put in before a moment has a sequence up to the one of that moment. */
  get sequence(): number {
    return this.#sequence;
  }

  put(partition: number, messages: readonly KafkaMessage[], nextOffset: number): void {
    this.#sequence += 1;
    const queue = this.#queues.get(partition) ?? { batches: [], taken: 0 };
    this.#queues.set(partition, queue);
    queue.batches.push({ messages, nextOffset, sequence: this.#sequence });
    for (const message of messages) this.#bytes += sizeOf(message);
    this.#rows += messages.length;
  }

  drop(partition: number): void {
    const queue = this.#queues.get(partition);
    if (queue === undefined) return;
    this.#queues.delete(partition);
    for (const [index, { messages }] of queue.batches.entries()) {
      for (const message of messages.slice(index === 0 ? queue.taken : 0)) this.#uncount(message);
    }
  }

  clear(): void {
    this.#queues.clear();
    this.#rows = 0;
    this.#bytes = 0;
  }

  /** @param upTo takes no batch with a later sequence. A single record may exceed `bytesMax`. */
  take(rowsMax: number, bytesMax: number, upTo: number): StreamRecord[] {
    const records: StreamRecord[] = [];
    const partitions = [...this.#queues.keys()].sort((a, b) => a - b);
    let left = bytesMax;
    const start = partitions.findIndex((partition) => partition > this.#first);
    const inTurn = [...partitions.slice(Math.max(start, 0)), ...partitions.slice(0, Math.max(start, 0))];
    for (const partition of inTurn) {
      if (records.length >= rowsMax || left <= 0) break;
      left -= this.#takeFrom(partition, records, rowsMax, left, upTo);
    }
    this.#first = inTurn[0] ?? -1;
    return records;
  }

  #takeFrom(partition: number, records: StreamRecord[], rowsMax: number, bytesMax: number, upTo: number): number {
    const queue = this.#queues.get(partition) as Queue;
    let bytes = 0;
    for (let batch = queue.batches[0]; batch !== undefined && batch.sequence <= upTo; batch = queue.batches[0]) {
      const { messages, nextOffset } = batch;
      while (queue.taken < messages.length) {
        if (records.length >= rowsMax || bytes >= bytesMax) return bytes;
        const message = messages[queue.taken++] as KafkaMessage;
        const isLast = queue.taken === messages.length;
        const record = toRecord(partition, message, isLast ? nextOffset : Number(message.offset) + 1);
        records.push(record);
        bytes += record.value?.length ?? 0;
        this.#uncount(message);
      }
      queue.batches.shift();
      queue.taken = 0;
    }
    if (queue.batches.length === 0) this.#queues.delete(partition);
    return bytes;
  }

  #uncount(message: KafkaMessage): void {
    this.#rows -= 1;
    this.#bytes -= sizeOf(message);
  }
}

const sizeOf = ({ key, value }: KafkaMessage): number => (key?.length ?? 0) + (value?.length ?? 0);

function toRecord(partition: number, message: KafkaMessage, nextOffset: number): StreamRecord {
  const { key, value, headers } = message;
  const isOversized = value !== null && value.length > limits.streamEventBytesMax;
  const texts = headers === undefined ? undefined : headerTexts(headers);
  return {
    partition,
    offset: Number(message.offset),
    nextOffset,
    key,
    value: isOversized ? null : value,
    timestampMs: Number(message.timestamp),
    ...(texts === undefined ? {} : { headers: texts }),
    ...(isOversized ? { oversized: value.length } : {}),
  };
}

/** Of a header that is there several times, the last one counts. */
function headerTexts(headers: NonNullable<KafkaMessage['headers']>): Record<string, string> | undefined {
  const entries = Object.entries(headers);
  if (entries.length === 0) return undefined;
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const last = Array.isArray(value) ? value.at(-1) : value;
      return [name, last === undefined ? '' : last.toString()];
    }),
  );
}
