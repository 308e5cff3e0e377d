import { limits } from '../config.js';
import { eventTimestamp, type FeatureTable, tableColumns, tableName } from '../definitions/feature-table.js';
import type { StreamFeatureView } from '../definitions/feature-view.js';
import { DataError } from '../errors.js';
import { ingestTimeUs } from '../offline-store/ingest-time.js';
import type { EventCounts, PartitionClaim } from '../offline-store/offline-store.js';
import { ensureSchema } from '../online-store/feature-schemas.js';
import type { StreamRecord, StreamSource } from '../stream-source/stream-source.js';
import { catchUp } from './catch-up.js';
import { type EventBatch, EventBatcher, noEvents } from './event-batch.js';
import { dueNow, LiveEnd } from './online-ends.js';
import { packRows, type RowColumns } from './online-rows.js';
import type { Stores } from './stores.js';
import { writeOnlineOffset } from './stream-offsets.js';

export interface ConsumeRequest {
  readonly view: StreamFeatureView;
  readonly table: FeatureTable;
  readonly source: StreamSource;
  /** A file of this consumer's own, for catching up. */
  readonly file: string;
  /** The slice ends after this long; 0 = at once when nothing is left. */
  readonly sliceMs: number;
  /** Ends the slice when every partition was read to its end. */
  readonly untilEnd?: boolean | undefined;
  /** Goes on after events that are gone from the topic; the gap is recorded. */
  readonly acceptGap?: boolean | undefined;
  /** Aborting ends the slice after the batch at work; what was read is committed. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: SliceReport) => void) | undefined;
}

/** What one slice did. Small and plain: crosses to workflows. */
export interface SliceReport extends EventCounts {
  readonly online: { readonly written: number; readonly stale: number };
  readonly commits: number;
  /** By partition: where reading goes on, and where the topic ends. */
  readonly offsets: Readonly<Record<string, { readonly next: number; readonly end: number }>>;
  readonly ended: 'end_of_topic' | 'slice' | 'stopped';
}

/**
 * Feeds both stores from a stream for a while (design §4, "Stream"). Each micro-batch commits rows, dead letters and offsets in one
 * transaction of the lake, then writes online, then notes the offset online: wherever it is killed, the next consumer goes on
 * without a row lost or doubled.
 * @throws FencedError when another consumer took the partitions over.
 * @throws DataError when events were lost unread, or more than limits.deadLetterShareMax of them are unusable; what was read
 * before is committed.
 */
export async function consumeStream(stores: Stores, request: ConsumeRequest): Promise<SliceReport> {
  const { view, table, source, signal } = request;
  const ranges = await source.partitions();
  const topicId = await source.topicId();
  const { topic } = source;
  const claims = await stores.offline.claimPartitions({
    table,
    topic,
    topicId,
    ranges,
    acceptGap: request.acceptGap ?? false,
  });
  const liveEnd = new LiveEnd(stores.online, table.view);
  const incarnation = view.online
    ? await catchUp(stores, { table, topic, topicId, claims, liveEnd, file: request.file, signal })
    : '';
  await source.seek(new Map(claims.map((claim) => [claim.partition, claim.nextOffset])));

  const newest = await newestEvents(stores, table, topic, claims);
  const slice = new Slice(stores, request, { topicId, incarnation, liveEnd, claims, newest });
  const endsAt = Date.now() + request.sliceMs;
  const untilEnd = request.untilEnd === true || request.sliceMs === 0;
  for (;;) {
    if (signal?.aborted === true) return slice.report('stopped');
    if (Date.now() >= endsAt && request.sliceMs > 0) return slice.report('slice');
    const records = await collect(source, signal);
    if (records.length > 0) await slice.apply(records);
    await slice.readEnds(records.length === 0);
    if (records.length === 0 && untilEnd && slice.isAtEnd()) return slice.report('end_of_topic');
    request.onProgress?.(slice.report('slice'));
  }
}

/**
 * How far event time has come in each partition, microseconds. Where one event of the past is dated in the future the newest other one
 * is looked for: that event must not make all that follow late.
 */
async function newestEvents(
  { lake }: Stores,
  table: FeatureTable,
  topic: string,
  claims: readonly PartitionClaim[],
): Promise<Map<number, bigint>> {
  const due = dueNow();
  const newest = new Map<number, bigint>();
  for (const { partition, newestEventUs } of claims) {
    const found =
      newestEventUs === undefined || newestEventUs <= BigInt(due.getTime()) * 1_000n
        ? newestEventUs
        : (
            await lake.one<{ us: bigint | null }>(
              `SELECT epoch_us(max(${eventTimestamp})) AS us FROM ${lake.table(tableName(table))}
               WHERE _topic = $1 AND _partition = $2 AND ${eventTimestamp} <= $3::TIMESTAMPTZ`,
              [topic, partition, due],
            )
          )?.us;
    if (found != null) newest.set(partition, found);
  }
  return newest;
}

/** A micro-batch: full, or what came within the time one batch may wait. */
async function collect(source: StreamSource, signal: AbortSignal | undefined): Promise<StreamRecord[]> {
  const records: StreamRecord[] = [];
  let bytes = 0;
  const until = Date.now() + limits.streamBatchWaitMs;
  for (;;) {
    const waitMs = until - Date.now();
    const rowsMax = limits.streamBatchRowsMax - records.length;
    const bytesMax = limits.streamBatchBytesMax - bytes;
    if (waitMs <= 0 || rowsMax <= 0 || bytesMax <= 0 || signal?.aborted === true) return records;
    const more = await source.poll({ rowsMax, bytesMax, waitMs, signal }).catch((error: unknown) => {
      // What was read before the consumer was told to stop is still committed.
      if (signal?.aborted === true) return [];
      throw error;
    });
    for (const record of more) {
      records.push(record);
      bytes += record.value?.length ?? 0;
    }
  }
}

/** How often a busy consumer looks where the topic ends. */
const endsEveryMs = 1_000;

interface SliceFacts {
  readonly topicId: string;
  /** Of the online rows; noted with the offsets. */
  readonly incarnation: string;
  readonly liveEnd: LiveEnd;
  readonly claims: readonly PartitionClaim[];
  /** Microseconds, by partition. */
  readonly newest: ReadonlyMap<number, bigint>;
}

/** The state of one slice: claims that advance with each commit, and counts. */
class Slice {
  readonly #stores: Stores;
  readonly #request: ConsumeRequest;
  readonly #facts: SliceFacts;
  readonly #claims: Map<number, PartitionClaim>;
  readonly #batcher: EventBatcher;
  readonly #ends = new Map<number, number>();
  #endsReadAt = 0;
  readonly #counts = noEvents();
  readonly #online = { written: 0, stale: 0 };
  #commits = 0;

