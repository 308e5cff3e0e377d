import type { Lake, SqlValue } from '../lake/index.js';
import type { RunStatus } from './run-record.js';

/** Which runs are meant; a field that is left out lets all pass. */
export interface RunFilter {
  readonly pipeline?: string | undefined;
  readonly tag?: string | undefined;
  readonly view?: string | undefined;
  readonly status?: RunStatus | undefined;
  /** The data interval reaches beyond this time. */
  readonly from?: Date | undefined;
  /** The data interval begins before this time. */
  readonly to?: Date | undefined;
  /** Default: 50. */
  readonly limit?: number | undefined;
}

/** The newest first. The lake does the choosing, so that many thousands of records are no matter. */
export async function findRunIds(
  lake: Lake,
  { pipeline, tag, view, status, from, to, limit = 50 }: RunFilter,
): Promise<string[]> {
  const table = lake.system('run_events');
  const values: SqlValue[] = [];
  const given = (value: SqlValue | undefined, condition: (parameter: string) => string): string =>
    value === undefined ? '' : `AND ${condition(`$${values.push(value)}`)}`;
  const among = (path: string) => (parameter: string) =>
    `list_contains(json_extract_string(opened.detail, '$.${path}[*]'), ${parameter})`;
  const rows = await lake.all<{ run_id: string }>(
    `SELECT opened.run_id FROM ${table} AS opened
     LEFT JOIN ${table} AS closed ON closed.run_id = opened.run_id AND closed.event = 'closed'
     WHERE opened.event = 'opened'
       ${given(pipeline, (name) => `opened.pipeline = ${name}`)}
       ${given(status, (wanted) => `coalesce(json_extract_string(closed.detail, '$.status'), 'running') = ${wanted}`)}
       ${given(view, among('views'))}
       ${given(tag, among('tags'))}
       ${given(from?.toISOString(), (time) => `json_extract_string(opened.detail, '$.interval.end') > ${time}`)}
       ${given(to?.toISOString(), (time) => `json_extract_string(opened.detail, '$.interval.start') < ${time}`)}
     GROUP BY opened.run_id ORDER BY min(opened.recorded_at) DESC, opened.run_id
     LIMIT ${Math.max(0, Math.trunc(limit))}`,
    values,
  );
  return rows.map((row) => row.run_id);
}

/** The newest run of every pipeline that ever ran. */
export async function latestRunIds(lake: Lake): Promise<string[]> {
  const rows = await lake.all<{ run_id: string }>(
    `SELECT run_id FROM ${lake.system('run_events')} WHERE event = 'opened'
     QUALIFY row_number() OVER (PARTITION BY pipeline ORDER BY recorded_at DESC, run_id) = 1`,
  );
  return rows.map((row) => row.run_id);
}

/** Runs that did a run again, the oldest first. */
export async function retryIds(lake: Lake, runId: string): Promise<string[]> {
  const rows = await lake.all<{ run_id: string }>(
    `SELECT run_id FROM ${lake.system('run_events')}
     WHERE event = 'opened' AND json_extract_string(detail, '$.retryOf.runId') = $1
     GROUP BY run_id ORDER BY min(recorded_at), run_id`,
    [runId],
  );
  return rows.map((row) => row.run_id);
}

/** Where the oldest data interval that a pipeline ran for begins. */
export async function firstStart(lake: Lake, pipeline: string): Promise<Date | undefined> {
  const found = await lake.one<{ first: string | null }>(
    `SELECT min(json_extract_string(detail, '$.interval.start')) AS first FROM ${lake.system('run_events')}
     WHERE event = 'opened' AND pipeline = $1`,
    [pipeline],
  );
  return found?.first == null ? undefined : new Date(found.first);
}
