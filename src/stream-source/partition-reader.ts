import { type FileHandle, open, stat } from 'node:fs/promises';
import { limits } from '../config.js';
import { DataError, StoreUnavailableError } from '../errors.js';
import type { StreamRecord } from './stream-source.js';

const newline = 0x0a;
/** How much of a file is read at once. */
const windowBytes = 1 << 20;

/** Reads one partition's file from a position on. */
export class PartitionReader {
  readonly partition: number;
  readonly #file: string;
  #handle: FileHandle | undefined;
  /** Identity of the open file: another file under the same name is another topic. */
  #inode: bigint | undefined;
  #position = 0;
  /** Bytes after the position that are known to hold no newline, so that a half-written line is not searched again on each poll. */
  #searched = 0;

  constructor(file: string, partition: number) {
    this.#file = file;
    this.partition = partition;
  }

  /** The offset after the last whole line: where the next event begins, or will. */
  async end(): Promise<number> {
    const { size } = await this.#status();
    const handle = await this.#open();
    const buffer = Buffer.allocUnsafe(Math.min(windowBytes, Math.max(size, 1)));
    for (let to = size; to > 0; ) {
      const from = Math.max(0, to - buffer.length);
      const { bytesRead } = await handle.read(buffer, 0, to - from, from);
      const last = buffer.subarray(0, bytesRead).lastIndexOf(newline);
      if (last !== -1) return from + last + 1;
      to = from;
    }
    return 0;
  }

  async seek(offset: number): Promise<void> {
    const end = await this.end();
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > end) {
      throw new DataError(`offset ${offset} is not in partition ${this.partition}, which has 0 to ${end}`, {
        where: this.#file,
        mend: 'the file was shortened or replaced; start from an offset it has',
      });
    }
    this.#position = offset;
    this.#searched = 0;
  }

  /**
   * Whole lines from the position on, as records: at most `rowsMax`, and `bytesMax` bytes unless one event alone is larger. A line
   * that is too large to be an event is passed over without being loaded, and returned with its size and no value.
   */
  async read(rowsMax: number, bytesMax: number): Promise<StreamRecord[]> {
    const { size } = await this.#status();
    if (size < this.#position) {
      throw new DataError(`the file ends at ${size}, before offset ${this.#position} that was already read`, {
        where: this.#file,
        mend: 'files of a topic are only appended to; delete and create the topic to start over',
      });
    }
    const records: StreamRecord[] = [];
    let left = bytesMax;
    while (records.length < rowsMax && left > 0 && this.#position + this.#searched < size) {
      const available = size - this.#position;
      const before = this.#position;
      if (await this.#take(Math.min(available, left, windowBytes), rowsMax - records.length, records)) {
        left -= this.#position - before;
        continue;
      }
      if (records.length > 0) break;
      // A small budget must not stand still before a large event.
      const largest = Math.min(available, limits.streamEventBytesMax + 1);
      if (await this.#take(largest, 1, records)) break;
      this.#searched = Math.max(this.#searched, largest);
      if (largest <= limits.streamEventBytesMax) break;
      const oversized = await this.#passOver(size);
      if (oversized !== undefined) records.push(oversized);
      break;
    }
    return records;
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  /** Takes the whole lines of the next `window` bytes, blank ones included. @returns whether the position moved. */
  async #take(window: number, rowsMax: number, records: StreamRecord[]): Promise<boolean> {
    const handle = await this.#open();
    const buffer = Buffer.allocUnsafeSlow(window);
    const { bytesRead } = await handle.read(buffer, 0, window, this.#position);
    const start = this.#position;
    let from = 0;
    for (let count = 0; count < rowsMax; ) {
      const end = buffer.indexOf(newline, from);
      if (end === -1 || end >= bytesRead) break;
      const record = this.#record(buffer.subarray(from, end), start + from, start + end + 1);
      if (record !== undefined) {
        records.push(record);
        count += 1;
      }
      from = end + 1;
    }
    this.#position = start + from;
    if (from > 0) this.#searched = 0;
    return from > 0;
  }

  #record(line: Buffer, offset: number, nextOffset: number): StreamRecord | undefined {
    if (line.length === 0 || (line.length === 1 && line[0] === 0x0d)) return undefined;
    const { partition } = this;
    if (line.length > limits.streamEventBytesMax) {
      return { partition, offset, nextOffset, key: null, value: null, oversized: line.length };
    }
    return { partition, offset, nextOffset, key: null, value: line };
  }

  /** Looks for the end of a line that is too long. @returns `undefined` while it has none. */
  async #passOver(size: number): Promise<StreamRecord | undefined> {
    const handle = await this.#open();
    const buffer = Buffer.allocUnsafe(windowBytes);
    const offset = this.#position;
    while (offset + this.#searched < size) {
      const at = offset + this.#searched;
      const { bytesRead } = await handle.read(buffer, 0, Math.min(windowBytes, size - at), at);
      if (bytesRead === 0) return undefined;
      const end = buffer.subarray(0, bytesRead).indexOf(newline);
      if (end !== -1) {
        this.#position = at + end + 1;
        this.#searched = 0;
        const oversized = at + end - offset;
        return { partition: this.partition, offset, nextOffset: this.#position, key: null, value: null, oversized };
      }
      this.#searched += bytesRead;
    }
    return undefined;
  }

  async #status(): Promise<{ size: number }> {
    try {
      const { size, ino } = await stat(this.#file, { bigint: true });
      if (this.#inode !== undefined && ino !== this.#inode) {
        throw new DataError('the file was replaced by another one while it was read', {
          where: this.#file,
          mend: 'the topic was deleted and created again; start the stream again to see what is missing',
        });
      }
      return { size: Number(size) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        throw new DataError('the file is gone', {
          where: this.#file,
          mend: 'the topic was deleted; start the stream again once it is there',
          cause: error,
        });
      }
      throw error instanceof DataError ? error : unreadable(this.#file, error);
    }
  }

  async #open(): Promise<FileHandle> {
    if (this.#handle !== undefined) return this.#handle;
    try {
      this.#handle = await open(this.#file, 'r');
      this.#inode = (await this.#handle.stat({ bigint: true })).ino;
      return this.#handle;
    } catch (error) {
      throw unreadable(this.#file, error);
    }
  }
}

const unreadable = (file: string, error: unknown): StoreUnavailableError =>
  new StoreUnavailableError(`the file can't be read: ${(error as Error).message}`, {
    where: file,
    mend: 'check its permissions and its disk',
    cause: error,
  });
