import { limits } from '../config.js';
import { type FeatureTable, tableColumns } from '../definitions/feature-table.js';
import type { StreamFeatureView } from '../definitions/feature-view.js';
import { DataError, StoreUnavailableError } from '../errors.js';
import { ingestTimeUs } from '../offline-store/ingest-time.js';
import type { EventCounts, PartitionClaim } from '../offline-store/offline-store.js';
import { ensureSchema } from '../online-store/feature-schemas.js';
import type { StreamRecord, StreamSource } from '../stream-source/stream-source.js';
import type { EventPrivacy } from '../transform/event-privacy.js';
import { type EventBatch, EventBatcher, noEvents } from './event-batch.js';
import type { LiveEnd } from './online-ends.js';
import { packRows, type RowColumns } from './online-rows.js';
import type { Stores } from './stores.js';
import type { Holding } from './stream-claim.js';
import { writeOnlineOffset } from './stream-offsets.js';

/** How far a partition was read. What is behind is `end - next`: events in a broker's log, bytes in a file. */
export interface PartitionLag {
  /** Where reading goes on. */
  readonly next: number;
  /** Where the partition ends. */
  readonly end: number;
  /** Age of the last event read, by the broker's time, while there are more; 0 = nothing is behind, null = not known. */
  readonly lagSeconds?: number | null;
}

/** What one slice did. Small and plain: crosses to workflows. */
export interface SliceReport extends EventCounts {
  readonly online: { readonly written: number; readonly stale: number };
  readonly commits: number;
  /** Of the partitions held at the end. */
  readonly offsets: Readonly<Record<string, PartitionLag>>;
  readonly ended: 'end_of_topic' | 'slice' | 'stopped';
}

export interface SliceRequest {
  readonly view: StreamFeatureView;
  readonly table: FeatureTable;
  readonly source: StreamSource;
  /** Of a view whose source has rules for personal data. */
  readonly privacy?: EventPrivacy | undefined;
}

/** How often a busy consumer looks where the topic ends. */
const endsEveryMs = 1_000;

/** The state of one slice: claims that advance with each commit and change with the assignment, and counts. */
export class Slice {
  readonly #stores: Stores;
  readonly #request: SliceRequest;
  readonly #liveEnd: LiveEnd;
  #holding: Holding | undefined;
  #claims = new Map<number, PartitionClaim>();
  /** Microseconds. */
  #ingestedBefore = 0n;
  #batcher: EventBatcher;
  /** Of all partitions of the topic. */
  readonly #ends = new Map<number, number>();
  #endsReadAt = 0;
  #knowsEnds = false;
  /** When the last event read of a partition was sent, milliseconds. */
  readonly #sentAt = new Map<number, number>();
  readonly #readTo = new Map<number, number>();
  readonly #counts = noEvents();
  readonly #online = { written: 0, stale: 0 };
  #commits = 0;
  #finishing: Promise<void> = Promise.resolve();

  constructor(stores: Stores, request: SliceRequest, liveEnd: LiveEnd) {
    this.#stores = stores;
    this.#request = request;
    this.#liveEnd = liveEnd;
    this.#batcher = new EventBatcher(request.view, request.table, new Map(), request.privacy);
  }

  /** Whether it ever held partitions, or knew that it had none. */
  get isBegun(): boolean {
    return this.#holding !== undefined;
  }

