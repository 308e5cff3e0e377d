import type { FeatureStore, RunRecord, RunTrigger } from '../index.js';
import { connectClient } from '../temporal/index.js';
import { clock, intervalText } from './clock.js';
import { type GlobalOptions, withStore } from './command.js';
import { type LiveProgress, liveProgress } from './live-progress.js';
import { type ShownRun, withTemporalNews } from './lost-runs.js';
import { plural, printJson, seconds } from './output.js';
import { driftOf, printDrift } from './print-drift.js';
import { printLog } from './print-log.js';
import { failedExpectations, printFailedExpectations, printSteps } from './print-run.js';
import { printable, printableLines } from './printable.js';
import { reportLines } from './report-lines.js';
import { findTemporal } from './temporal-location.js';

const logLines = 10;

/** `asof runs show`: all that is known of one run, by the lake and by Temporal. */
export async function showRun(options: GlobalOptions, id: string): Promise<undefined> {
  await withStore(options, async (store) => {
    const record = await store.runs.show(id);
    const [shown = record as ShownRun] = await withTemporalNews(store, [record]);
    const live = shown.status === 'running' ? await askForProgress(store, record) : undefined;
    const retriedBy = await store.runs.retriesOf(record.runId);
    const logs = store.logs.last(record.runId, logLines);
    if (options.json) {
      const failed = await failedExpectations(store, record.runId);
      printJson({
        ...shown,
        ...(live === undefined ? {} : { steps: live.steps, live }),
        retriedBy,
        logs,
        failedExpectations: failed,
        drift: await driftOf(store, record.runId),
      });
      return;
    }
    printHead(shown, retriedBy);
    printSteps(live?.steps ?? record.steps);
    printNow(shown, live);
    if (shown.status !== 'running') {
      const quality = record.quality === undefined ? '' : `, quality: ${record.quality}`;
      console.log(`${plural(record.published, 'row')} published${quality}`);
    }
    for (const line of reportLines(record.reports)) console.log(line);
    if (shown.url !== undefined) console.log(shown.url);
    if (record.message !== undefined) console.log(`\n${printableLines(record.message)}`);
    await printFailedExpectations(store, record.runId);
    await printDrift(store, record.runId);
    if (logs.length > 0) {
      console.log(`\nlog, the last lines (\`asof logs ${record.runId.slice(0, 13)}\` shows all):`);
      printLog(logs);
    }
  });
}

async function askForProgress({ repo }: FeatureStore, record: RunRecord): Promise<LiveProgress | undefined> {
  const service = await findTemporal(repo.stateDir);
  if (service === undefined) return undefined;
  const client = await connectClient(service).catch(() => undefined);
  try {
    return client && (await liveProgress(client, record));
  } finally {
    await client?.connection.close();
  }
}

function printHead(run: ShownRun, retriedBy: readonly string[]): void {
  const { pipeline, runId, workflowId, status, note, registryVersion, interval, trigger, retryOf, args, tags } = run;
  const { openedAt, closedAt } = run;
  console.log(`${pipeline}: ${status}${note === undefined ? '' : ` (${note})`}`);
  const lines: Record<string, string | undefined> = {
    run: runId,
    workflow: workflowId,
    started: `${clock(openedAt)} UTC ${why[trigger]}${closedAt === undefined ? '' : `, took ${seconds(Date.parse(closedAt) - Date.parse(openedAt))}`}`,
    interval: intervalText(interval),
    arguments: Object.keys(args).length === 0 ? undefined : JSON.stringify(args),
    tags: tags.length === 0 ? undefined : tags.join(', '),
    registry: `version ${registryVersion}`,
    'retry of': retryOf && `${retryOf.runId}${retryOf.from === undefined ? '' : `, from ${retryOf.from}`}`,
    'retried by': retriedBy.length === 0 ? undefined : retriedBy.join(', '),
  };
  for (const [name, text] of Object.entries(lines)) if (text !== undefined) console.log(`  ${name.padEnd(11)}${text}`);
}

const why: Readonly<Record<RunTrigger, string>> = {
  manual: 'by hand',
  schedule: 'by its schedule',
  once: 'as it was deployed',
  backfill: 'by a backfill',
  catchup: 'to catch up',
  after: 'after other pipelines',
  retry: 'as a retry',
};

function printNow({ status }: ShownRun, live: LiveProgress | undefined): void {
  if (status !== 'running') return;
  if (live === undefined) {
    console.log('No worker or no Temporal answers: what it is doing now is not known.');
    return;
  }
  const { step, attempt = 1, lastFailure, detail } = live;
  // A run that has a record is open: one that still says so has no steps to tell of, as a stream.
  if (step !== undefined && step !== 'open')
    console.log(
      `now: ${step}${attempt > 1 ? `, attempt ${attempt}; the one before: ${printable(lastFailure ?? '')}` : ''}`,
    );
  if (detail !== '') console.log(printableLines(detail));
}
