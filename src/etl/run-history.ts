import type { Lake } from '../lake/index.js';
import { type DataInterval, Runs } from '../runs/index.js';

/** What a run is responsible for; `undefined` when nobody recorded the run. */
export async function intervalOf(lake: Lake, runId: string): Promise<DataInterval | undefined> {
  const run = await new Runs(lake).find(runId);
  return run === undefined ? undefined : { start: new Date(run.interval.start), end: new Date(run.interval.end) };
}

interface AcceptedBefore {
  readonly runId: string;
  readonly view: string;
  readonly pipeline: string;
  readonly table: string;
  /** Of this run. */
  readonly interval: DataInterval | undefined;
}

/**
 * How many rows the last accepted runs of a pipeline brought for a view: those that published into its present table, of each
 * interval the newest, and not the interval of this run. The newest first.
 */
export async function lastAcceptedRows(
  lake: Lake,
  { runId, view, pipeline, table, interval }: AcceptedBefore,
  runs: number,
): Promise<number[]> {
  const rows = await lake.all<{ n: bigint }>(
    `WITH accepted AS (
       SELECT v.recorded_at, coalesce(x.checked, (v.profile->>'$.rows')::BIGINT) AS n,
         (e.detail->>'$.interval.start')::TIMESTAMPTZ AS first, (e.detail->>'$.interval.end')::TIMESTAMPTZ AS last
       FROM ${lake.system('validation_results')} AS v
       JOIN ${lake.system('run_events')} AS e ON e.run_id = v.run_id AND e.event = 'opened' AND e.pipeline = $3
       LEFT JOIN (
         SELECT run_id, max(checked) AS checked FROM ${lake.system('expectation_results')} WHERE view_name = $2 GROUP BY run_id
       ) AS x ON x.run_id = v.run_id
       WHERE v.view_name = $2 AND v.run_id <> $1 AND v.quality <> 'failed' AND v.run_id IN (
         SELECT coalesce(provenance->>'$.exploredBy', run_id) FROM ${lake.system('publications')} WHERE table_name = $4
       )
       QUALIFY row_number() OVER (PARTITION BY first, last ORDER BY v.recorded_at DESC) = 1
     )
     SELECT n FROM accepted WHERE NOT (first = $5::TIMESTAMPTZ AND last = $6::TIMESTAMPTZ)
     ORDER BY recorded_at DESC LIMIT ${Math.trunc(runs)}`,
    [runId, view, pipeline, table, interval?.start ?? new Date(0), interval?.end ?? new Date(0)],
  );
  return rows.map(({ n }) => Number(n));
}
