import { openFileStreamSource } from '../../src/stream-source/file-stream-source.js';
import type { PartitionRange, PollLimits, StreamRecord, StreamSource } from '../../src/stream-source/stream-source.js';

/** A member of a group on a topic in files, as a broker would have it: the test says which partitions it has, and when. */
export class GroupMember implements StreamSource {
  readonly topic: string;
  readonly #directory: string;
  readonly #all: StreamSource;
  #assignment = 1;
  #partitions: readonly number[];
  /** Reads the partitions of this assignment; nothing before they were sought. */
  #reading: { readonly assignment: number; readonly source: StreamSource } | undefined;
  #seeks = 0;
  /** Called with what a poll found, before anybody sees it. */
  onRecords: (records: readonly StreamRecord[]) => Promise<void> = async () => undefined;
  /** What a broker would answer. */
  offsetsByTime: ReadonlyMap<number, number> = new Map();

  private constructor(directory: string, all: StreamSource, partitions: readonly number[]) {
    this.topic = all.topic;
    this.#directory = directory;
    this.#all = all;
    this.#partitions = partitions;
  }

  static async join(directory: string, topic: string, partitions: readonly number[]): Promise<GroupMember> {
    return new GroupMember(directory, await openFileStreamSource({ directory, topic }), partitions);
  }

  get assignment(): number {
    return this.#assignment;
  }

  /** How often it was told where to read. */
  get seeks(): number {
    return this.#seeks;
  }

  assign(...partitions: number[]): void {
    this.#partitions = partitions;
    this.#assignment += 1;
  }

  topicId(): Promise<string> {
    return this.#all.topicId();
  }

  async partitions(): Promise<PartitionRange[]> {
    return (await this.#all.partitions()).filter(({ partition }) => this.#partitions.includes(partition));
  }

  topicRanges(): Promise<PartitionRange[]> {
    return this.#all.topicRanges();
  }

  async offsetsAt(): Promise<ReadonlyMap<number, number>> {
    return this.offsetsByTime;
  }

  async seek(positions: ReadonlyMap<number, number>): Promise<void> {
    const [assignment, partitions] = [this.#assignment, this.#partitions];
    const source = await openFileStreamSource({ directory: this.#directory, topic: this.topic, partitions });
    await source.seek(positions);
    await this.#reading?.source.close();
    this.#reading = { assignment, source };
    this.#seeks += 1;
  }

  async poll(limits: PollLimits): Promise<StreamRecord[]> {
    const reading = this.#reading;
    if (reading?.assignment !== this.#assignment) return [];
    const records = await reading.source.poll({ ...limits, waitMs: Math.min(limits.waitMs, 50) });
    if (records.length > 0) await this.onRecords(records);
    return records;
  }

  async commitHint(): Promise<void> {
    throw new Error('only a hint: whatever becomes of it');
  }

  async close(): Promise<void> {
    await this.#reading?.source.close();
    await this.#all.close();
  }
}
