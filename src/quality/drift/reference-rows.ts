import { type DriftReference, describeReference } from '../../definitions/expectations.js';
import { eventTimestamp, type FeatureTable, tableName } from '../../definitions/feature-table.js';
import { id, type Lake, type StatementOptions } from '../../lake/index.js';
import type { Sample } from './samples.js';

/** Rows of the view's history, read and not copied, so that what is deleted there is no part of a reference either. */
export interface ReferenceRows {
  /** As a person would write it. */
  readonly name: string;
  readonly detail: string;
  /** `undefined` when there are none to compare with. */
  readonly sample: Sample | undefined;
  /** Whether it is at fault that there are no rows, and how to mend it; else there is only nothing yet. */
  readonly mend: string | undefined;
}

/** The run that asks, which may be tried again after it wrote down what it found, and its view. */
export interface ReferenceOf {
  readonly table: FeatureTable;
  readonly runId: string;
  readonly snapshot: number;
}

/** What a reference is made of at a snapshot. */
export async function findReference(
  lake: Lake,
  against: DriftReference,
  of: ReferenceOf,
  options: StatementOptions = {},
): Promise<ReferenceRows> {
  const name = describeReference(against);
  const history = `${lake.table(tableName(of.table))} AT (VERSION => ${of.snapshot})`;
  const within = (from: string, end: '<' | '<=', to: string): Sample => ({
    from: (first) =>
      `(SELECT * FROM ${history} WHERE ${id(eventTimestamp)} >= $${first}::TIMESTAMPTZ AND ${id(eventTimestamp)} ${end} $${first + 1}::TIMESTAMPTZ)`,
    values: [from, to],
  });
  if (against.kind === 'window') {
    const { from, to } = against;
    const detail = `event times from ${from} to ${to}`;
    const sample = within(from, '<', to);
    // By the window alone most files of the history need not be read.
    const inside = await lake.one(`SELECT 1 AS found FROM ${sample.from(1)} LIMIT 1`, sample.values, options);
    if (inside !== undefined) return { name, detail, sample, mend: undefined };
    const span = await lake.one<{ first: string | null; last: string | null }>(
      `SELECT min(${id(eventTimestamp)})::VARCHAR AS first, max(${id(eventTimestamp)})::VARCHAR AS last FROM ${history}`,
      [],
      options,
    );
    if (span === undefined || span.first === null)
      return { name, detail: `${detail}: the view has no history yet`, sample: undefined, mend: undefined };
    return {
      name,
      detail: `${detail}: no rows`,
      sample: undefined,
      mend: `set the window within the event times that the view has, ${span.first} to ${span.last}`,
    };
  }
  const run = await lastAccepted(lake, of, options);
  if (run === undefined) return { name, detail: 'no run was accepted yet', sample: undefined, mend: undefined };
  const detail = `run ${run.runId}: event times from ${run.from} to ${run.to}`;
  return { name, detail, sample: within(run.from, '<=', run.to), mend: undefined };
}

/** The newest other run that had rows of the view and published them, its checks passed or warned; its own result or one it took over. */
async function lastAccepted(
  lake: Lake,
  { table, runId }: ReferenceOf,
  options: StatementOptions,
): Promise<{ runId: string; from: string; to: string } | undefined> {
  const times = `(SELECT c FROM (SELECT unnest(CASE WHEN json_valid(v.profile) THEN json_extract(v.profile, '$.columns[*]') END) AS c)
    WHERE json_extract_string(c, '$.name') = '${eventTimestamp}')`;
  const row = await lake.one<{ run_id: string; first: string; last: string }>(
    `SELECT run_id, json_extract_string(times, '$.min') AS first, json_extract_string(times, '$.max') AS last FROM (
       SELECT v.run_id, v.recorded_at, ${times} AS times FROM ${lake.system('validation_results')} AS v
       WHERE v.view_name = $1 AND v.run_id <> $2 AND v.quality <> 'failed' AND EXISTS (
         SELECT 1 FROM ${lake.system('publications')} AS p WHERE p.table_name = $3
           AND (p.run_id = v.run_id OR json_extract_string(p.provenance, '$.exploredBy') = v.run_id)))
     WHERE json_extract_string(times, '$.min') IS NOT NULL ORDER BY recorded_at DESC LIMIT 1`,
    [table.view, runId, tableName(table)],
    options,
  );
  return row === undefined ? undefined : { runId: row.run_id, from: row.first, to: row.last };
}
