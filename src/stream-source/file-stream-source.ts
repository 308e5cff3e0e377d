import { setTimeout as sleep } from 'node:timers/promises';
import { DataError, DefinitionError } from '../errors.js';
import { PartitionReader } from './partition-reader.js';
import type { PartitionRange, PollLimits, StreamRecord, StreamSource } from './stream-source.js';
import { createTopic, partitionFile, readTopic } from './topic-files.js';

/** How often a consumer that waits looks at the size of its files. */
const lookEveryMs = 25;

export interface FileStreamSourceOptions {
  /** The folder of all topics, e.g. `.asof/streams`. */
  readonly directory: string;
  readonly topic: string;
  /** Only these; all when absent. */
  readonly partitions?: readonly number[] | undefined;
  /** Makes the topic when it is not there: nobody else does it before the first event, which a consumer may wait for. */
  readonly create?: boolean | undefined;
}

/**
 * Opens a topic kept in files. A file has no retention: every partition starts at offset 0.
 * @throws DefinitionError when there is no such topic or partition.
 */
export async function openFileStreamSource(options: FileStreamSourceOptions): Promise<StreamSource> {
  if (options.create === true) createTopic(options.directory, options.topic, undefined);
  const { partitions } = readTopic(options.directory, options.topic);
  const wanted = options.partitions ?? Array.from({ length: partitions }, (_, partition) => partition);
  const unknown = wanted.find(
    (partition) => !(Number.isInteger(partition) && partition >= 0 && partition < partitions),
  );
  if (unknown !== undefined) {
    throw new DefinitionError(`topic "${options.topic}" has no partition ${unknown}`, {
      where: options.directory,
      mend: `it has 0 to ${partitions - 1}`,
    });
  }
  return new FileStreamSource(options.directory, options.topic, wanted);
}

class FileStreamSource implements StreamSource {
  readonly topic: string;
  /** Files know no groups: who opens them reads what it asked for. */
  readonly assignment = 0;
  readonly #directory: string;
  readonly #partitions: readonly number[];
  #topicId: string;
  #readers = new Map<number, PartitionReader>();
  #turn = 0;

  constructor(directory: string, topic: string, partitions: readonly number[]) {
    this.topic = topic;
    this.#directory = directory;
    this.#partitions = partitions;
    this.#topicId = readTopic(directory, topic).id;
  }

  async topicId(): Promise<string> {
    return readTopic(this.#directory, this.topic).id;
  }

  partitions(): Promise<PartitionRange[]> {
    return this.#ranges(this.#partitions);
  }

  topicRanges(): Promise<PartitionRange[]> {
    const { partitions } = readTopic(this.#directory, this.topic);
    return this.#ranges(Array.from({ length: partitions }, (_, partition) => partition));
  }

  async #ranges(partitions: readonly number[]): Promise<PartitionRange[]> {
    const ranges: PartitionRange[] = [];
    for (const partition of partitions) {
      // A reader of its own: asking for ranges must not disturb reading, and must see a topic that was created again.
      const reader = new PartitionReader(partitionFile(this.#directory, this.topic, partition), partition);
      try {
        ranges.push({ partition, start: 0, end: await reader.end() });
      } finally {
        await reader.close();
      }
    }
    return ranges;
  }

  /** Files hold no times. */
  async offsetsAt(): Promise<ReadonlyMap<number, number>> {
    throw new DefinitionError('a stream in files has no times to start from', {
      where: `topic ${this.topic}`,
      mend: "start from 'earliest' or 'latest'",
    });
  }

  /** Also takes up a topic that was created again since; the caller compares {@link topicId} with what it knows. */
  async seek(positions: ReadonlyMap<number, number>): Promise<void> {
    const topicId = await this.topicId();
    if (topicId !== this.#topicId) {
      await this.#closeReaders();
      this.#topicId = topicId;
    }
    for (const [partition, offset] of positions) {
      if (!this.#partitions.includes(partition)) {
        throw new DataError(`partition ${partition} is not one of this consumer`, { where: `topic ${this.topic}` });
      }
      await this.#reader(partition).seek(offset);
    }
  }

  async poll({ rowsMax, bytesMax, waitMs, signal }: PollLimits): Promise<StreamRecord[]> {
    const until = Date.now() + waitMs;
    for (;;) {
      signal?.throwIfAborted();
      const records = await this.#read(rowsMax, bytesMax);
      const left = until - Date.now();
      if (records.length > 0 || left <= 0) return records;
      await sleep(Math.min(lookEveryMs, left), undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }

  /** Files keep no groups. */
  async commitHint(): Promise<void> {}

  close(): Promise<void> {
    return this.#closeReaders();
  }

  /** One pass over the partitions, starting with another one each time, so that a busy one starves none. */
  async #read(rowsMax: number, bytesMax: number): Promise<StreamRecord[]> {
    const records: StreamRecord[] = [];
    let left = bytesMax;
    for (let i = 0; i < this.#partitions.length && records.length < rowsMax && left > 0; i += 1) {
      const partition = this.#partitions[(this.#turn + i) % this.#partitions.length] as number;
      const found = await this.#reader(partition).read(rowsMax - records.length, left);
      for (const record of found) {
        records.push(record);
        left -= record.value?.length ?? 0;
      }
    }
    this.#turn += 1;
    return records;
  }

  #reader(partition: number): PartitionReader {
    const known = this.#readers.get(partition);
    if (known !== undefined) return known;
    const reader = new PartitionReader(partitionFile(this.#directory, this.topic, partition), partition);
    this.#readers.set(partition, reader);
    return reader;
  }

  async #closeReaders(): Promise<void> {
    const readers = [...this.#readers.values()];
    this.#readers = new Map();
    await Promise.all(readers.map((reader) => reader.close()));
  }
}
