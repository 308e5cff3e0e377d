import { existsSync } from 'node:fs';
import { DataError } from '../errors.js';
import type { DriftResult, ExpectationResult, Profile, Quality, ReportData, ReportFacts } from '../quality/index.js';
import { pageOrder, readReports, reportPage, writeReport, writeReportPage } from '../quality/index.js';
import { type RunRecord, Runs } from '../runs/index.js';
import type { EtlContext } from './etl-context.js';
import { reportsOf } from './run-report.js';

type Context = Pick<EtlContext, 'project' | 'lake' | 'sharedDirectory'>;

export interface RunReport {
  /** Absolute path of the run's page. */
  readonly page: string;
  /** The worst first. */
  readonly views: readonly ReportData[];
}

/**
 * The report of a run. What is missing of it (expired, or written on another host) is made again from what the lake keeps, without
 * sample rows; of views whose validation was taken over from the run it does again, that run's is shown.
 * @throws DataError when the run has none; StoreUnavailableError when what is missing can't be written.
 */
export async function findReport(context: Context, run: RunRecord): Promise<RunReport> {
  const directory = reportsOf(context.sharedDirectory, run.runId);
  const page = reportPage(directory);
  const here = readReports(directory);
  const lacking = await lackingViews(context, run, here);
  for (const report of lacking) writeReport({ directory, report });
  if (lacking.length === 0 && here.length > 0 && !existsSync(page)) writeReportPage(directory);
  const views = pageOrder([...here, ...lacking]);
  if (views.length > 0) return { page, views };
  throw new DataError(`run ${run.runId} of ${run.pipeline} has no report`, {
    mend:
      run.status === 'running'
        ? 'it is written once the data of a view was validated; `asof runs show` tells how far the run is'
        : 'no data was validated in it, or its results have expired; `asof runs show` tells what became of the run',
  });
}

/** Views of the run that have no report among those that are there. */
async function lackingViews(context: Context, run: RunRecord, here: readonly ReportData[]): Promise<ReportData[]> {
  const known = new Set(here.map(({ view }) => view));
  const kept = (await keptReports(context, run)).filter(({ view }) => !known.has(view));
  for (const { view } of kept) known.add(view);
  const earlier = run.retryOf === undefined ? undefined : await new Runs(context.lake).find(run.retryOf.runId);
  if (earlier === undefined || run.views.every((view) => known.has(view))) return kept;
  const theirs = readReports(reportsOf(context.sharedDirectory, earlier.runId));
  const all = [...theirs, ...(await lackingViews(context, earlier, theirs))];
  return [...kept, ...all.filter(({ view }) => run.views.includes(view) && !known.has(view))];
}

interface ResultRow {
  readonly view_name: string;
  readonly recorded_at: Date;
  readonly quality: Quality;
  readonly profile: string;
  readonly expectations: string;
  readonly drift: string | null;
  readonly facts: string | null;
}

/** What the lake keeps of the report of each view. */
async function keptReports({ project, lake }: Context, { runId, pipeline }: RunRecord): Promise<ReportData[]> {
  const rows = await lake.all<ResultRow>(
    `SELECT view_name, recorded_at, quality, profile, expectations, drift, facts FROM ${lake.system('validation_results')}
     WHERE run_id = $1 ORDER BY recorded_at`,
    [runId],
  );
  return rows.map(({ view_name, recorded_at, quality, profile, expectations, drift, facts }) => {
    const found = JSON.parse(profile) as Profile;
    const unknown = { project, view: view_name, pipeline, runId, startedAt: recorded_at.toISOString(), notes: [] };
    return {
      ...(facts === null ? unknown : (JSON.parse(facts) as ReportFacts)),
      quality,
      profile: found,
      expectations: JSON.parse(expectations) as ExpectationResult[],
      drift: drift === null ? undefined : (JSON.parse(drift) as DriftResult[]),
      // A check of what is online has no columns, and no report of its own that could be gone.
      isRecovered: found.columns.length > 0,
    };
  });
}
