import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataError, DefinitionError } from '../errors.js';
import { columnReader } from '../lake/chunk-values.js';
import { firstLine, id, type Lake, lit } from '../lake/index.js';
import { string } from '../types.js';
import type { StreamProducer } from './stream-source.js';

const weekUs = 7n * 86_400_000_000n;
/** Events of one send when there is no rate to keep. */
const batchEvents = 1_000;
/** How often due events are sent when there is one. */
const tickMs = 50;

export interface ReplayRequest {
  /** Parquet file of recorded events. */
  readonly file: string;
  readonly producer: StreamProducer;
  /** The column whose text is the events' key. */
  readonly keyColumn: string;
  /** The column of the event time: the order of sending. */
  readonly timestampColumn: string;
  /** Events a second; 0 = as fast as they can be written. */
  readonly rate: number;
  /** Starts over endlessly; each round's times are shifted by whole weeks, so that they go on after the last round's. */
  readonly loop?: boolean | undefined;
  /** Stops after so many events. */
  readonly limit?: number | undefined;
  /** Shifts all times so that the first round's first event lies here … */
  readonly startAt?: Date | undefined;
  /** … or its last event, e.g. now; then nothing of it lies in the future. */
  readonly endAt?: Date | undefined;
  /** Aborting ends the replay; what was sent is in `onProgress`. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: { readonly sent: number }) => void) | undefined;
}

interface Recording {
  readonly rows: number;
  readonly firstUs: bigint;
  readonly lastUs: bigint;
  /** Column names and whether each holds times. */
  readonly columns: readonly { readonly name: string; readonly isTime: boolean; readonly type: string }[];
}

/**
 * Sends a recorded stream again, in order of event time: each row as a JSON object, times as ISO text with microseconds in UTC.
 * Rows move in chunks; the file may be larger than memory.
 * @throws DataError for a file that is missing, no Parquet, without rows, or without the columns named.
 */
export async function replay(lake: Lake, request: ReplayRequest): Promise<{ sent: number }> {
  const { rate, loop = false, limit = Number.POSITIVE_INFINITY, startAt, endAt, signal } = request;
  if (!(rate >= 0)) throw new DefinitionError(`a rate of ${rate} is none`, { mend: 'give events a second, or 0' });
  if (startAt !== undefined && endAt !== undefined) {
    throw new DefinitionError('both startAt and endAt are given', { mend: 'give one' });
  }
  const recording = await lookAt(lake, request);
  const base =
    startAt !== undefined
      ? BigInt(startAt.getTime()) * 1_000n - recording.firstUs
      : endAt !== undefined
        ? BigInt(endAt.getTime()) * 1_000n - recording.lastUs
        : 0n;
  // The next round begins after the last event of this one, at the same hour of the same weekday.
  const roundUs = ((recording.lastUs - recording.firstUs) / weekUs + 1n) * weekUs;
  const pace = new Pace(rate);
  let sent = 0;
  for (let round = 0n; round === 0n || loop; round += 1n) {
    for await (const { keys, values } of events(lake, request, recording, base + round * roundUs)) {
      for (let at = 0; at < values.length; ) {
        if (sent >= limit) return { sent };
        const count = Math.min(await pace.due(sent, signal), values.length - at, limit - sent);
        const batch = values.slice(at, at + count).map((value, i) => ({ key: keys[at + i] ?? null, value }));
        await request.producer.send(batch);
        at += count;
        sent += count;
        request.onProgress?.({ sent });
      }
    }
  }
  return { sent };
}

/** Says how many events are due, waiting until at least one is. */
class Pace {
  readonly #rate: number;
  readonly #startedAt = performance.now();

  constructor(rate: number) {
    this.#rate = rate;
  }

  async due(sent: number, signal: AbortSignal | undefined): Promise<number> {
    signal?.throwIfAborted();
    if (this.#rate === 0) return batchEvents;
    for (;;) {
      const due = Math.floor(((performance.now() - this.#startedAt) * this.#rate) / 1_000) + 1 - sent;
      if (due >= 1) return due;
      const nextInMs = (sent * 1_000) / this.#rate - (performance.now() - this.#startedAt);
      await sleep(Math.max(tickMs, nextInMs), undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

async function lookAt(lake: Lake, { file, keyColumn, timestampColumn, signal }: ReplayRequest): Promise<Recording> {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new DataError('there is no such file', { where: file, mend: 'give the path of a Parquet file of events' });
  }
  try {
    const found = await lake.all<{ name: string; type: string }>(
      `SELECT column_name AS name, column_type AS type FROM (DESCRIBE SELECT * FROM read_parquet(${lit(file)}))`,
      [],
      { signal },
    );
    const columns = found.map(({ name, type }) => ({
      name,
      type,
      isTime: /^(TIMESTAMP|DATE)/.test(type) && !type.endsWith(']'),
    }));
    const mend = `the file has ${columns.map(({ name }) => name).join(', ')}`;
    if (!columns.some(({ name }) => name === keyColumn)) {
      throw new DataError(`there is no column "${keyColumn}" for the key`, { where: file, mend });
    }
    if (!columns.some(({ name, isTime }) => name === timestampColumn && isTime)) {
      throw new DataError(`there is no timestamp column "${timestampColumn}"`, { where: file, mend });
    }
    const time = `epoch_us(CAST(${id(timestampColumn)} AS TIMESTAMPTZ))`;
    const range = await lake.one<{ n: bigint; first: bigint | null; last: bigint | null }>(
      `SELECT count(*) AS n, min(${time}) AS first, max(${time}) AS last FROM read_parquet(${lit(file)})`,
      [],
      { signal },
    );
    if (range?.first == null || range.last === null) {
      throw new DataError('the file has no events', { where: file, mend: 'give a file with rows and event times' });
    }
    return { rows: Number(range.n), firstUs: range.first, lastUs: range.last, columns };
  } catch (error) {
    if (error instanceof DataError || signal?.aborted === true) throw error;
    throw new DataError(`the file can't be read: ${firstLine(error)}`, {
      where: file,
      mend: 'give a Parquet file',
      cause: error,
    });
  }
}

/** The rows as (key, JSON) in chunks. Floats are written as the doubles they are, so that a float32 comes back unchanged. */
async function* events(
  lake: Lake,
  { file, keyColumn, timestampColumn, signal }: ReplayRequest,
  { columns }: Recording,
  shiftUs: bigint,
): AsyncGenerator<{ keys: (string | null)[]; values: string[] }> {
  const fields = columns.map(({ name, isTime, type }) => {
    const column = id(name);
    const shifted = `make_timestamptz(epoch_us(CAST(${column} AS TIMESTAMPTZ)) + ${shiftUs})`;
    const value = isTime
      ? `strftime(${shifted}, '%Y-%m-%dT%H:%M:%S.%fZ')`
      : type === 'FLOAT'
        ? `CAST(${column} AS DOUBLE)`
        : column;
    return `${id(name)} := ${value}`;
  });
  const sql = `SELECT CAST(${id(keyColumn)} AS VARCHAR), CAST(to_json(struct_pack(${fields.join(', ')})) AS VARCHAR)
    FROM read_parquet(${lit(file)}, file_row_number => true)
    WHERE ${id(timestampColumn)} IS NOT NULL ORDER BY ${id(timestampColumn)}, file_row_number`;
  const read = columnReader(string());
  const session = await lake.session();
  try {
    for await (const chunk of session.chunks(sql, [], { signal })) {
      yield { keys: read(chunk, 0) as (string | null)[], values: read(chunk, 1) as string[] };
    }
  } finally {
    session.close();
  }
}
