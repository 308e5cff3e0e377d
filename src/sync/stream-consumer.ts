import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../config.js';
import type { FeatureTable } from '../definitions/feature-table.js';
import type { StreamFeatureView } from '../definitions/feature-view.js';
import { DataError, FencedError } from '../errors.js';
import type { Lake } from '../lake/index.js';
import type { ClaimRequest } from '../offline-store/offline-store.js';
import { keyOf } from '../personal-data/index.js';
import type { StreamRecord, StreamSource } from '../stream-source/stream-source.js';
import { type EventPrivacy, eventPrivacy } from '../transform/event-privacy.js';
import { LiveEnd } from './online-ends.js';
import type { Stores } from './stores.js';
import { assignedNow, claimAssigned } from './stream-claim.js';
import { Slice, type SliceReport } from './stream-slice.js';

export interface ConsumeRequest {
  readonly view: StreamFeatureView;
  readonly table: FeatureTable;
  readonly source: StreamSource;
  /** A file of this consumer's own, for catching up. */
  readonly file: string;
  /** The slice ends after this long; 0 = at once when nothing is left. */
  readonly sliceMs: number;
  /** Ends the slice when every partition of the topic was read to its end, by this consumer or others of its group. */
  readonly untilEnd?: boolean | undefined;
  /** Goes on after events that are gone from the topic; the gap is recorded. */
  readonly acceptGap?: boolean | undefined;
  /** For which run, and by what its rows are made. */
  readonly consumer?: ClaimRequest['consumer'];
  /** Aborting ends the slice after the batch at work; what was read is committed. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: SliceReport) => void) | undefined;
}

/** Between two looks at something that tells nobody when it changes. */
const pauseMs = 50;

/**
 * Feeds both stores from a stream for a while (design §4, "Stream"). Each micro-batch commits rows, dead letters and offsets in one
 * transaction of the lake, then writes online, then notes the offset online: wherever it is killed, the next consumer goes on
 * without a row lost or doubled. As a member of a group it follows its assignments: what was read under an earlier one is committed
 * as long as nobody else took the partitions over, and read again by whoever did.
 * @throws DefinitionError when personal data is to be hashed and the key is missing or another one.
 * @throws FencedError when another consumer took the partitions over, other than by a new assignment.
 * @throws DataError when events were lost unread, or more than limits.deadLetterShareMax of them are unusable; what was read
 * before is committed.
 */
export async function consumeStream(stores: Stores, request: ConsumeRequest): Promise<SliceReport> {
  const { source, signal } = request;
  const liveEnd = new LiveEnd(stores.online, request.table.view);
  const slice = new Slice(stores, { ...request, privacy: await privacyOf(stores.lake, request.view) }, liveEnd);
  const endsAt = Date.now() + request.sliceMs;
  /** The assignment under which this consumer was fenced off before. */
  let fencedUnder: number | undefined;
  for (;;) {
    let holds: number | undefined;
    let isReading = false;
    try {
      const assigned = await assignedNow(source, signal);
      holds = assigned.assignment;
      slice.hold(await claimAssigned(stores, request, liveEnd, assigned));
      isReading = true;
      const ending = await readOn(slice, request, { assignment: holds, endsAt });
      if (ending !== 'reassigned') return slice.report(ending);
      fencedUnder = undefined;
    } catch (error) {
      if (signal?.aborted === true && slice.isBegun) return slice.report('stopped');
      const isFenced = error instanceof FencedError;
      // Partitions that are another's by now can't be claimed or sought as they were; what is read wrongly stays wrong.
      if (holds === undefined || !(isFenced || (error instanceof DataError && !isReading))) throw error;
      const isReassigned = isFenced ? await isAssignedAnew(source, holds, signal) : source.assignment !== holds;
      // Unchanged: whoever took over did so by an assignment that was over, and is gone. It can't happen a second time.
      if (!isReassigned && (!isFenced || holds === 0 || fencedUnder === holds)) throw error;
      fencedUnder = isFenced && !isReassigned ? holds : undefined;
    }
    slice.letGo();
  }
}

/** What the source's rules for personal data ask for. @throws DefinitionError without a key, or with one that is not the project's. */
const privacyOf = async (lake: Lake, { source }: StreamFeatureView): Promise<EventPrivacy | undefined> =>
  eventPrivacy(source, await keyOf(lake, source.pii, `kafkaSource "${source.name}"`));

/** In a group a member learns last that its partitions went to another one, which may have claimed them already. */
async function isAssignedAnew(source: StreamSource, assignment: number, signal?: AbortSignal): Promise<boolean> {
  const until = Date.now() + limits.streamFencedWaitMs;
  while (assignment !== 0 && source.assignment === assignment && Date.now() < until && signal?.aborted !== true) {
    await sleep(pauseMs);
  }
  return source.assignment !== assignment;
}

/**
 * Reads one micro-batch while the one before is committed, and commits one while the one before is written online.
 * @returns why it ended; `reassigned` when there are other partitions to read now.
 */
async function readOn(
  slice: Slice,
  request: ConsumeRequest,
  { assignment, endsAt }: { assignment: number; endsAt: number },
): Promise<SliceReport['ended'] | 'reassigned'> {
  const { source, signal, sliceMs, onProgress } = request;
  const untilEnd = request.untilEnd === true || sliceMs === 0;
  let reading = collect(source, assignment, signal);
  try {
    for (;;) {
      const records = await reading;
      const ended = signal?.aborted === true ? 'stopped' : sliceMs > 0 && Date.now() >= endsAt ? 'slice' : undefined;
      const ending = ended ?? (source.assignment === assignment ? undefined : 'reassigned');
      if (ending === undefined) {
        reading = collect(source, assignment, signal);
        // Awaited by the next turn; only a rejection that nobody awaits yet must not end the process.
        reading.catch(() => undefined);
      }
      if (records.length > 0) await slice.apply(records);
      else await slice.settle();
      if (ending !== 'reassigned') await slice.readEnds(records.length === 0 && (untilEnd || ending !== undefined));
      if (ending !== undefined || (records.length === 0 && untilEnd && (await slice.isTopicAtEnd()))) {
        await slice.settle();
        return ending ?? 'end_of_topic';
      }
      onProgress?.(slice.report('slice'));
    }
  } finally {
    // The caller closes source and stores: nothing may still be at work on them.
    await Promise.allSettled([reading, slice.settle()]);
  }
}

/** A micro-batch: full, or what came within the time one batch may wait, or until the assignment changes. */
async function collect(
  source: StreamSource,
  assignment: number,
  signal: AbortSignal | undefined,
): Promise<StreamRecord[]> {
  const records: StreamRecord[] = [];
  let bytes = 0;
  const until = Date.now() + limits.streamBatchWaitMs;
  const isOver = (): boolean => signal?.aborted === true || source.assignment !== assignment;
  for (;;) {
    const waitMs = until - Date.now();
    const rowsMax = limits.streamBatchRowsMax - records.length;
    const bytesMax = limits.streamBatchBytesMax - bytes;
    if (waitMs <= 0 || rowsMax <= 0 || bytesMax <= 0 || isOver()) return records;
    const more = await source.poll({ rowsMax, bytesMax, waitMs, signal }).catch((error: unknown) => {
      // What was read before the consumer was told to stop is still committed.
      if (signal?.aborted === true) return [];
      throw error;
    });
    for (const record of more) {
      records.push(record);
      bytes += record.value?.length ?? 0;
    }
    // A member without partitions is told at once that there is nothing, and should not ask all the time.
    while (more.length === 0 && Date.now() < until && !isOver()) await sleep(Math.min(pauseMs, until - Date.now()));
  }
}
