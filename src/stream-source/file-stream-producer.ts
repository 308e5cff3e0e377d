import { type FileHandle, open, stat } from 'node:fs/promises';
import { DataError, StoreUnavailableError } from '../errors.js';
import type { StreamProducer } from './stream-source.js';
import { createTopic, partitionFile, readTopic } from './topic-files.js';

/** Larger batches are written in several pieces, each of whole lines. */
const pieceBytes = 8 * 1024 * 1024;

export interface FileStreamProducerOptions {
  /** The folder of all topics, e.g. `.asof/streams`. */
  readonly directory: string;
  readonly topic: string;
  /** Of a topic that is not there yet; default 1. */
  readonly partitions?: number | undefined;
}

/**
 * Appends events to a topic in files, creating it when it is not there. Any number of producers may append at once: each piece is
 * one write to a file opened for appending, which the kernel does not interleave with others (on a local disk).
 *
 * Each piece begins with a newline, which ends whatever a killed producer left half-written before it: that line is an event of
 * its own, valid or a dead letter, and can't spoil this one. Blank lines are no events.
 * @throws DefinitionError for a bad name or a number of partitions the topic does not have.
 */
export async function openFileStreamProducer(options: FileStreamProducerOptions): Promise<StreamProducer> {
  const { directory, topic } = options;
  const { id, partitions } = createTopic(directory, topic, options.partitions);
  return new FileStreamProducer(directory, topic, id, partitions);
}

class FileStreamProducer implements StreamProducer {
  readonly #directory: string;
  readonly #topic: string;
  readonly #topicId: string;
  readonly #partitions: number;
  readonly #handles = new Map<number, FileHandle>();
  #keyless = 0;

  constructor(directory: string, topic: string, topicId: string, partitions: number) {
    this.#directory = directory;
    this.#topic = topic;
    this.#topicId = topicId;
    this.#partitions = partitions;
  }

  async send(events: readonly { readonly key: string | null; readonly value: string }[]): Promise<void> {
    const pieces = new Map<number, string[]>();
    for (const { key, value } of events) {
      if (value.includes('\n') || value.trim() === '') {
        throw new DataError(value.trim() === '' ? 'an event is empty' : 'an event contains a newline', {
          where: `topic ${this.#topic}`,
          mend: 'send JSON on one line, as JSON.stringify writes it',
        });
      }
      const partition = key === null ? this.#keyless++ % this.#partitions : partitionOf(key, this.#partitions);
      const lines = pieces.get(partition);
      if (lines === undefined) pieces.set(partition, ['', value]);
      else lines.push(value);
    }
    for (const [partition, lines] of pieces) await this.#append(partition, lines);
  }

  async close(): Promise<void> {
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    await Promise.all(handles.map((handle) => handle.close()));
  }

  async #append(partition: number, lines: readonly string[]): Promise<void> {
    const file = partitionFile(this.#directory, this.#topic, partition);
    const handle = await this.#handle(partition, file);
    try {
      for (const piece of piecesOf(lines)) {
        const { bytesWritten } = await handle.write(piece);
        // Not gone on with: another producer may have written since. What is there is ended by the next piece's newline.
        if (bytesWritten !== piece.length)
          throw new Error(`only ${bytesWritten} of ${piece.length} bytes were written`);
      }
      await handle.datasync();
    } catch (error) {
      throw new StoreUnavailableError(`events can't be written: ${(error as Error).message}`, {
        where: file,
        mend: 'free disk space; events of this batch may be there already when it is sent again',
        cause: error,
      });
    }
  }

  /** The partition's open file, opened anew when another lies under its name. */
  async #handle(partition: number, file: string): Promise<FileHandle> {
    const known = this.#handles.get(partition);
    if (known !== undefined) {
      const [now, then] = await Promise.all([stat(file).catch(() => undefined), known.stat()]);
      if (now?.ino === then.ino) return known;
      this.#handles.delete(partition);
      await known.close();
    }
    const { id } = readTopic(this.#directory, this.#topic);
    if (id !== this.#topicId) {
      throw new DataError(`topic "${this.#topic}" was deleted and created again`, {
        where: this.#directory,
        mend: 'open the producer again',
      });
    }
    const handle = await open(file, 'a');
    this.#handles.set(partition, handle);
    return handle;
  }
}

/** Whole lines, joined to buffers of about {@link pieceBytes}, each with a newline before its first and after its last line. */
function* piecesOf(lines: readonly string[]): Generator<Buffer> {
  let piece: string[] = [];
  let size = 0;
  for (const line of lines) {
    piece.push(line);
    size += line.length;
    if (size < pieceBytes) continue;
    yield Buffer.from(`${piece.join('\n')}\n`);
    piece = [''];
    size = 0;
  }
  if (piece.length > 1) yield Buffer.from(`${piece.join('\n')}\n`);
}

/** FNV-1a over the key's UTF-8: the same key goes to the same partition in every process and version. */
function partitionOf(key: string, partitions: number): number {
  if (partitions === 1) return 0;
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % partitions;
}
