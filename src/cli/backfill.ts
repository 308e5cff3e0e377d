import type { Command } from 'commander';
import { limits } from '../config.js';
import { pipelineNamed } from '../index.js';
import { askedBackfill, type GivenBackfill } from './backfill-options.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { type GivenArgs, runArgs } from './run-args.js';
import { runBackfill } from './run-backfill.js';
import { registerBackfillSteering } from './steer-backfill.js';

export function registerBackfill(program: Command): void {
  const backfill = describeCommand(
    program
      .command('backfill')
      .description('run a pipeline for intervals of the past, several at once; `asof up` must be running')
      .argument('<pipeline>', 'its name in the feature repository')
      .option('--from <time>', 'start of the first interval (ISO)')
      .option('--to <time>', 'end of the last interval (ISO); not part of it')
      .option('--only <which>', 'missing: not completed yet; failed: failed or cancelled last; all', 'missing')
      .option('--parallel <n>', 'runs at once', String(limits.backfillParallel))
      .option('--reverse', 'the newest intervals first')
      .option('--param <name=value>', "overrides one of the pipeline's arguments; repeatable", collect)
      .option('--args <json>', 'overrides of several, as JSON')
      .option('--dry-run', 'show the intervals, start nothing')
      .option('--wait', 'show its progress and wait for its end'),
    [
      'asof backfill verify_online_offline --from 2024-01-01 --to 2024-02-01 --dry-run',
      'asof backfill verify_online_offline --from 2024-01-01 --to 2024-02-01 --parallel 4 --wait',
      'asof backfill status verify_online_offline',
    ].join('\n'),
  ).action(action(start));
  registerBackfillSteering(backfill);
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

async function start(options: GlobalOptions, name: string, given: GivenBackfill & GivenArgs): Promise<number> {
  const asked = askedBackfill(given);
  return withStore(options, async (store) => {
    const pipeline = pipelineNamed(store.repo.pipelines, name);
    const args = runArgs(store, pipeline, given);
    return runBackfill(store, { ...options, ...given }, { ...asked, pipeline: name, args });
  });
}
