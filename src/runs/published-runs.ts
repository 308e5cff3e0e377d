import type { Lake } from '../lake/index.js';
import type { DataInterval } from './interval.js';

/** A run all of whose data is in the lake, as the outbox tells. */
export interface PublishedRun {
  readonly runId: string;
  readonly pipeline: string;
  readonly interval: DataInterval;
  readonly publishedAt: Date;
}

/** The published runs of some pipelines, the oldest first. */
export async function publishedRuns(lake: Lake, pipelines: Iterable<string>): Promise<PublishedRun[]> {
  const names = [...pipelines];
  if (names.length === 0) return [];
  const rows = await lake.all<{ run_id: string; pipeline: string; first: Date; last: Date; published_at: Date }>(
    `SELECT o.run_id, o.pipeline, (e.detail->>'$.interval.start')::TIMESTAMPTZ AS first,
       (e.detail->>'$.interval.end')::TIMESTAMPTZ AS last, max(o.recorded_at) AS published_at
     FROM ${lake.system('outbox')} AS o JOIN ${lake.system('run_events')} AS e ON e.run_id = o.run_id AND e.event = 'opened'
     WHERE o.pipeline IN (${names.map((_, i) => `$${i + 1}`).join(', ')})
     GROUP BY ALL
     HAVING bool_or(o.view_name IS NULL)
       OR count(DISTINCT o.view_name) >= nullif(json_array_length(any_value(e.detail), '$.views'), 0)
     ORDER BY published_at, o.run_id`,
    names,
  );
  return rows.map(({ run_id, pipeline, first, last, published_at }) => ({
    runId: run_id,
    pipeline,
    interval: { start: first, end: last },
    publishedAt: published_at,
  }));
}

/**
 * The newest of some runs of one pipeline that together cover an interval; `undefined` = a part of it is missing.
 * @param runs the oldest first.
 */
export function coveringRuns(runs: readonly PublishedRun[], { start, end }: DataInterval): PublishedRun[] | undefined {
  const newest = new Map<string, PublishedRun>();
  for (const run of runs) {
    if (run.interval.start >= end || run.interval.end <= start) continue;
    newest.set(`${run.interval.start.getTime()}/${run.interval.end.getTime()}`, run);
  }
  const found = [...newest.values()].sort((a, b) => a.interval.start.getTime() - b.interval.start.getTime());
  let reached = start.getTime();
  for (const { interval } of found) {
    if (interval.start.getTime() > reached) return undefined;
    reached = Math.max(reached, interval.end.getTime());
  }
  return reached >= end.getTime() ? found : undefined;
}
