import type { Command } from 'commander';
import { DefinitionError, pipelineNamed } from '../index.js';
import { checkWorkflows, startPipeline } from '../temporal/index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { timeOption } from './option-values.js';
import { type GivenArgs, runArgs } from './run-args.js';
import { requireWorker, tellOfStarted } from './started-run.js';
import { withTemporal } from './temporal-location.js';

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
    const pipeline = pipelineNamed(store.repo.pipelines, name);
    const args = runArgs(store, pipeline, given);
    const interval = parseIntervalOptions(given);
    await store.requireApplied();
    await checkWorkflows({ projectRoot: store.repo.projectRoot, pipelines: new Map([[name, pipeline]]) });
    return withTemporal(store.repo.stateDir, async (client, service) => {
      await requireWorker(client, store.project);
      const started = await startPipeline(client, { project: store.project, pipeline, args, interval });
      return tellOfStarted(store, service, started, { title: name, wait: given.wait === true, ...options });
    });
  });
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
