import { createHash } from 'node:crypto';
import { limits } from '../config.js';
import type { Pipeline } from '../definitions/pipeline.js';
import type { Schedule } from '../definitions/schedule.js';
import type { Lake } from '../lake/index.js';
import type { DataInterval } from './interval.js';
import { coveringRuns, type PublishedRun, publishedRuns } from './published-runs.js';

/** A run to start because others published what it waits for. */
export interface Dispatch {
  readonly pipeline: Pipeline;
  /** The same for the same published runs: what was started once is not started again. */
  readonly id: string;
  readonly upstreamRun: string;
  readonly interval: DataInterval;
}

type Pipelines = ReadonlyMap<string, Pipeline>;

/** The pipelines that run after one. */
export const dependentsOf = (pipelines: Pipelines, upstream: string): Pipeline[] =>
  [...pipelines.values()].filter(({ schedule }) => upstreamsOf(schedule).includes(upstream));

const upstreamsOf = (schedule: Schedule): readonly string[] => (schedule.type === 'after' ? schedule.pipelines : []);

/**
 * The runs that are due because of what was published and not started yet. A pipeline after several others is due for the interval
 * that one of them published, when the others had published all of that interval before: so whoever asks, and whenever, comes to
 * the same runs.
 */
export async function dueDispatches(lake: Lake, pipelines: Pipelines): Promise<Dispatch[]> {
  const downstreams = [...pipelines.values()].filter(({ schedule }) => schedule.type === 'after');
  const published = await publishedRuns(lake, new Set(downstreams.flatMap(({ schedule }) => upstreamsOf(schedule))));
  const lately = new Date(Date.now() - limits.outboxSweepMs);
  const started = await dispatchedSince(lake, lately);
  const due: Dispatch[] = [];
  for (const pipeline of downstreams) {
    for (const upstream of upstreamsOf(pipeline.schedule)) {
      const since = await waitsSince(lake, pipeline, upstream);
      const news = published.filter(
        (run) => run.pipeline === upstream && run.publishedAt >= since && run.publishedAt > lately,
      );
      for (const run of news) {
        const dispatch = dispatchFor(pipeline, run, published);
        if (dispatch === undefined || started.has(`${pipeline.name} ${dispatch.id}`)) continue;
        started.add(`${pipeline.name} ${dispatch.id}`);
        due.push(dispatch);
      }
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

/** `<pipeline> <id>` of what was started; what was published lately was not started before. */
async function dispatchedSince(lake: Lake, since: Date): Promise<Set<string>> {
  const rows = await lake.all<{ pipeline: string; dispatch_id: string }>(
    `SELECT pipeline, dispatch_id FROM ${lake.system('dispatches')} WHERE recorded_at > $1::TIMESTAMPTZ`,
    [since],
  );
  return new Set(rows.map((row) => `${row.pipeline} ${row.dispatch_id}`));
}

function dispatchFor(pipeline: Pipeline, run: PublishedRun, published: readonly PublishedRun[]): Dispatch | undefined {
  const { interval, runId, publishedAt } = run;
  if (!isWithin(pipeline, interval)) return undefined;
  const parts = [run.id];
  for (const upstream of upstreamsOf(pipeline.schedule)) {
    if (upstream === run.pipeline) continue;
    const before = published.filter((other) => other.pipeline === upstream && other.publishedAt <= publishedAt);
    const covering = coveringRuns(before, interval);
    if (covering === undefined) return undefined;
    parts.push(...covering.map((other) => other.id));
  }
  const id = createHash('sha256').update(parts.sort().join(' ')).digest('hex').slice(0, 12);
  return { pipeline, id, upstreamRun: runId, interval };
}

const isWithin = ({ startAt, endAt }: Pipeline, { start, end }: DataInterval): boolean =>
  (startAt === undefined || end > new Date(startAt)) && (endAt === undefined || start < new Date(endAt));

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
