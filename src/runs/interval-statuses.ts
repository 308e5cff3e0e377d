import type { Lake } from '../lake/index.js';
import type { DataInterval } from './interval.js';
import type { LeaseHolder } from './lease.js';

/**
 * What the run records say of an interval: `done`, `running`, `failed` (or cancelled, or lost) last; `missing` without any run;
 * `invalid` when it was done, but a view has begun a new table since, which lacks its rows.
 */
export type IntervalState = 'done' | 'running' | 'failed' | 'missing' | 'invalid';

export interface IntervalStatus extends DataInterval {
  readonly status: IntervalState;
  /** Whether a run completed it whose rows are in the present tables; it may have failed again since. */
  readonly isThere: boolean;
  /** The run that the status is of. */
  readonly run: { readonly runId: string; readonly workflowId: string } | undefined;
}

export interface StatusRequest {
  readonly pipeline: string;
  /** One after the other, the oldest first. */
  readonly intervals: readonly DataInterval[];
  /** View → the version of the registry with which its present table began. */
  readonly tablesSince: ReadonlyMap<string, number>;
  /** Of runs whose records don't say; older records name none. */
  readonly views: readonly string[];
  /** Whether a run without an end in its record is still alive; default: it is. */
  readonly isRunning?: ((holder: LeaseHolder) => Promise<boolean>) | undefined;
}

interface RunRow {
  readonly run_id: string;
  readonly workflow_id: string;
  readonly starts: string;
  readonly ends: string;
  readonly version: number;
  readonly views: readonly string[] | null;
  readonly status: string | null;
}

/**
 * The status of each interval by the run records, in one query. A run counts for every interval that lies whole in its own; one at
 * work also for those it touches.
 */
export async function intervalStatuses(lake: Lake, request: StatusRequest): Promise<IntervalStatus[]> {
  const { intervals, isRunning = async () => true } = request;
  const [first, last] = [intervals[0], intervals.at(-1)];
  if (first === undefined || last === undefined) return [];
  const found: { -readonly [K in keyof IntervalStatus]: IntervalStatus[K] }[] = intervals.map(({ start, end }) => ({
    start,
    end,
    status: 'missing',
    isThere: false,
    run: undefined,
  }));
  for (const row of await runsWithin(lake, request.pipeline, first.start, last.end)) {
    const interval = { start: new Date(row.starts), end: new Date(row.ends) };
    const holder = { runId: row.run_id, workflowId: row.workflow_id, interval };
    const atWork = row.status === null && (await isRunning(holder));
    const state = atWork ? 'running' : row.status === 'completed' ? endedAs(row, request) : 'failed';
    const [from, to] = atWork ? touched(intervals, interval) : covered(intervals, interval);
    for (const status of found.slice(from, to)) {
      if (state === 'done') status.isThere = true;
      if (status.status === 'running') continue;
      status.status = state;
      status.run = { runId: row.run_id, workflowId: row.workflow_id };
    }
  }
  return found;
}

/** The oldest first. ISO times of one form are in order as texts. */
const runsWithin = (lake: Lake, pipeline: string, from: Date, to: Date): Promise<RunRow[]> =>
  lake.all<RunRow>(
    `WITH opened AS (
       SELECT run_id, workflow_id, recorded_at, json_extract_string(detail, '$.interval.start') AS starts,
         json_extract_string(detail, '$.interval.end') AS ends, json_extract(detail, '$.registryVersion')::DOUBLE AS version,
         json_extract_string(detail, '$.views[*]') AS views
       FROM ${lake.system('run_events')} WHERE event = 'opened' AND pipeline = $1),
     closed AS (
       SELECT run_id, json_extract_string(detail, '$.status') AS status
       FROM ${lake.system('run_events')} WHERE event = 'closed' AND pipeline = $1)
     SELECT run_id, workflow_id, starts, ends, version, views, status FROM opened LEFT JOIN closed USING (run_id)
     WHERE starts < $3 AND ends > $2 ORDER BY recorded_at, run_id`,
    [pipeline, from.toISOString(), to.toISOString()],
  );

function endedAs({ version, views }: RunRow, request: StatusRequest): 'done' | 'invalid' {
  const named = views === null || views.length === 0 ? request.views : views;
  return named.every((view) => version >= (request.tablesSince.get(view) ?? 0)) ? 'done' : 'invalid';
}

/** The intervals that lie whole in a stretch of time: from, and up to but without. */
const covered = (intervals: readonly DataInterval[], { start, end }: DataInterval): [number, number] => [
  firstWhere(intervals, (interval) => interval.start >= start),
  firstWhere(intervals, (interval) => interval.end > end),
];

const touched = (intervals: readonly DataInterval[], { start, end }: DataInterval): [number, number] => [
  firstWhere(intervals, (interval) => interval.end > start),
  firstWhere(intervals, (interval) => interval.start >= end),
];

/** Of intervals in order: below it the condition does not hold, from it on it does. */
function firstWhere(intervals: readonly DataInterval[], holds: (interval: DataInterval) => boolean): number {
  let [low, high] = [0, intervals.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(intervals[middle] as DataInterval)) high = middle;
    else low = middle + 1;
  }
  return low;
}