  /** What it reads from now on. */
  hold(holding: Holding): void {
    this.#holding = holding;
    this.#claims = new Map(holding.claims.map((claim) => [claim.partition, claim]));
    const { view, table, privacy } = this.#request;
    this.#batcher = new EventBatcher(view, table, holding.newest, privacy);
    for (const { partition, nextOffset, newestIngestUs = 0n } of holding.claims) {
      if (newestIngestUs > this.#ingestedBefore) this.#ingestedBefore = newestIngestUs;
      // Where somebody else read on meanwhile, the last event is no longer one of this consumer.
      if (this.#readTo.get(partition) !== nextOffset) this.#sentAt.delete(partition);
    }
  }

  /** It holds nothing until the next assignment is taken over. */
  letGo(): void {
    this.#claims.clear();
    this.#finishing = Promise.resolve();
  }

  async apply(records: readonly StreamRecord[]): Promise<void> {
    const { table, source } = this.#request;
    const batch = this.#batcher.batch(records, ingestTimeUs(this.#ingestedBefore));
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
    for (const { partition, timestampMs } of records) {
      if (timestampMs !== undefined) this.#sentAt.set(partition, timestampMs);
    }
    for (const { claim, nextOffset, counts } of progress) {
      this.#claims.set(claim.partition, { ...claim, nextOffset });
      this.#readTo.set(claim.partition, nextOffset);
      for (const name of Object.keys(counts) as (keyof EventCounts)[]) this.#counts[name] += counts[name];
    }
    await this.settle();
    this.#finishing = this.#finish(batch, snapshot, this.#holding as Holding);
    this.#finishing.catch(() => undefined);
    this.#judgeDeadLetters();
  }

  /** Waits until what was committed is online. */
  settle(): Promise<void> {
    return this.#finishing;
  }

  async #finish(batch: EventBatch, snapshot: number, holding: Holding): Promise<void> {
    const { view, source } = this.#request;
    if (view.online) await this.#writeOnline(batch, snapshot, holding);
    const positions = new Map([...batch.partitions].map(([partition, { nextOffset }]) => [partition, nextOffset]));
    // A hint: the broker may refuse it, because the partition is another's by now, without any harm.
    await source.commitHint(positions).catch(() => undefined);
  }

  /** Looks where the topic ends: at once, or now and then for those who watch. */
  async readEnds(atOnce: boolean): Promise<void> {
    if (!atOnce && Date.now() - this.#endsReadAt < endsEveryMs) return;
    try {
      for (const { partition, end } of await this.#request.source.topicRanges()) this.#ends.set(partition, end);
      this.#knowsEnds = true;
    } catch (error) {
      // Reading itself tells when the broker stays away.
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.#knowsEnds = false;
    }
    this.#endsReadAt = Date.now();
  }

  /** Whether all of the topic was read: by this consumer as it knows, by the others of its group as the lake says. */
  async isTopicAtEnd(): Promise<boolean> {
    const isRead = (next: (partition: number) => number | undefined): boolean =>
      [...this.#ends].every(([partition, end]) => (next(partition) ?? end) >= end);
    if (!this.#knowsEnds || !isRead((partition) => this.#claims.get(partition)?.nextOffset)) return false;
    if (this.#claims.size >= this.#ends.size) return true;
    const { table, source } = this.#request;
    const progress = await this.#stores.offline.partitionProgress(table, source.topic);
    return isRead((partition) => (this.#claims.get(partition) ?? progress.get(partition))?.nextOffset ?? 0);
  }

  report(ended: SliceReport['ended']): SliceReport {
    const offsets = Object.fromEntries([...this.#claims.values()].map((claim) => [claim.partition, this.#lag(claim)]));
    return { ...this.#counts, online: { ...this.#online }, commits: this.#commits, offsets, ended };
  }

  #lag({ partition, nextOffset: next }: PartitionClaim): PartitionLag {
    const end = Math.max(next, this.#ends.get(partition) ?? 0);
    const sentAt = this.#sentAt.get(partition);
    if (end === next) return { next, end, lagSeconds: 0 };
    return { next, end, lagSeconds: sentAt === undefined ? null : Math.max(0, Date.now() - sentAt) / 1_000 };
  }

  async #writeOnline(batch: EventBatch, snapshot: number, holding: Holding): Promise<void> {
    const { online } = this.#stores;
    const { table, source } = this.#request;
    const { topicId, incarnation } = holding;
    if (batch.onlineRows.length > 0) {
      await this.#liveEnd.cover(batch.newestOnlineUs);
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
      mend: `\`asof stream dead-letters ${view.name}\` shows them with their reasons; take the events' newer fields and types into the source's event (nullable() for what may be missing) and apply, or mend the producer, then start the stream again`,
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
