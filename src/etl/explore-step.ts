import type { Expectation } from '../definitions/expectations.js';
import { tableName } from '../definitions/feature-table.js';
import { DataError, DefinitionError } from '../errors.js';
import { shownPath } from '../lake/index.js';
import {
  type DriftResult,
  type ExpectationResult,
  evaluateExpectations,
  factsOf,
  failureMessage,
  type Profile,
  profileFile,
  type Quality,
  qualityOf,
  type ReportData,
  type SampleRows,
  sampleRows,
  splitQuarantine,
  withoutKeyValues,
  writePrevious,
  writeReport,
} from '../quality/index.js';
import { cleaned } from './clean-step.js';
import { type EtlContext, stagingOf, viewColumns } from './etl-context.js';
import { recordExpectations } from './expectation-records.js';
import { judgeDrifts } from './judge-drifts.js';
import { intervalOf, lastAcceptedRows } from './run-history.js';
import { reportData, reportsOf, rowKeyOf } from './run-report.js';
import { madeUnder } from './staged-steps.js';
import type { ExploreReport, StepOptions, StepTarget } from './step.js';

/** Rows that go on to publish, and those a quarantine rule set aside. */
export const validated = 'validated.parquet';
export const quarantined = 'validated.quarantined.parquet';

/** What rules about the order of events compare with; no part of what is published. */
const previous = 'previous.parquet';

type Target = StepTarget & { readonly pipeline: string };

interface Found {
  readonly profile: Profile;
  readonly sample: SampleRows;
  readonly expectations: readonly ExpectationResult[];
  readonly drift: readonly DriftResult[];
  readonly quality: Quality;
  readonly quarantined: number;
  readonly good: number;
  readonly rows: number;
  /** Why no row was set aside: so many break quarantine rules that the run ends. */
  readonly refused: DataError | undefined;
}

/**
 * Sets rows aside by the quarantine rules, profiles what is left and judges every expectation. Results go to the lake and to a
 * report in JSON and HTML, also when the run ends here.
 * @throws DataError naming rules, view, counts and report when an `error` expectation fails, DefinitionError when a rule could not
 * be judged; example rows are in the lake.
 */
export async function exploreStep(context: EtlContext, target: Target, options: StepOptions): Promise<ExploreReport> {
  const under = madeUnder(context, target.view, 'explore');
  return stagingOf(context, target).once('explore', under, async () => {
    const found = await explore(context, target, options);
    const { quality } = found;
    const data = await reportData(context, target, found);
    const report = writeReport({ directory: reportsOf(context.sharedDirectory, target.runId), report: data });
    const shown = (file: string): string => shownPath(context.projectRoot, file);
    await recordResults(context, data, shown(report.html));
    if (quality === 'failed') throw failure(target, found, shown(report.html));
    return {
      rowsIn: found.rows,
      rowsOut: found.good,
      quality,
      quarantined: found.quarantined,
      report: { html: shown(report.html), json: shown(report.json) },
    };
  });
}

function failure(
  { view, runId }: Target,
  { expectations, refused }: Found,
  report: string,
): DataError | DefinitionError {
  const unjudged = expectations.find(({ error }) => error !== undefined);
  if (unjudged?.error !== undefined) {
    const mend = `${unjudged.expectation}: ${unjudged.error.mend}; nothing was published; after \`asof apply\`: \`asof retry ${runId} --from explore\``;
    return new DefinitionError(failureMessage(view, expectations, report), { mend });
  }
  const mend = `nothing was published; \`asof runs show ${runId}\` prints example rows; when the source is corrected: \`asof retry ${runId} --from ingest\``;
  if (refused === undefined || qualityOf(expectations) === 'failed')
    return new DataError(failureMessage(view, expectations, report), { mend });
  // The staging file it names says nothing to people; the report does.
  const what = refused.where === undefined ? refused.message : refused.message.slice(refused.where.length + 2);
  return new DataError(`view ${view}: ${what}. Report: ${report}`, {
    mend: `${refused.mend}; ${mend}`,
    cause: refused,
  });
}

