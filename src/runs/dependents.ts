import { createHash } from 'node:crypto';
import { limits } from '../config.js';
import type { Pipeline } from '../definitions/pipeline.js';
import type { Schedule } from '../definitions/schedule.js';
import type { Lake } from '../lake/index.js';
import type { DataInterval } from './interval.js';

/** A run to start because others published what it waits for. */
export interface Dispatch {
  readonly pipeline: Pipeline;
  /** The same for the same published runs: what was started once is not started again. */
  readonly id: string;
  readonly upstreamRun: string;
  readonly interval: DataInterval;
}

interface PublishedRun {
  readonly run_id: string;
  readonly pipeline: string;
  readonly interval_start: Date;
  readonly interval_end: Date;
  readonly published_at: Date;
}

type Pipelines = ReadonlyMap<string, Pipeline>;

/** The pipelines that run after one. */
export const dependentsOf = (pipelines: Pipelines, upstream: string): Pipeline[] =>
  [...pipelines.values()].filter(({ schedule }) => upstreamsOf(schedule).includes(upstream));

const upstreamsOf = (schedule: Schedule): readonly string[] => (schedule.type === 'after' ? schedule.pipelines : []);

/**
 * The runs that are due because of what was published and not started yet. A pipeline after several others is due for the interval
 * that one of them published, when the others published all of that interval too.
 * @param runId only because of this run; default: of any run that published lately, for what was missed.
 */
export async function dueDispatches(lake: Lake, pipelines: Pipelines, runId?: string): Promise<Dispatch[]> {
  const due: Dispatch[] = [];
  for (const run of await publishedRuns(lake, pipelines, runId)) {
    for (const pipeline of dependentsOf(pipelines, run.pipeline)) {
      const dispatch = await dispatchFor(lake, pipeline, run);
      if (dispatch !== undefined && !(await isDispatched(lake, dispatch))) due.push(dispatch);
    }
  }
  return due;
}

/** Keeps that a run was started. */
export async function recordDispatch(lake: Lake, dispatch: Dispatch, workflowId: string): Promise<void> {
  const { pipeline, id, upstreamRun, interval } = dispatch;
  await lake.transaction({ message: `start ${pipeline.name} after run ${upstreamRun}` }, async (session) => {
    const table = lake.system('dispatches');
    await session.run(
      `INSERT INTO ${table} SELECT $1, $2, $3, $4::TIMESTAMPTZ, $5::TIMESTAMPTZ, $6, now()
       WHERE NOT EXISTS (SELECT 1 FROM ${table} WHERE pipeline = $1 AND dispatch_id = $2)`,
      [pipeline.name, id, upstreamRun, interval.start, interval.end, workflowId],
    );
  });
}

async function isDispatched(lake: Lake, { pipeline, id }: Dispatch): Promise<boolean> {
  const found = await lake.one(`SELECT 1 FROM ${lake.system('dispatches')} WHERE pipeline = $1 AND dispatch_id = $2`, [
    pipeline.name,
    id,
  ]);
  return found !== undefined;
}

/** SQL of the runs all of whose views are in the outbox, or that were announced as a whole. */
const published = (lake: Lake): string => `
  SELECT o.run_id, o.pipeline, (e.detail->>'$.interval.start')::TIMESTAMPTZ AS interval_start,
    (e.detail->>'$.interval.end')::TIMESTAMPTZ AS interval_end, max(o.recorded_at) AS published_at
  FROM ${lake.system('outbox')} AS o JOIN ${lake.system('run_events')} AS e ON e.run_id = o.run_id AND e.event = 'opened'
  GROUP BY ALL
  HAVING bool_or(o.view_name IS NULL)
    OR count(DISTINCT o.view_name) >= coalesce(json_array_length(any_value(e.detail), '$.views'), 1000000)`;

async function publishedRuns(lake: Lake, pipelines: Pipelines, runId: string | undefined): Promise<PublishedRun[]> {
  const upstreams = new Set([...pipelines.values()].flatMap(({ schedule }) => upstreamsOf(schedule)));
  if (upstreams.size === 0) return [];
  const since = new Date(Date.now() - limits.outboxSweepMs);
  const runs = await lake.all<PublishedRun>(
    `SELECT * FROM (${published(lake)}) WHERE ($1 IS NULL OR run_id = $1) AND published_at > $2::TIMESTAMPTZ ORDER BY published_at`,
    [runId ?? null, since],
  );
  return runs.filter(({ pipeline }) => upstreams.has(pipeline));
}

async function dispatchFor(lake: Lake, pipeline: Pipeline, run: PublishedRun): Promise<Dispatch | undefined> {
  const interval = { start: run.interval_start, end: run.interval_end };
  if (!isWithin(pipeline, interval) || run.published_at < (await waitsSince(lake, pipeline, run.pipeline)))
    return undefined;
  const parts = [run.run_id];
  for (const upstream of upstreamsOf(pipeline.schedule)) {
    if (upstream === run.pipeline) continue;
    const covering = await coveringRuns(lake, upstream, interval);
    if (covering === undefined) return undefined;
    parts.push(...covering);
  }
  const id = createHash('sha256').update(parts.sort().join(' ')).digest('hex').slice(0, 12);
  return { pipeline, id, upstreamRun: run.run_id, interval };
}

const isWithin = ({ startAt, endAt }: Pipeline, { start, end }: DataInterval): boolean =>
  (startAt === undefined || end > new Date(startAt)) && (endAt === undefined || start < new Date(endAt));

/** The newest published runs of a pipeline that together cover an interval; `undefined` = a part of it is missing. */
async function coveringRuns(lake: Lake, pipeline: string, interval: DataInterval): Promise<string[] | undefined> {
  const runs = await lake.all<PublishedRun>(
    `SELECT * FROM (${published(lake)}) WHERE pipeline = $1
       AND interval_start < $3::TIMESTAMPTZ AND interval_end > $2::TIMESTAMPTZ
     QUALIFY row_number() OVER (PARTITION BY interval_start, interval_end ORDER BY published_at DESC) = 1
     ORDER BY interval_start, interval_end DESC`,
    [pipeline, interval.start, interval.end],
  );
  let reached = interval.start;
  for (const run of runs) {
    if (run.interval_start > reached) return undefined;
    if (run.interval_end > reached) reached = run.interval_end;
  }
  return reached >= interval.end ? runs.map(({ run_id }) => run_id) : undefined;
}

/** Since when a pipeline runs after another, as applied: what was published before is none of its business. */
async function waitsSince(lake: Lake, { name }: Pipeline, upstream: string): Promise<Date> {
  const versions = await lake.all<{ applied_at: Date; spec: string | null; removed: boolean }>(
    `SELECT applied_at, spec, removed FROM ${lake.system('registry_objects')} WHERE kind = 'pipeline' AND name = $1
     ORDER BY version DESC`,
    [name],
  );
  let since: Date | undefined;
  for (const { applied_at, spec, removed } of versions) {
    const schedule = removed || spec === null ? undefined : (JSON.parse(spec) as { schedule?: Schedule }).schedule;
    if (schedule === undefined || !upstreamsOf(schedule).includes(upstream)) break;
    since = applied_at;
  }
  return since ?? new Date(8.64e15);
}
