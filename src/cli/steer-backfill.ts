import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import type { BackfillState } from '../../workflows/lib/backfill-progress.js';
import { type BackfillRecord, DefinitionError, type FeatureStore } from '../index.js';
import { runHandle, temporalStatus } from '../temporal/index.js';
import { parallelOption } from './backfill-options.js';
import { clock } from './clock.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { countOption } from './option-values.js';
import { printColumns, printJson, printTable } from './output.js';
import { describeState, printEnd, short } from './print-backfill.js';
import { withTemporal } from './temporal-location.js';

const steerings = {
  status: 'how far a backfill is: counts, what is at work, what failed and why',
  pause: 'start no more runs; those at work end',
  resume: 'go on',
  stop: 'end the backfill when the runs at work have ended',
  cancel: 'end it now, and the runs at work',
} as const;
type Steering = keyof typeof steerings | 'parallel';

/** `asof backfill list`, and what is done with a backfill that runs. */
export function registerBackfillSteering(backfill: Command): void {
  describeCommand(
    backfill
      .command('list')
      .description('all backfills, the newest first')
      .argument('[pipeline]', 'only of this pipeline')
      .option('--limit <n>', 'at most so many', '20'),
    'asof backfill list',
  ).action(action(list));
  for (const [name, description] of Object.entries(steerings) as [Steering, string][]) {
    const command = backfill
      .command(name)
      .description(description)
      .argument('<backfill>', "a pipeline, for its newest backfill, or a backfill's id");
    describeCommand(command, `asof backfill ${name} verify_online_offline`).action(
      action((options, named: string) => steer(options, named, name)),
    );
  }
  // No option: `asof backfill` itself has one of that name, which would take it.
  describeCommand(
    backfill
      .command('parallel')
      .description('have so many runs at work at once from now on')
      .argument('<backfill>', "a pipeline, for its newest backfill, or a backfill's id")
      .argument('<n>', 'runs at once'),
    'asof backfill parallel verify_online_offline 4',
  ).action(action((options, named: string, n: string) => steer(options, named, 'parallel', parallelOption(n))));
}

async function list(
  options: GlobalOptions,
  pipeline: string | undefined,
  given: { limit?: string },
): Promise<undefined> {
  await withStore(options, async (store) => {
    const backfills = await store.runs.backfills.list({ pipeline, limit: countOption('--limit', given.limit) ?? 20 });
    if (options.json) printJson({ backfills });
    else
      printColumns(
        backfills.map(({ backfillId, range, status, total, done, failed, skipped, openedAt, ...record }) => ({
          backfill: backfillId.slice(0, 13),
          pipeline: record.pipeline,
          from: short(range.start),
          to: short(range.end),
          status,
          started: clock(openedAt),
          intervals: total,
          ...(status === 'running' ? { done: '', failed: '', skipped: '' } : { done, failed, skipped }),
        })),
      );
  });
}

async function steer(options: GlobalOptions, named: string, what: Steering, parallel?: number): Promise<undefined> {
  await withStore(options, async (store) => {
    const record = await store.runs.backfills.show(named);
    if (record.status !== 'running') {
      if (what !== 'status') throw over(record);
      if (options.json) printJson(record);
      else printEnd(record);
      return;
    }
    await withTemporal(store.repo.stateDir, (client) =>
      steerRunning(options, store, client, record, { what, parallel }),
    );
  });
}

async function steerRunning(
  options: GlobalOptions,
  store: FeatureStore,
  client: Client,
  record: BackfillRecord,
  { what, parallel }: { what: Steering; parallel: number | undefined },
): Promise<void> {
  const { backfillId: runId, workflowId, pipeline } = record;
  const now = await temporalStatus(client, { runId, workflowId });
  if (now !== 'RUNNING') {
    // Ended from outside, it could not write how.
    const { done, failed, skipped, failures, skips } = record;
    const message = `its workflow ended without it: Temporal says ${now ?? 'that it is unknown'}`;
    const end = { done, failed, skipped, failures, skips, message, status: 'cancelled' } as const;
    await store.runs.backfills.close({ pipeline, backfillId: runId, workflowId, ...end });
    throw over({ ...record, status: 'cancelled', message });
  }
  const handle = runHandle(client, { runId, workflowId });
  if (what === 'cancel') await handle.cancel();
  else if (what === 'parallel') await handle.signal(what, parallel);
  else if (what !== 'status') await handle.signal(what);
  if (what === 'cancel') {
    if (options.json) printJson({ backfillId: runId, workflowId, pipeline, status: 'cancelling' });
    else console.log(`Asked the backfill of ${pipeline} and its runs to end: asof backfill status ${pipeline}`);
    return;
  }
  const state = await handle.query<BackfillState>('backfill');
  if (options.json) {
    printJson({ backfillId: runId, workflowId, ...state });
    return;
  }
  console.log(`${pipeline}, ${short(state.range.start)} to ${short(state.range.end)}: ${describeState(state)}`);
  const rows = [
    ...state.current.map((interval) => ({ outcome: 'at work', ...interval, why: '' })),
    ...state.failures.map((interval) => ({ outcome: 'failed', ...interval })),
    ...state.skips.map((interval) => ({ outcome: 'skipped', ...interval })),
  ];
  if (rows.length > 0)
    printTable(
      rows.map(({ start, end, ...row }) => ({ ...row, start: short(start), end: short(end) })),
      ['outcome', 'start', 'end', 'why'],
    );
}

const over = ({ pipeline, status, message, closedAt }: BackfillRecord): DefinitionError =>
  new DefinitionError(`the backfill of ${pipeline} is over: ${message ?? `${status} at ${closedAt}`}`, {
    mend: `\`asof backfill ${pipeline} --from … --to … --only missing\` runs what is left`,
  });
