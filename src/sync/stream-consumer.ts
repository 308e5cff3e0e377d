import { limits } from '../config.js';
import type { FeatureTable } from '../definitions/feature-table.js';
import type { StreamFeatureView } from '../definitions/feature-view.js';
import type { StreamRecord, StreamSource } from '../stream-source/stream-source.js';
import { catchUp } from './catch-up.js';
import { newestEvents } from './newest-events.js';
import { LiveEnd } from './online-ends.js';
import type { Stores } from './stores.js';
import { Slice, type SliceReport } from './stream-slice.js';

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
  return readOn(slice, request);
}

/** Reads one micro-batch while the one before is committed, and commits one while the one before is written online. */
async function readOn(slice: Slice, request: ConsumeRequest): Promise<SliceReport> {
  const { source, signal, sliceMs, onProgress } = request;
  const endsAt = Date.now() + sliceMs;
  const untilEnd = request.untilEnd === true || sliceMs === 0;
  let reading = collect(source, signal);
  try {
    for (;;) {
      const records = await reading;
      const ended = signal?.aborted === true ? 'stopped' : sliceMs > 0 && Date.now() >= endsAt ? 'slice' : undefined;
      if (ended === undefined) {
        reading = collect(source, signal);
        // Awaited by the next turn; only a rejection that nobody awaits yet must not end the process.
        reading.catch(() => undefined);
      }
      if (records.length > 0) await slice.apply(records);
      else await slice.settle();
      await slice.readEnds(records.length === 0);
      const atEnd = records.length === 0 && untilEnd && slice.isAtEnd();
      if (ended !== undefined || atEnd) {
        await slice.settle();
        return slice.report(ended ?? 'end_of_topic');
      }
      onProgress?.(slice.report('slice'));
    }
  } finally {
    // The caller closes source and stores: nothing may still be at work on them.
    await Promise.allSettled([reading, slice.settle()]);
  }
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
