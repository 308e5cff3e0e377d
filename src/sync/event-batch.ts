import { limits } from '../config.js';
import { eventTimestamp, type FeatureTable, tableColumns } from '../definitions/feature-table.js';
import type { StreamFeatureView } from '../definitions/feature-view.js';
import type { DeadLetter, EventCounts } from '../offline-store/offline-store.js';
import type { StreamRecord } from '../stream-source/stream-source.js';
import type { EventPrivacy } from '../transform/event-privacy.js';
import { eventDecoder } from '../transform/event-schema.js';
import { rowBuilder } from '../transform/event-to-row.js';
import { MessageContext } from './message-context.js';
import { dueNow } from './online-ends.js';

/** Bytes of a bad event kept in its dead letter. */
const deadLetterPayloadBytes = 64 * 1024;

/** What some records became: rows in columns, dead letters, and counts and positions per partition. */
export interface EventBatch {
  /** One array per column of `tableColumns(table)`. */
  readonly columns: unknown[][];
  /** Rows that go online at once; late ones and those dated in the future are left to materialize. */
  readonly onlineRows: number[];
  /** The greatest event time among them, microseconds; 0 when there are none. */
  newestOnlineUs: bigint;
  readonly deadLetters: DeadLetter[];
  readonly partitions: Map<number, { nextOffset: number; counts: Mutable<EventCounts> }>;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export const noEvents = (): Mutable<EventCounts> => ({ read: 0, written: 0, deadLetters: 0, dropped: 0, late: 0 });

/** Turns records into batches for one view; remembers how far event time has come in each partition, which decides what is late. */
export class EventBatcher {
  readonly #view: StreamFeatureView;
  readonly #schema: string[];
  readonly #eventColumn: number;
  readonly #decode: ReturnType<typeof eventDecoder>;
  readonly #build: ReturnType<typeof rowBuilder>;
  readonly #privacy: EventPrivacy | undefined;
  /** Microseconds, by partition. */
  readonly #newest: Map<number, bigint>;

  /** @param privacy of a view whose source has rules for personal data. */
  constructor(
    view: StreamFeatureView,
    table: FeatureTable,
    newest: ReadonlyMap<number, bigint>,
    privacy?: EventPrivacy | undefined,
  ) {
    this.#view = view;
    this.#privacy = privacy;
    this.#schema = Object.keys(tableColumns(table));
    this.#eventColumn = this.#schema.indexOf(eventTimestamp);
    this.#decode = eventDecoder(view.source);
    this.#build = rowBuilder(view);
    this.#newest = new Map(newest);
  }

  /** @param ingestTimeUs the batch's ingest time, the same for all of its rows. */
  batch(records: readonly StreamRecord[], ingestTimeUs: bigint): EventBatch {
    const batch: EventBatch = {
      columns: this.#schema.map(() => []),
      onlineRows: [],
      newestOnlineUs: 0n,
      deadLetters: [],
      partitions: new Map(),
    };
    const future = BigInt(dueNow().getTime()) * 1_000n;
    for (const [index, record] of records.entries()) {
      const partition = this.#partition(batch, record);
      partition.counts.read += 1;
      const reason = this.#add(batch, record, { ingestTimeUs, position: index });
      if (reason !== undefined) this.#bury(batch, record, reason);
      else this.#judge(batch, record, partition.counts, future);
    }
    return batch;
  }

  #partition(batch: EventBatch, record: StreamRecord) {
    let partition = batch.partitions.get(record.partition);
    if (partition === undefined) {
      partition = { nextOffset: record.nextOffset, counts: noEvents() };
      batch.partitions.set(record.partition, partition);
    }
    partition.nextOffset = record.nextOffset;
    return partition;
  }

  /** @returns why the record is no row; then nothing was added. */
  #add(
    { columns }: EventBatch,
    record: StreamRecord,
    ingest: { ingestTimeUs: bigint; position: number },
  ): string | undefined {
    if (record.oversized !== undefined) {
      return `the event has ${record.oversized} bytes, more than the ${limits.streamEventBytesMax} allowed`;
    }
    const decoded = this.#decode(record.value);
    if (!decoded.ok) return decoded.reason;
    this.#privacy?.treat(decoded.event);
    const origin = {
      ...ingest,
      topic: this.#view.source.topic,
      partition: record.partition,
      offset: record.offset,
    };
    return this.#build(decoded.event, columns, origin, new MessageContext(record, this.#privacy !== undefined));
  }

  /** Decides what becomes of the row just added: written, or late and by the view's choice dropped or set aside. */
  #judge(batch: EventBatch, record: StreamRecord, counts: Mutable<EventCounts>, future: bigint): void {
    const events = batch.columns[this.#eventColumn] as bigint[];
    const row = events.length - 1;
    const eventUs = events[row] as bigint;
    const newest = this.#newest.get(record.partition);
    const late = newest !== undefined && this.#isLate(eventUs, newest);
    // One event dated in the far future must not make all that follow late.
    if (eventUs <= future && (newest === undefined || eventUs > newest)) this.#newest.set(record.partition, eventUs);
    if (!late) {
      counts.written += 1;
      if (eventUs > future) return;
      batch.onlineRows.push(row);
      if (eventUs > batch.newestOnlineUs) batch.newestOnlineUs = eventUs;
      return;
    }
    counts.late += 1;
    if (this.#view.late === 'keep') {
      counts.written += 1;
      return;
    }
    for (const column of batch.columns) column.pop();
    if (this.#view.late === 'drop') counts.dropped += 1;
    else this.#bury(batch, record, 'late: older than the watermark');
  }

  #isLate(eventUs: bigint, newest: bigint): boolean {
    const { watermarkMs } = this.#view.source;
    return Number.isFinite(watermarkMs) && eventUs < newest - BigInt(watermarkMs) * 1_000n;
  }

  #bury(batch: EventBatch, { partition, offset, value }: StreamRecord, reason: string): void {
    const { payload, remark } =
      value === null || this.#privacy === undefined ? { payload: value, remark: '' } : this.#privacy.keep(value);
    batch.deadLetters.push({
      partition,
      offset,
      reason: remark === '' ? reason : `${reason}; ${remark}`,
      payload: payload?.subarray(0, deadLetterPayloadBytes) ?? null,
    });
    const counts = batch.partitions.get(partition)?.counts;
    if (counts !== undefined) counts.deadLetters += 1;
  }
}
