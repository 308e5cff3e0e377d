import type { Command } from 'commander';
import type { FeatureStore, RunRecord } from '../index.js';
import { connectClient, runUrl } from '../temporal/index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { countOption } from './option-values.js';
import { plural, printJson, printTable, seconds } from './output.js';
import { failedExpectations, printFailedExpectations, printSteps } from './print-run.js';
import { findTemporal } from './temporal-location.js';
import { ensureExtensions } from './tools.js';

export function registerRuns(program: Command): void {
  const runs = describeCommand(
    program
      .command('runs')
      .description('list runs of pipelines, the newest first')
      .option('--pipeline <name>', 'only of this pipeline')
      .option('--limit <n>', 'at most so many', '20'),
    'asof runs --pipeline db_to_offline_store\nasof runs show 0198a6f2-1af5',
  ).action(action(list));
  describeCommand(
    runs
      .command('show')
      .description('one run: steps, rows, what failed and why, its page in the Web UI')
      .argument('<id>', 'run id, the beginning of one, or workflow id'),
    'asof runs show 0198a6f2-1af5',
  ).action(action(show));
}

async function list(
  options: GlobalOptions,
  { pipeline, limit }: { pipeline?: string; limit?: string },
): Promise<undefined> {
  await ensureExtensions(options);
  await withStore(options, async (store) => {
    const records = await store.runs.list({ pipeline, limit: countOption('--limit', limit) ?? 20 });
    const service = await findTemporal(store.repo.stateDir);
    const url = ({ workflowId, runId }: RunRecord) =>
      service === undefined ? undefined : runUrl(service, workflowId, runId);
    if (options.json) {
      printJson({ runs: records.map((record) => ({ ...record, url: url(record) })) });
      return;
    }
    printTable(
      records.map(({ runId, pipeline: name, status, openedAt, closedAt, published, quality }) => ({
        run: runId.slice(0, 13),
        pipeline: name,
        status,
        started: openedAt.slice(0, 19).replace('T', ' '),
        took: closedAt === undefined ? '' : seconds(Date.parse(closedAt) - Date.parse(openedAt)),
        published,
        quality: quality ?? '',
      })),
    );
    if (service?.uiUrl !== undefined) console.log(`Web UI: ${service.uiUrl}`);
    console.log('`asof runs show <run>` tells more of one, with its page in the Web UI.');
  });
}

async function show(options: GlobalOptions, id: string): Promise<undefined> {
  await ensureExtensions(options);
  await withStore(options, async (store) => {
    const record = await store.runs.show(id);
    const { url, note } = await locate(store, record);
    if (options.json) {
      printJson({ ...record, failedExpectations: await failedExpectations(store, record.runId), url, note });
      return;
    }
    const { pipeline, runId, workflowId, status, interval, openedAt, message, quality, reports, published } = record;
    console.log(`${pipeline}: ${status}${note === undefined ? '' : ` (${note})`}`);
    console.log(`run ${runId}, workflow ${workflowId}, registry version ${record.registryVersion}`);
    console.log(`opened ${openedAt}, data interval ${interval.start} to ${interval.end}`);
    printSteps(record.steps);
    console.log(`${plural(published, 'row')} published${quality === undefined ? '' : `, quality: ${quality}`}`);
    for (const [view, report] of Object.entries(reports)) console.log(`report of ${view}: ${report}`);
    if (url !== undefined) console.log(url);
    if (message !== undefined) console.log(`\n${message}`);
    await printFailedExpectations(store, runId);
  });
}

/** The run's page in the Web UI, and what Temporal knows that the lake does not. */
async function locate(
  store: FeatureStore,
  { workflowId, runId, status }: RunRecord,
): Promise<{ url?: string | undefined; note?: string }> {
  const service = await findTemporal(store.repo.stateDir);
  if (service === undefined) return { note: 'Temporal is not running; `asof up` starts it and its Web UI' };
  const url = runUrl(service, workflowId, runId);
  try {
    const client = await connectClient(service);
    try {
      const description = await client.workflow.getHandle(workflowId).describe();
      const now = description.status.name;
      return status === 'running' && now !== 'RUNNING' ? { url, note: `Temporal says ${now}` } : { url };
    } finally {
      await client.connection.close();
    }
  } catch (error) {
    const expired = error instanceof Error && error.name === 'WorkflowNotFoundError';
    return { note: expired ? 'its history in Temporal has expired' : 'Temporal does not answer' };
  }
}
