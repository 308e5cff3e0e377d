import { type BackfillOnly, nextIntervals as readNext } from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';
import { isRunning } from './lib/is-running.js';

export interface IntervalText {
  readonly start: string;
  readonly end: string;
}

export interface NextIntervalsInput {
  readonly pipeline: string;
  /** What is left of the backfill's range. */
  readonly range: IntervalText;
  readonly everyMs?: number | undefined;
  readonly only: BackfillOnly;
  readonly reverse: boolean;
}

/** The next intervals a backfill runs, a page of them. */
export async function nextIntervals({ store }: ActivityDeps, input: NextIntervalsInput) {
  const { pipeline, range, everyMs, only, reverse } = input;
  const asked = { pipeline, from: new Date(range.start), to: new Date(range.end), everyMs, only, newestFirst: reverse };
  const { intervals, rest } = await readNext(store, asked, isRunning);
  const text = ({ start, end }: { start: Date; end: Date }): IntervalText => ({
    start: start.toISOString(),
    end: end.toISOString(),
  });
  return {
    intervals: intervals.map(text),
    rest: rest === undefined ? undefined : text({ start: rest.from, end: rest.to }),
  };
}
