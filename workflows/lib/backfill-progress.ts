/** [start, end) of one run, ISO times. */
export interface Interval {
  readonly start: string;
  readonly end: string;
}

export type BackfillEnd = 'completed' | 'failed' | 'stopped' | 'cancelled';
export type BackfillStatus = 'running' | 'paused' | 'stopping' | BackfillEnd;

/**
 * How the run of an interval ended; `skipped` = it is somebody else's; `refused` = the definitions must be mended, for this run as for
 * all that follow.
 */
export type Outcome =
  | { readonly ended: 'done' }
  | { readonly ended: 'failed' | 'skipped' | 'refused'; readonly why: string };

/** An interval that has no data now, and why. */
export interface Unfinished extends Interval {
  readonly why: string;
}

/** Where a backfill stands: the answer to the query `backfill`. */
export interface BackfillState {
  readonly pipeline: string;
  readonly status: BackfillStatus;
  /** Why it paused by itself. */
  readonly reason?: string | undefined;
  /** The whole range. */
  readonly range: Interval;
  readonly parallel: number;
  readonly counts: BackfillCounts;
  /** Intervals at work. */
  readonly current: readonly Interval[];
  /** The first that failed. */
  readonly failures: readonly Unfinished[];
  /** The first that were left to somebody else's run. */
  readonly skips: readonly Unfinished[];
  readonly perMinute: number | undefined;
  readonly secondsLeft: number | undefined;
}

export interface BackfillCounts {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
  readonly running: number;
}

/** What a new execution of the workflow goes on with. */
export interface Tally {
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly Unfinished[];
  readonly skips: readonly Unfinished[];
  /** Time at work, without pauses, up to `since`. */
  readonly workedMs: number;
}

export const nothingYet: Tally = { done: 0, failed: 0, skipped: 0, failures: [], skips: [], workedMs: 0 };

const examplesMax = 20;
const whyMax = 160;

/** Counts how one interval ended. */
export function count(tally: Tally, interval: Interval, outcome: Outcome): Tally {
  if (outcome.ended === 'done') return { ...tally, done: tally.done + 1 };
  const [why = ''] = outcome.why.split('\n');
  const as = outcome.ended === 'skipped' ? 'skipped' : 'failed';
  const examples = as === 'failed' ? 'failures' : 'skips';
  return {
    ...tally,
    [as]: tally[as] + 1,
    [examples]: [...tally[examples], { ...interval, why: why.slice(0, whyMax) }].slice(0, examplesMax),
  };
}

export const ended = ({ done, failed, skipped }: Pick<Tally, 'done' | 'failed' | 'skipped'>): number =>
  done + failed + skipped;

/** How fast it goes and how long it takes, by what was done so far. */
export function pace(tally: Tally, total: number): Pick<BackfillState, 'perMinute' | 'secondsLeft'> {
  const done = ended(tally);
  if (done === 0 || tally.workedMs <= 0) return { perMinute: undefined, secondsLeft: undefined };
  const perMs = done / tally.workedMs;
  return {
    perMinute: Math.round(perMs * 60_000 * 10) / 10,
    secondsLeft: Math.ceil(Math.max(0, total - done) / perMs / 1_000),
  };
}

/** For the Web UI. */
export function describeBackfill(state: BackfillState): string {
  const { counts, status, reason, parallel, current, failures, skips, perMinute, secondsLeft } = state;
  const speed = perMinute === undefined ? '' : `, ${perMinute} per minute, ${duration(secondsLeft ?? 0)} left`;
  const table = (title: string, rows: readonly Unfinished[]): string[] =>
    rows.length === 0
      ? []
      : ['', `| ${title} | why |`, '|---|---|', ...rows.map(({ start, end, why }) => `| ${start}/${end} | ${why} |`)];
  return [
    ...(reason === undefined ? [] : [`**paused by itself:** ${reason}`, '']),
    `**${status}**: ${ended(counts)} of ${counts.total} intervals${speed}; ${parallel} at once`,
    '',
    '| done | failed | skipped | at work |',
    '|---|---|---|---|',
    `| ${counts.done} | ${counts.failed} | ${counts.skipped} | ${counts.running} |`,
    ...(current.length === 0
      ? []
      : [
          '',
          `**now:** ${current
            .slice(0, 10)
            .map(({ start, end }) => `${start}/${end}`)
            .join(', ')}`,
        ]),
    ...table('failed', failures),
    ...table('skipped', skips),
  ].join('\n');
}

const duration = (seconds: number): string =>
  seconds < 120
    ? `${seconds} s`
    : seconds < 7_200
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3_600)} h`;
