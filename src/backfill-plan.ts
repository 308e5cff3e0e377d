import { limits } from './config.js';
import { checkArgs, type Json, type Pipeline, pipelineNamed } from './definitions/index.js';
import type { FeatureStore } from './feature-store.js';
import { type IsRunning, statusesOf } from './pipeline-intervals.js';
import {
  type AskedRange,
  type DataInterval,
  type IntervalStatus,
  intervalsOf,
  rangeAfter,
  type WholeRange,
  wholeRange,
} from './runs/index.js';

/**
 * Which intervals a backfill runs: `missing` those that no run completed (with rows in the present tables) and none is at work
 * on; `failed` those whose last run failed, was cancelled or got lost; `all` every one.
 */
export type BackfillOnly = 'missing' | 'failed' | 'all';

export interface BackfillRequest extends AskedRange {
  readonly pipeline: string;
  readonly only: BackfillOnly;
  readonly newestFirst?: boolean | undefined;
  readonly args?: Readonly<Record<string, Json>> | undefined;
}

export interface BackfillPlan extends WholeRange {
  readonly pipeline: Pipeline;
  /** How many intervals it runs. */
  readonly total: number;
  /** How many intervals have which status now. */
  readonly statuses: Readonly<Partial<Record<IntervalStatus['status'], number>>>;
  /** Whether each run gets its interval as the window of its arguments. */
  readonly windowed: boolean;
}

/** Intervals to run, in order, and the range to go on with; none = that was all. */
export interface BackfillPage {
  readonly intervals: readonly DataInterval[];
  readonly rest: AskedRange | undefined;
}

/**
 * What a backfill would do.
 * @throws DefinitionError for a pipeline that is unknown, has no intervals, or takes other arguments; for a range that is none.
 */
export async function planBackfill(
  store: FeatureStore,
  request: BackfillRequest,
  isRunning?: IsRunning,
): Promise<BackfillPlan> {
  const pipeline = pipelineNamed(store.repo.pipelines, request.pipeline);
  const range = wholeRange(pipeline, request, new Date());
  const windowed = isWindowed(pipeline, request.args);
  const window = { start: range.from.toISOString(), end: range.to.toISOString() };
  checkArgs(pipeline, windowed ? { ...request.args, ...window } : request.args);
  const statuses: Partial<Record<IntervalStatus['status'], number>> = {};
  let total = 0;
  if (range.count > 0)
    for await (const found of statusesInChunks(store, pipeline, range, false, isRunning)) {
      for (const interval of found) {
        statuses[interval.status] = (statuses[interval.status] ?? 0) + 1;
        if (isMeant(interval, request.only)) total += 1;
      }
    }
  return { ...range, pipeline, total, statuses, windowed };
}

/** The next intervals to run of what is left of a backfill's range. */
export async function nextIntervals(
  store: FeatureStore,
  { pipeline: name, only, newestFirst = false, ...range }: BackfillRequest,
  isRunning?: IsRunning,
): Promise<BackfillPage> {
  const pipeline = pipelineNamed(store.repo.pipelines, name);
  const intervals: DataInterval[] = [];
  if (range.from >= range.to) return { intervals, rest: undefined };
  for await (const found of statusesInChunks(store, pipeline, range, newestFirst, isRunning)) {
    for (const interval of found) {
      if (!isMeant(interval, only)) continue;
      const { start, end } = interval;
      intervals.push({ start, end });
      if (intervals.length < limits.backfillPage) continue;
      const { from, to, everyMs } = rangeAfter(range, interval, newestFirst);
      return { intervals, rest: from < to ? { from, to, everyMs } : undefined };
    }
  }
  return { intervals, rest: undefined };
}

/** Rows come online by window: a run for an interval of the past, that only looked at what changed, would do nothing. */
const isWindowed = ({ workflow, args: own }: Pipeline, args: Readonly<Record<string, Json>> = {}): boolean =>
  workflow === 'materializeOfflineToOnline' && { ...own, ...args }['full'] !== true;

function isMeant({ status, isThere }: IntervalStatus, only: BackfillOnly): boolean {
  if (only === 'all') return true;
  return only === 'failed' ? status === 'failed' : !isThere && status !== 'running';
}

async function* statusesInChunks(
  store: FeatureStore,
  pipeline: Pipeline,
  range: AskedRange,
  newestFirst: boolean,
  isRunning: IsRunning | undefined,
): AsyncGenerator<IntervalStatus[]> {
  const read = async (chunk: DataInterval[]): Promise<IntervalStatus[]> => {
    const found = await statusesOf(store, pipeline, newestFirst ? chunk.reverse() : chunk, isRunning);
    return newestFirst ? found.reverse() : found;
  };
  let chunk: DataInterval[] = [];
  for (const interval of intervalsOf(pipeline, range, { newestFirst })) {
    chunk.push(interval);
    if (chunk.length < limits.backfillStatusesAtOnce) continue;
    yield await read(chunk);
    chunk = [];
  }
  if (chunk.length > 0) yield await read(chunk);
}
