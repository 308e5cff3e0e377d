import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { didYouMean } from '../did-you-mean.js';
import { findReport, type RunReport } from '../etl/index.js';
import { DataError, DefinitionError, type FeatureStore, type RunRecord } from '../index.js';
import { type Alert, alertsOf, howMany, type ReportData, viewAnchor } from '../quality/index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { openBrowser } from './open-browser.js';
import { printColumns, printJson } from './output.js';

interface Given {
  readonly view?: string;
  readonly open?: boolean;
}

export function registerReport(program: Command): void {
  describeCommand(
    program
      .command('report')
      .argument('[run]', 'run id, the beginning of one, workflow id, or a pipeline: its newest run with a report')
      .option('--view <name>', 'only of this view')
      .option('--open', 'open the page in the browser'),
    'asof report --open\nasof report db_to_offline_store\nasof report 0198a6f2-1af5 --view driver_stats --open',
  ).action(action(report));
}

async function report(options: GlobalOptions, id: string | undefined, given: Given): Promise<undefined> {
  await withStore(options, async (store) => {
    const { run, found, without } = await newestReport(store, await runsMeant(store, id));
    const views = given.view === undefined ? found.views : [viewOf(found.views, given.view, run)];
    const page = path.relative(process.cwd(), found.page);
    const shown = page.startsWith('..') ? found.page : page;
    const isRecovered = views.some((view) => view.isRecovered);
    const note =
      without === undefined
        ? undefined
        : `the newest run, ${without.runId.slice(0, 13)}, has no report (it is ${without.status})`;
    const anchor = given.view === undefined ? '' : viewAnchor(found.views, given.view);
    const unopened = given.open === true ? await openBrowser(`${pathToFileURL(found.page).href}${anchor}`) : undefined;
    if (options.json) {
      const opened = given.open === true ? unopened === undefined : undefined;
      printJson({
        runId: run.runId,
        pipeline: run.pipeline,
        page: shown,
        isRecovered,
        note,
        opened,
        views: views.map(summary),
      });
    } else {
      print(run, views);
      if (note !== undefined) console.log(`Note: ${note}.`);
      if (isRecovered) console.log('Its files were gone; it was made again from the lake, without sample rows.');
      console.log(`report: ${shown}`);
    }
    if (unopened !== undefined)
      console.error(`asof: the page can't be opened here: ${unopened}\n  → open ${shown} in a browser`);
  });
}

/** The runs that may be meant, the newest first. */
async function runsMeant(store: FeatureStore, id: string | undefined): Promise<RunRecord[]> {
  if (id === undefined) {
    const runs = await store.runs.list({ limit: runsLookedAt });
    if (runs.length > 0) return runs;
    throw new DefinitionError('nothing has run yet, so there is no report', {
      mend: 'start a pipeline with `asof run`',
    });
  }
  const ofPipeline = await store.runs.list({ pipeline: id, limit: runsLookedAt });
  if (ofPipeline.length > 0) return ofPipeline;
  const pipelines = [...store.repo.pipelines.keys()];
  if (pipelines.includes(id)) {
    throw new DefinitionError(`pipeline "${id}" has not run yet, so there is no report`, {
      mend: `start it: \`asof run ${id}\``,
    });
  }
  try {
    return [await store.runs.show(id)];
  } catch (error) {
    if (!(error instanceof DefinitionError) || !error.message.startsWith('there is no run')) throw error;
    const recent = (await store.runs.list({ limit: runsLookedAt })).map(({ runId }) => runId);
    throw new DefinitionError(`there is no run and no pipeline "${id}"`, {
      mend: `${didYouMean(id, [...pipelines, ...recent, ...recent.map((run) => run.slice(0, 13))])}\`asof runs\` lists the runs, \`asof pipelines\` the pipelines`,
    });
  }
}

const runsLookedAt = 20;

/** Of runs that may be meant, the newest that has a report; one that is at work may have none yet. */
async function newestReport(
  store: FeatureStore,
  runs: readonly RunRecord[],
): Promise<{ run: RunRecord; found: RunReport; without: RunRecord | undefined }> {
  const { project, lake } = store;
  const context = { project, lake, sharedDirectory: lake.sharedDirectory };
  let first: DataError | undefined;
  for (const run of runs) {
    try {
      const found = await findReport(context, run);
      return { run, found, without: run === runs[0] ? undefined : runs[0] };
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      first ??= error;
    }
  }
  throw first ?? new DataError('there is no report');
}

function viewOf(views: readonly ReportData[], name: string, { runId }: RunRecord): ReportData {
  const found = views.find(({ view }) => view === name);
  if (found !== undefined) return found;
  const known = views.map(({ view }) => view);
  throw new DefinitionError(`run ${runId} has no report of view "${name}"`, {
    mend: `${didYouMean(name, known)}it has one of ${known.join(', ')}`,
  });
}

const brokenOf = ({ expectations }: ReportData) => expectations.filter(({ passed }) => !passed);

const summary = (view: ReportData) => ({
  view: view.view,
  quality: view.quality,
  rows: view.profile.rows,
  expectations: view.expectations.length,
  broken: brokenOf(view).map(({ expectation, severity, failed, checked }) => ({
    expectation,
    severity,
    failed,
    checked,
  })),
  alerts: alertsOf(view),
});

function print({ pipeline, runId }: RunRecord, views: readonly ReportData[]): void {
  console.log(`${pipeline}, run ${runId}`);
  printColumns(
    views.map((view) => ({
      view: view.view,
      quality: view.quality,
      rows: view.profile.rows.toLocaleString('en'),
      expectations: `${view.expectations.length - brokenOf(view).length} of ${view.expectations.length} hold`,
    })),
  );
  for (const view of views) {
    const of = views.length > 1 ? `${view.view}: ` : '';
    for (const result of brokenOf(view)) {
      const many = howMany(result, (count) => count.toLocaleString('en'));
      console.log(`${of}${result.severity}: ${result.expectation}: ${many}`);
    }
    for (const alert of alertsOf(view)) console.log(`${of}${alert.kind}: ${alert.text}: ${columns(alert)}`);
  }
}

const columnsShown = 8;

function columns(alert: Alert): string {
  const named = alert.columns.slice(0, columnsShown).map(({ name, with: other, detail }) => {
    const text =
      JSON.stringify(name).slice(1, -1) + (other === undefined ? '' : ` and ${JSON.stringify(other).slice(1, -1)}`);
    return detail === undefined ? text : `${text} (${detail})`;
  });
  const more = alert.columns.length - named.length;
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
