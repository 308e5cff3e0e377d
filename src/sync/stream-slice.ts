import { limits } from '../config.js';
import { type FeatureTable, tableColumns } from '../definitions/feature-table.js';
import type { StreamFeatureView } from '../definitions/feature-view.js';
import { DataError } from '../errors.js';
import { ingestTimeUs } from '../offline-store/ingest-time.js';
import type { EventCounts, PartitionClaim } from '../offline-store/offline-store.js';
import { ensureSchema } from '../online-store/feature-schemas.js';
import type { StreamRecord, StreamSource } from '../stream-source/stream-source.js';
import { type EventBatch, EventBatcher, noEvents } from './event-batch.js';
import type { LiveEnd } from './online-ends.js';
import { packRows, type RowColumns } from './online-rows.js';
import type { Stores } from './stores.js';
import { writeOnlineOffset } from './stream-offsets.js';

/** What one slice did. Small and plain: crosses to workflows. */
export interface SliceReport extends EventCounts {
  readonly online: { readonly written: number; readonly stale: number };
  readonly commits: number;
  /** By partition: where reading goes on, and where the topic ends. */
  readonly offsets: Readonly<Record<string, { readonly next: number; readonly end: number }>>;
  readonly ended: 'end_of_topic' | 'slice' | 'stopped';
}

export interface SliceRequest {
  readonly view: StreamFeatureView;
  readonly table: FeatureTable;
  readonly source: StreamSource;
}

/** How often a busy consumer looks where the topic ends. */
const endsEveryMs = 1_000;

export interface SliceFacts {
  readonly topicId: string;
  /** Of the online rows; noted with the offsets. */
  readonly incarnation: string;
  readonly liveEnd: LiveEnd;
  readonly claims: readonly PartitionClaim[];
  /** Microseconds, by partition. */
  readonly newest: ReadonlyMap<number, bigint>;
}

/** The state of one slice: claims that advance with each commit, and counts. */
export class Slice {
  readonly #stores: Stores;
  readonly #request: SliceRequest;
  readonly #facts: SliceFacts;
  readonly #claims: Map<number, PartitionClaim>;
  readonly #batcher: EventBatcher;
  readonly #ends = new Map<number, number>();
  #endsReadAt = 0;
  readonly #counts = noEvents();
  readonly #online = { written: 0, stale: 0 };
  #commits = 0;
  #finishing: Promise<void> = Promise.resolve();

  constructor(stores: Stores, request: SliceRequest, facts: SliceFacts) {
    this.#stores = stores;
    this.#request = request;
    this.#facts = facts;
    this.#claims = new Map(facts.claims.map((claim) => [claim.partition, claim]));
    this.#batcher = new EventBatcher(request.view, request.table, facts.newest);
  }

  async apply(records: readonly StreamRecord[]): Promise<void> {
    const { table, source } = this.#request;
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
    await this.settle();
    this.#finishing = this.#finish(batch, snapshot);
    this.#finishing.catch(() => undefined);
    this.#judgeDeadLetters();
  }

  /** Waits until what was committed is online. */
  settle(): Promise<void> {
    return this.#finishing;
  }

  async #finish(batch: EventBatch, snapshot: number): Promise<void> {
    const { view, source } = this.#request;
    if (view.online) await this.#writeOnline(batch, snapshot);
    await source.commitHint(
      new Map([...batch.partitions].map(([partition, { nextOffset }]) => [partition, nextOffset])),
    );
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
