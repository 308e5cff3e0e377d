import type { Lake } from '../lake/index.js';
import type { DataInterval } from './interval.js';

/** A run all of whose data is in the lake, as the outbox tells; or a release from quarantine, of rows that runs of an interval set aside. */
export interface PublishedRun {
  readonly runId: string;
  /** Another for each publication: a release may be of several pipelines and intervals. */
  readonly id: string;
  readonly pipeline: string;
  readonly interval: DataInterval;
  readonly publishedAt: Date;
}

/** What was published of some pipelines, the oldest first. */
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
  const runs = rows.map(({ run_id, pipeline, first, last, published_at }) => ({
    runId: run_id,
    id: run_id,
    pipeline,
    interval: { start: first, end: last },
    publishedAt: published_at,
  }));
  const released = (await releases(lake, names)).flatMap((release) => {
    const publishedAt = sinceWhole(release, runs);
    return publishedAt === undefined ? [] : [{ ...release, publishedAt }];
  });
  return [...runs, ...released].sort(
    (a, b) => a.publishedAt.getTime() - b.publishedAt.getTime() || (a.id < b.id ? -1 : 1),
  );
}

/** Told by the decisions about the rows, which are committed with them. */
async function releases(lake: Lake, pipelines: readonly string[]): Promise<PublishedRun[]> {
  const rows = await lake.all<{ decided_by: string; pipeline: string; first: Date; last: Date; at: Date }>(
    `SELECT decided_by, pipeline, interval_start AS first, interval_end AS last, max(decided_at) AS at
     FROM ${lake.system('quarantine')}
     WHERE state = 'released' AND interval_start IS NOT NULL AND pipeline IN (${pipelines.map((_, i) => `$${i + 1}`).join(', ')})
     GROUP BY ALL`,
    pipelines,
  );
  return rows.map(({ decided_by, pipeline, first, last, at }) => ({
    runId: decided_by,
    id: `${decided_by} ${first.toISOString()} ${last.toISOString()}`,
    pipeline,
    interval: { start: first, end: last },
    publishedAt: at,
  }));
}

/**
 * Since when a release counts: a pipeline that waits for an interval waits for all of it, so not before runs had published the rest.
 * @param runs the oldest first.
 */
function sinceWhole(
  { pipeline, interval, publishedAt }: PublishedRun,
  runs: readonly PublishedRun[],
): Date | undefined {
  const own = runs.filter((run) => run.pipeline === pipeline);
  const times = [publishedAt, ...own.map((run) => run.publishedAt).filter((at) => at > publishedAt)];
  return times.find(
    (time) =>
      coveringRuns(
        own.filter((run) => run.publishedAt <= time),
        interval,
      ) !== undefined,
  );
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
