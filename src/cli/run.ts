import type { Command } from 'commander';
import { DefinitionError, type FeatureStore, StoreUnavailableError } from '../index.js';
import { checkWorkflows, hasWorker, runUrl, startPipeline } from '../temporal/index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { exitCodes } from './exit-code.js';
import { findPipeline } from './find-pipeline.js';
import { interruptSignal } from './interrupt.js';
import { timeOption } from './option-values.js';
import { plural, printJson } from './output.js';
import { failedExpectations, printFailedExpectations, printSteps } from './print-run.js';
import { runTask } from './progress.js';
import { type GivenArgs, runArgs } from './run-args.js';
import { withTemporal } from './temporal-location.js';
import { type RunOutcome, refusalOf, waitForRun } from './wait-for-run.js';

interface RunOptions extends GivenArgs {
  readonly start?: string;
  readonly end?: string;
  readonly wait?: boolean;
}

export function registerRun(program: Command): void {
  describeCommand(
    program
      .command('run')
      .description('start a pipeline by hand; `asof up` must be running')
      .argument('<pipeline>', 'its name in the feature repository')
      .option('--param <name=value>', "overrides one of the pipeline's arguments; repeatable", collect)
      .option('--args <json>', 'overrides of several, as JSON')
      .option('--start <time>', 'start of the data interval (ISO), with --end')
      .option('--end <time>', 'end of the data interval (ISO)')
      .option('--accept-gap', 'of a stream: go on after events that are gone from the topic; the gap is recorded')
      .option('--wait', 'show its progress and wait for its end'),
    'asof run db_to_offline_store --wait\nasof run materialize_offline_to_online --param views=driver_stats --param full=true --wait',
  ).action(action(run));
}

async function run(options: GlobalOptions, name: string, given: RunOptions): Promise<number> {
  return withStore(options, async (store) => {
    const pipeline = findPipeline(store, name);
    const args = runArgs(store, pipeline, given);
    const interval = parseIntervalOptions(given);
    await store.requireApplied();
    await checkWorkflows({ projectRoot: store.repo.projectRoot, pipelines: new Map([[name, pipeline]]) });
    return withTemporal(store.repo.stateDir, async (client, service) => {
      if (!(await hasWorker(client, store.project))) {
        throw new StoreUnavailableError(`no worker serves project "${store.project}"`, {
          mend: 'start one with `asof worker`, or Temporal and a worker with `asof up`',
        });
      }
      const started = await startPipeline(client, { project: store.project, pipeline, args, interval });
      const { runId, workflowId } = started;
      const url = runUrl(service, workflowId, runId);
      const signal = interruptSignal();
      if (given.wait !== true) {
        const message = await refusalOf(store, started, signal);
        const status = message === undefined ? 'running' : 'failed';
        const lines = [message === undefined ? `Started ${workflowId}` : `Refused: ${workflowId}`, `run ${runId}`, url];
        if (options.json) printJson({ runId, workflowId, status, message, url });
        else console.log(lines.filter((line) => line !== undefined).join('\n'));
        if (message === undefined) return exitCodes.ok;
        if (!options.json) console.error(`asof: ${message}`);
        return exitCodes.data;
      }
      try {
        const outcome = await runTask(name, options, (update) => waitForRun(store, started, update, signal));
        await print(store, outcome, url, options);
        return outcome.status === 'completed' ? exitCodes.ok : exitCodes.data;
      } catch (error) {
        if (!signal.aborted) throw error;
        console.error(`asof: no longer waiting; the run goes on: asof runs show ${runId}`);
        return exitCodes.interrupted;
      }
    });
  });
}

async function print(
  store: FeatureStore,
  outcome: RunOutcome,
  url: string | undefined,
  { json }: GlobalOptions,
): Promise<void> {
  if (json) {
    const failed = outcome.status === 'completed' ? undefined : await failedExpectations(store, outcome.runId);
    printJson({ ...outcome, failedExpectations: failed, url });
    return;
  }
  printSteps(outcome.steps);
  console.log(
    `${outcome.status}, ${plural(outcome.published, 'row')} published${outcome.quality === undefined ? '' : `, quality: ${outcome.quality}`}`,
  );
  for (const [view, report] of Object.entries(outcome.reports)) console.log(`report of ${view}: ${report}`);
  if (url !== undefined) console.log(url);
  if (outcome.status === 'completed') return;
  console.error(`asof: ${outcome.message}`);
  await printFailedExpectations(store, outcome.runId);
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

function parseIntervalOptions(given: RunOptions): { start: string; end: string } | undefined {
  const start = timeOption('--start', given.start);
  const end = timeOption('--end', given.end);
  if (start === undefined && end === undefined) return undefined;
  if (start !== undefined && end !== undefined) {
    if (start < end) return { start: start.toISOString(), end: end.toISOString() };
    throw new DefinitionError('the interval ends before it starts, or has no length', {
      mend: 'swap --start and --end',
    });
  }
  throw new DefinitionError('an interval needs both --start and --end', { mend: 'give both, or neither' });
}
