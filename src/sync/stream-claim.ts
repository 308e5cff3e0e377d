import type { PartitionBeginning, PartitionClaim } from '../offline-store/offline-store.js';
import type { PartitionRange, StreamSource, StreamStart } from '../stream-source/stream-source.js';
import { catchUp } from './catch-up.js';
import { newestEvents } from './newest-events.js';
import type { LiveEnd } from './online-ends.js';
import type { Stores } from './stores.js';
import type { ConsumeRequest } from './stream-consumer.js';

/** What a consumer holds under one assignment: partitions it may write, both stores in agreement, the source at its place. */
export interface Holding {
  readonly assignment: number;
  readonly topicId: string;
  /** Of the online rows; noted with the offsets. */
  readonly incarnation: string;
  readonly claims: readonly PartitionClaim[];
  /** How far event time has come, microseconds, by partition. */
  readonly newest: ReadonlyMap<number, bigint>;
}

/** The partitions of a consumer, and the assignment they are surely of. */
export interface Assigned {
  readonly assignment: number;
  readonly ranges: readonly PartitionRange[];
}

/** Waits for the first assignment of a group, unless it is stopped. */
export async function assignedNow(source: StreamSource, signal: AbortSignal | undefined): Promise<Assigned> {
  for (;;) {
    const before = source.assignment;
    const ranges = await orAborted(source.partitions(), signal);
    // Waiting for the first assignment changes it as well; asking again is cheap.
    if (source.assignment === before) return { assignment: before, ranges };
  }
}

/**
 * Takes the partitions over: a new epoch for each, the online rows brought to where the lake is, the source sought there.
 * @throws DataError, FencedError also when the assignment changes meanwhile: then there is another one to take over.
 */
export async function claimAssigned(
  stores: Stores,
  request: ConsumeRequest,
  liveEnd: LiveEnd,
  { assignment, ranges }: Assigned,
): Promise<Holding> {
  const { view, table, source, signal } = request;
  const { topic } = source;
  const topicId = await source.topicId();
  // More members than partitions: this one waits for an assignment with some.
  if (ranges.length === 0) return { assignment, topicId, incarnation: '', claims: [], newest: new Map() };
  const claims = await stores.offline.claimPartitions({
    table,
    topic,
    topicId,
    ranges,
    acceptGap: request.acceptGap ?? false,
    consumer: request.consumer,
    beginnings: await beginnings(source, view.source.start),
  });
  const incarnation = view.online
    ? await catchUp(stores, { table, topic, topicId, claims, liveEnd, file: request.file, signal })
    : '';
  await source.seek(new Map(claims.map((claim) => [claim.partition, claim.nextOffset])));
  return { assignment, topicId, incarnation, claims, newest: await newestEvents(stores, table, topic, claims) };
}

async function beginnings(source: StreamSource, start: StreamStart): Promise<PartitionBeginning[]> {
  const ranges = await source.topicRanges();
  if (typeof start === 'object') {
    const offsets = await source.offsetsAt(start.timestamp);
    return ranges.map(({ partition, end }) => {
      const offset = offsets.get(partition) ?? end;
      return { partition, offset, offsetLater: offset };
    });
  }
  // A partition that was added while the stream was followed has only events the view is waiting for.
  return ranges.map(({ partition, start: first, end }) => ({
    partition,
    offset: start === 'latest' ? end : first,
    offsetLater: first,
  }));
}

/** A member of a group may wait long for its first partitions; whoever stops it does not. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  // Only one of both is looked at.
  work.catch(() => undefined);
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