async function explore(context: EtlContext, target: Target, { signal, onProgress }: StepOptions): Promise<Found> {
  const staging = stagingOf(context, target);
  const { view, table } = context.view(target.view);
  const expectations: readonly Expectation[] = view.expect;
  const columns = viewColumns(view, table);
  return context.lake.withSession(async (session) => {
    onProgress?.({ message: `validate ${target.view}` });
    const file = staging.file(cleaned);
    // Judged before rows are set aside: a quarantine rule is reported with all rows that broke it.
    const joinKeys = Object.keys(table.joinKeys);
    const before = { file, table, expectations, previousFile: staging.file(previous), signal };
    const order = { joinKeys, previousFile: await writePrevious(context.lake, session, before) };
    const interval = await intervalOf(context.lake, target.runId);
    const judged = await evaluateExpectations(session, {
      file,
      expectations,
      columns,
      ...order,
      signal,
      asOf: new Date(Math.min(Date.now(), interval?.end.getTime() ?? Number.POSITIVE_INFINITY)),
      lastRows: (runs) => lastAcceptedRows(context.lake, { ...target, interval, table: tableName(table) }, runs),
    });
    // Of a rule that could not be judged nobody can tell which rows to set aside.
    const isJudged = judged.every(({ error }) => error === undefined);
    const request = { file, expectations, ...order, columns: Object.keys(columns), signal };
    const split = isJudged
      ? await splitQuarantine(session, { ...request, goodFile: staging.file(validated) }).catch((error: unknown) => {
          if (error instanceof DataError) return error;
          throw error;
        })
      : undefined;
    const refused = split instanceof DataError ? split : undefined;
    onProgress?.({ message: `profile ${target.view}` });
    // Of the rows to publish; of all rows when none will be.
    const isSplit = split !== undefined && !(split instanceof DataError);
    const profiled = isSplit ? staging.file(validated) : file;
    const names = Object.keys(columns);
    const rowKey = rowKeyOf(table);
    const profile = await profileFile(session, { file: profiled, columns: names, joinKeys, rowKey, signal });
    const sample = await sampleRows(session, { file: profiled, rows: profile.rows, columns: names, signal });
    const { results, drift } = await judgeDrifts(context, target, { file: profiled, judged, signal, onProgress });
    const quality = refused === undefined ? qualityOf(results) : 'failed';
    const { rows, good, bad } = isSplit ? split : { rows: profile.rows, good: 0, bad: 0 };
    return { profile, sample, expectations: results, drift, quality, quarantined: bad, good, rows, refused };
  });
}

/** One row per run and view, and one per expectation, also when the step is done again. */
async function recordResults({ lake }: EtlContext, report: ReportData, page: string): Promise<void> {
  const { runId, view, pipeline, interval, quality, profile, expectations, drift = [], joinKeys = [] } = report;
  await lake.transaction({ message: `validation of ${view} (run ${runId})` }, async (session) => {
    const table = lake.system('validation_results');
    await session.run(`DELETE FROM ${table} WHERE run_id = $1 AND view_name = $2`, [runId, view]);
    await session.run(
      `INSERT INTO ${table} (run_id, view_name, recorded_at, quality, profile, expectations, report, drift, facts)
       VALUES ($1, $2, now(), $3, $4, $5, $6, $7, $8)`,
      [
        runId,
        view,
        quality,
        JSON.stringify(withoutKeyValues(profile, joinKeys)),
        JSON.stringify(expectations),
        page,
        JSON.stringify(drift),
        JSON.stringify(factsOf(report)),
      ],
    );
    await recordExpectations(session, lake, { runId, pipeline, view, interval }, expectations);
  });
}

/** What an earlier run found, with examples of bad rows. */
export async function validationResults(
  context: Pick<EtlContext, 'lake'>,
  runId: string,
): Promise<
  {
    view: string;
    quality: string;
    expectations: ExpectationResult[];
    profile: Profile;
    report: string;
    drift: DriftResult[];
  }[]
> {
  const rows = await context.lake.all<
    Record<'view_name' | 'quality' | 'expectations' | 'profile' | 'report', string> & { drift: string | null }
  >(
    `SELECT view_name, quality, expectations, profile, report, drift FROM ${context.lake.system('validation_results')}
     WHERE run_id = $1 ORDER BY recorded_at`,
    [runId],
  );
  return rows.map(({ view_name, quality, expectations, profile, report, drift }) => ({
    view: view_name,
    quality,
    expectations: JSON.parse(expectations) as ExpectationResult[],
    profile: JSON.parse(profile) as Profile,
    report,
    // Null in records of older versions.
    drift: JSON.parse(drift ?? '[]') as DriftResult[],
  }));
}