  constructor(stores: Stores, request: ConsumeRequest, facts: SliceFacts) {
    this.#stores = stores;
    this.#request = request;
    this.#facts = facts;
    this.#claims = new Map(facts.claims.map((claim) => [claim.partition, claim]));
    this.#batcher = new EventBatcher(request.view, request.table, facts.newest);
  }

  async apply(records: readonly StreamRecord[]): Promise<void> {
    const { view, table, source } = this.#request;
    const batch = this.#batcher.batch(records, ingestTimeUs());
    const progress = [...batch.partitions].map(([partition, { nextOffset, counts }]) => ({
      claim: this.#claims.get(partition) as PartitionClaim,
      nextOffset,
      counts,
    }));
    const { snapshot } = await this.#stores.offline.appendStreamBatch({
      table,
      topic: source.topic,
      progress,
      columns: batch.columns,
      deadLetters: batch.deadLetters,
    });
    this.#commits += 1;
    for (const { claim, nextOffset, counts } of progress) {
      this.#claims.set(claim.partition, { ...claim, nextOffset });
      for (const name of Object.keys(counts) as (keyof EventCounts)[]) this.#counts[name] += counts[name];
    }
    if (view.online) await this.#writeOnline(batch, snapshot);
    await source.commitHint(new Map(progress.map(({ claim, nextOffset }) => [claim.partition, nextOffset])));
    this.#judgeDeadLetters();
  }

  /** Looks where the topic ends: at once, or now and then for those who watch. */
  async readEnds(atOnce: boolean): Promise<void> {
    if (!atOnce && Date.now() - this.#endsReadAt < endsEveryMs) return;
    for (const { partition, end } of await this.#request.source.partitions()) this.#ends.set(partition, end);
    this.#endsReadAt = Date.now();
  }

  isAtEnd(): boolean {
    return [...this.#claims.values()].every(
      ({ partition, nextOffset }) => nextOffset >= (this.#ends.get(partition) ?? 0),
    );
  }

  report(ended: SliceReport['ended']): SliceReport {
    const offsets = Object.fromEntries(
      [...this.#claims].map(([partition, { nextOffset }]) => {
        return [partition, { next: nextOffset, end: Math.max(nextOffset, this.#ends.get(partition) ?? 0) }];
      }),
    );
    return { ...this.#counts, online: { ...this.#online }, commits: this.#commits, offsets, ended };
  }

  async #writeOnline(batch: EventBatch, snapshot: number): Promise<void> {
    const { online } = this.#stores;
    const { table, source } = this.#request;
    const { topicId, incarnation, liveEnd } = this.#facts;
    if (batch.onlineRows.length > 0) {
      await liveEnd.cover(batch.newestOnlineUs);
      const schema = await ensureSchema(online, table);
      const columns = onlineColumns(table, batch);
      const { written, stale } = await online.writeNewer(
        table,
        packRows(table, columns, { schema, committed: snapshot, reflects: 0 }),
      );
      this.#online.written += written;
      this.#online.stale += stale;
    }
    for (const [partition, { nextOffset }] of batch.partitions) {
      await writeOnlineOffset(online, table.view, source.topic, partition, { topicId, nextOffset, incarnation });
    }
  }

  #judgeDeadLetters(): void {
    const { view, source } = this.#request;
    const { read, deadLetters, late } = this.#counts;
    // Late events that the view sets aside by its own choice could have been used.
    const unusable = view.late === 'dead_letter' ? deadLetters - late : deadLetters;
    if (read < limits.deadLetterShareJudgedFrom || unusable / read <= limits.deadLetterShareMax) return;
    throw new DataError(`${unusable} of ${read} events could not be used`, {
      where: `view ${view.name}, topic ${source.topic}`,
      mend: `\`asof stream dead-letters ${view.name}\` shows them with their reasons; mend the producer or the event's schema, then start the stream again`,
    });
  }
}

/** The rows of a batch that go online at once. */
function onlineColumns(table: FeatureTable, { columns, onlineRows }: EventBatch): RowColumns {
  const names = Object.keys(tableColumns(table));
  const all = onlineRows.length === columns[0]?.length;
  const column = (name: string): unknown[] => {
    const values = columns[names.indexOf(name)] ?? [];
    return all ? values : onlineRows.map((row) => values[row]);
  };
  return {
    keys: Object.keys(table.joinKeys).map(column),
    event: column('event_timestamp') as bigint[],
    created: column('created_timestamp') as (bigint | null)[],
    features: Object.keys(table.features).map(column),
    ingestTime: column('_ingest_time') as bigint[],
    ingestPosition: column('_ingest_position') as number[],
  };
}
