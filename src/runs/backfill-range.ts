import { limits } from '../config.js';
import type { Pipeline } from '../definitions/pipeline.js';
import { DefinitionError } from '../errors.js';
import type { DataInterval } from './interval.js';
import { intervalsBetween, periodicSchedule } from './intervals.js';

/** A stretch of time as it was asked for: [from, to), in the pipeline's own intervals or in windows of one length. */
export interface AskedRange {
  readonly from: Date;
  readonly to: Date;
  /** Length of the windows, counted from `from`; default: the pipeline's intervals. */
  readonly everyMs?: number | undefined;
}

export interface WholeRange extends AskedRange {
  /** How many intervals lie in it. */
  readonly count: number;
  /** Where it was cut, and why; for people. */
  readonly notes: readonly string[];
}

type Timed = Pick<Pipeline, 'name' | 'schedule' | 'startAt' | 'endAt'>;

/** The intervals of a range, as they are asked for. To go on from one: {@link rangeAfter}. */
export function intervalsOf(
  pipeline: Timed,
  { from, to, everyMs }: AskedRange,
  { newestFirst = false }: { newestFirst?: boolean } = {},
): Iterable<DataInterval> {
  return everyMs === undefined
    ? intervalsBetween(pipeline, from, to, { newestFirst })
    : windows(from.getTime(), to.getTime(), everyMs, newestFirst);
}

function* windows(from: number, to: number, everyMs: number, newestFirst: boolean): Generator<DataInterval> {
  const count = Math.ceil((to - from) / everyMs);
  for (let i = 0; i < count; i += 1) {
    const start = from + (newestFirst ? count - 1 - i : i) * everyMs;
    yield { start: new Date(start), end: new Date(Math.min(start + everyMs, to)) };
  }
}

/** What is left of a range once its intervals up to and with this one were taken. */
export const rangeAfter = (range: AskedRange, taken: DataInterval, newestFirst: boolean): AskedRange =>
  newestFirst ? { ...range, to: taken.start } : { ...range, from: taken.end };

/**
 * Cuts what was asked for to whole intervals that have ended, and tells what it cut.
 * @throws DefinitionError for a range that ends before it begins, lies outside the pipeline's `startAt` and `endAt`, or has more
 * intervals than anybody means; for a pipeline without intervals.
 */
export function wholeRange(pipeline: Timed, asked: AskedRange, now: Date): WholeRange {
  const where = `pipeline "${pipeline.name}"`;
  if (asked.everyMs === undefined) periodicSchedule(pipeline);
  if (asked.from >= asked.to) {
    throw new DefinitionError(`the range ends (${time(asked.to)}) before it begins (${time(asked.from)})`, {
      where,
      mend: 'swap --from and --to; --to is not part of the range',
    });
  }
  if (asked.everyMs === undefined) checkSpan(pipeline, asked, where);
  const notes: string[] = [];
  const ended = { ...asked, to: asked.to > now ? now : asked.to };
  if (asked.to > now) notes.push(`--to ${time(asked.to)} is still to come: intervals that have ended are taken`);
  let count = 0;
  let [first, last]: (DataInterval | undefined)[] = [];
  for (const interval of ended.from < ended.to ? intervalsOf(pipeline, ended) : []) {
    first ??= interval;
    last = interval;
    count += 1;
    if (count > limits.backfillIntervalsMax) {
      throw new DefinitionError(`there are more than ${limits.backfillIntervalsMax} intervals in that range`, {
        where,
        mend: 'take a shorter range, one after the other',
      });
    }
  }
  if (first === undefined || last === undefined) return { ...asked, count: 0, notes };
  if (first.start > asked.from)
    notes.push(`--from ${time(asked.from)} is cut to the first whole interval, ${time(first.start)}`);
  if (last.end < ended.to && asked.to <= now)
    notes.push(`--to ${time(asked.to)} is cut to the end of the last whole interval, ${time(last.end)}`);
  return { ...asked, from: first.start, to: last.end, count, notes };
}

function checkSpan({ startAt, endAt }: Timed, { from, to }: AskedRange, where: string): void {
  if (startAt !== undefined && to <= new Date(startAt)) {
    throw new DefinitionError(`the range ends (${time(to)}) before the pipeline starts (${startAt})`, {
      where,
      mend: 'set its startAt back, or take a later range',
    });
  }
  if (endAt !== undefined && from >= new Date(endAt)) {
    throw new DefinitionError(`the range begins (${time(from)}) after the pipeline has ended (${endAt})`, {
      where,
      mend: 'set its endAt later, or take an earlier range',
    });
  }
}

const time = (at: Date): string => at.toISOString().replace('.000Z', 'Z');
