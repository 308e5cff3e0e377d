import type { Lake, Session, SqlValue } from '../lake/index.js';
import { type ExpectationResult, type ExpectationStatus, type ReportData, statusOf } from '../quality/index.js';

interface JudgedRun {
  readonly runId: string;
  readonly pipeline: string;
  readonly view: string;
  readonly interval: ReportData['interval'];
}

const fields =
  'run_id, pipeline, view_name, interval_start, interval_end, "position", expectation, rule, "columns", severity, status, checked, failed, observed, note, recorded_at';

/** Keeps what a run found, one row per expectation, in place of what the same run found before. */
export async function recordExpectations(
  session: Session,
  lake: Lake,
  { runId, pipeline, view, interval }: JudgedRun,
  results: readonly ExpectationResult[],
): Promise<void> {
  const table = lake.system('expectation_results');
  await session.run(`DELETE FROM ${table} WHERE run_id = $1 AND view_name = $2`, [runId, view]);
  if (results.length === 0) return;
  const values: SqlValue[] = [];
  const bind = (value: SqlValue): string => `$${values.push(value)}`;
  const times = [interval?.start, interval?.end];
  const run = [...[runId, pipeline, view].map(bind), ...times.map((time) => `${bind(time)}::TIMESTAMPTZ`)].join(', ');
  const rows = results.map((result, position) => {
    const { expectation, rule, columns, severity, checked, failed, observed, note, error } = result;
    const own = [position, expectation, rule, JSON.stringify(columns), severity, statusOf(result), checked, failed];
    return `(${run}, ${[...own, JSON.stringify(observed), error?.reason ?? note].map(bind).join(', ')}, now())`;
  });
  await session.run(`INSERT INTO ${table} (${fields}) VALUES ${rows.join(', ')}`, values);
}

/** Which runs are meant. */
export interface QualityFilter {
  /** The run's interval reaches beyond this time. */
  readonly from?: Date | undefined;
  /** The run's interval begins before this time. */
  readonly to?: Date | undefined;
  /** The newest so many of them. */
  readonly last: number;
}

/** A run whose rows of a view were judged. Times are ISO strings; runs that nobody recorded have no interval. */
export interface QualityRun {
  readonly runId: string;
  readonly pipeline: string;
  readonly interval: { readonly start: string; readonly end: string } | null;
  readonly recordedAt: string;
}

export interface QualityCell {
  readonly runId: string;
  readonly severity: string;
  readonly status: ExpectationStatus;
  readonly checked: number;
  readonly failed: number;
  readonly observed: string | number | null;
  readonly note: string | null;
}

/** What became of the expectations of a view, run by run. */
export interface QualityHistory {
  readonly view: string;
  /** By interval, then by time; the newest last. */
  readonly runs: readonly QualityRun[];
  readonly hasOlder: boolean;
  /** In the order of the newest run that judged them. A run that did not judge one has no result there. */
  readonly expectations: readonly {
    readonly expectation: string;
    readonly rule: string;
    readonly results: readonly QualityCell[];
  }[];
}

interface Row {
  readonly run_id: string;
  readonly pipeline: string;
  readonly interval_start: Date | null;
  readonly interval_end: Date | null;
  readonly position: number;
  readonly expectation: string;
  readonly rule: string;
  readonly severity: string;
  readonly status: ExpectationStatus;
  readonly checked: bigint;
  readonly failed: bigint;
  readonly observed: string;
  readonly note: string | null;
  readonly recorded_at: Date;
}

/** Of runs whose records upkeep removed, nothing is known here either. */
export async function qualityHistory(
  { lake }: { readonly lake: Lake },
  view: string,
  { from, to, last }: QualityFilter,
): Promise<QualityHistory> {
  const values: SqlValue[] = [view];
  const given = (time: Date | undefined, condition: string): string =>
    time === undefined ? '' : `AND ${condition} $${values.push(time)}::TIMESTAMPTZ`;
  const table = lake.system('expectation_results');
  const rows = await lake.all<Row>(
    `WITH runs AS (
       SELECT run_id, max(coalesce(interval_start, recorded_at)) AS first_at, max(recorded_at) AS last_at FROM ${table}
       WHERE view_name = $1 ${given(from, 'coalesce(interval_end, recorded_at) >')}
         ${given(to, 'coalesce(interval_start, recorded_at) <')}
       GROUP BY run_id ORDER BY first_at DESC, last_at DESC, run_id LIMIT ${Math.trunc(last) + 1}
     )
     SELECT r.* FROM ${table} AS r JOIN runs USING (run_id) WHERE r.view_name = $1
     ORDER BY runs.first_at, runs.last_at, r.run_id, r."position"`,
    values,
  );
  const ids = [...new Set(rows.map(({ run_id }) => run_id))];
  const shown = ids.slice(-last);
  const kept = rows.filter(({ run_id }) => shown.includes(run_id));
  return {
    view,
    runs: shown.map((runId) => runOf(kept.find(({ run_id }) => run_id === runId) as Row)),
    hasOlder: ids.length > last,
    expectations: byExpectation(kept),
  };
}

const runOf = ({ run_id, pipeline, interval_start, interval_end, recorded_at }: Row): QualityRun => ({
  runId: run_id,
  pipeline,
  interval:
    interval_start === null || interval_end === null
      ? null
      : { start: interval_start.toISOString(), end: interval_end.toISOString() },
  recordedAt: recorded_at.toISOString(),
});

/** A view may expect the same twice, at two severities: such rules are told apart by which of them it is. */
function byExpectation(rows: readonly Row[]): QualityHistory['expectations'] {
  const found = new Map<string, { expectation: string; rule: string; results: QualityCell[] }>();
  const seen = new Map<string, number>();
  for (const row of rows) {
    const inRun = `${row.run_id} ${row.expectation}`;
    const nth = (seen.get(inRun) ?? 0) + 1;
    seen.set(inRun, nth);
    const key = `${nth} ${row.expectation}`;
    const one = found.get(key) ?? { expectation: row.expectation, rule: row.rule, results: [] };
    one.results.push({
      runId: row.run_id,
      severity: row.severity,
      status: row.status,
      checked: Number(row.checked),
      failed: Number(row.failed),
      observed: JSON.parse(row.observed) as string | number | null,
      note: row.note,
    });
    found.set(key, one);
  }
  // As the newest run has them; rules that are gone since come after.
  const newest = rows.filter(({ run_id }) => run_id === rows.at(-1)?.run_id).map(({ expectation }) => expectation);
  const place = (expectation: string): number =>
    (newest.indexOf(expectation) + newest.length + 1) % (newest.length + 1);
  return [...found.values()].sort((a, b) => place(a.expectation) - place(b.expectation));
}
