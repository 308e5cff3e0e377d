import type { Command } from 'commander';
import { didYouMean } from '../did-you-mean.js';
import { findView } from '../feature-request.js';
import { DefinitionError, type FeatureStore, pipelineNamed, type RunFilter } from '../index.js';
import { clock, shortIntervalText } from './clock.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { type ShownRun, withTemporalNews } from './lost-runs.js';
import { countOption, timeOption } from './option-values.js';
import { printColumns, printJson, seconds } from './output.js';
import { showRun } from './show-run.js';
import { findTemporal } from './temporal-location.js';

interface ListOptions {
  readonly pipeline?: string;
  readonly tag?: string;
  readonly status?: string;
  readonly view?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit?: string;
}

export function registerRuns(program: Command): void {
  const runs = describeCommand(
    program
      .command('runs')
      .description('list runs of pipelines, the newest first')
      .option('--pipeline <name>', 'only of this pipeline')
      .option('--tag <tag>', 'only of pipelines that had this tag')
      .option('--status <status>', 'only running, completed, failed, cancelled or lost ones')
      .option('--view <name>', 'only those that worked on this view')
      .option('--from <time>', 'only those whose data interval reaches beyond this time (ISO)')
      .option('--to <time>', 'only those whose data interval begins before this time (ISO)')
      .option('--limit <n>', 'at most so many', '20'),
    'asof runs --pipeline db_to_offline_store --status failed\nasof runs --from 2024-01-01 --to 2024-02-01\nasof runs show 0198a6f2-1af5',
  ).action(action(list));
  describeCommand(
    runs
      .command('show')
      .description('one run: steps, rows, what failed and why, its page in the Web UI')
      .argument('<id>', 'run id, the beginning of one, workflow id, or pipeline: its newest run'),
    'asof runs show 0198a6f2-1af5\nasof runs show db_to_offline_store',
  ).action(action(showRun));
}

async function list(options: GlobalOptions, given: ListOptions): Promise<undefined> {
  const { pipeline, view, tag } = given;
  const filter = { ...timesOf(given), pipeline, view, tag, limit: countOption('--limit', given.limit) ?? 20 };
  const status = statusOf(given.status);
  await withStore(options, async (store) => {
    const runs = await findRuns(store, filter, status);
    if (runs.length === 0) {
      // Runs outlive the definitions they were runs of; a name that never was one is a mistake.
      if (pipeline !== undefined) pipelineNamed(store.repo.pipelines, pipeline);
      if (view !== undefined) findView(view, store.repo.views);
    }
    if (options.json) printJson({ runs });
    else await print(store, runs, given);
  });
}

/** Whether a run at work is lost only Temporal knows: it is asked for all of them, which are few. */
async function findRuns(store: FeatureStore, filter: RunFilter, status: Status | undefined): Promise<ShownRun[]> {
  if (status !== 'running' && status !== 'lost') {
    return withTemporalNews(store, await store.runs.list({ ...filter, status }));
  }
  const atWork = await store.runs.list({ ...filter, status: 'running', limit: Number.MAX_SAFE_INTEGER });
  const runs = await withTemporalNews(store, atWork);
  return runs.filter((run) => run.status === status).slice(0, filter.limit);
}

async function print(store: FeatureStore, runs: readonly ShownRun[], given: ListOptions): Promise<void> {
  if (runs.length === 0) {
    const filtered = [given.pipeline, given.tag, given.status, given.view, given.from, given.to].some(
      (by) => by !== undefined,
    );
    console.log(filtered ? 'No run is like that.' : 'Nothing has run yet: start a pipeline with `asof run`.');
    return;
  }
  const thisYear = String(new Date().getUTCFullYear());
  printColumns(
    runs.map(({ runId, pipeline, status, interval, openedAt, closedAt, published, quality }) => ({
      run: runId.slice(0, 13),
      pipeline,
      // That it passed goes without saying.
      status: quality === undefined || quality === 'passed' ? status : `${status} (quality ${quality})`,
      interval: shortIntervalText(interval),
      started: clock(openedAt).slice(openedAt.slice(0, 4) === thisYear ? 5 : 0),
      took: closedAt === undefined ? '' : seconds(Date.parse(closedAt) - Date.parse(openedAt)),
      rows: published.toLocaleString('en'),
    })),
  );
  for (const { runId, note } of runs) if (note !== undefined) console.log(`${runId.slice(0, 13)}: ${note}`);
  const service = await findTemporal(store.repo.stateDir);
  if (service?.uiUrl !== undefined) console.log(`Web UI: ${service.uiUrl}`);
  console.log('`asof runs show <run>` tells more of one, with its page in the Web UI; times are UTC.');
}

const statuses = ['running', 'completed', 'failed', 'cancelled', 'lost'] as const;
type Status = (typeof statuses)[number];

function statusOf(text: string | undefined): Status | undefined {
  const status = statuses.find((known) => known === text);
  if (text === undefined || status !== undefined) return status;
  throw new DefinitionError(`--status ${JSON.stringify(text)} is none`, {
    mend: `${didYouMean(text, statuses)}there are ${statuses.join(', ')}`,
  });
}

function timesOf({ from, to }: ListOptions): { from: Date | undefined; to: Date | undefined } {
  const times = { from: timeOption('--from', from), to: timeOption('--to', to) };
  if (times.from === undefined || times.to === undefined || times.from < times.to) return times;
  throw new DefinitionError(`--from ${from} is not before --to ${to}`, { mend: 'swap them' });
}
