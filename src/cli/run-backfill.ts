import type { Client } from '@temporalio/client';
import type { BackfillState } from '../../workflows/lib/backfill-progress.js';
import {
  type BackfillPlan,
  type BackfillRequest,
  type DataInterval,
  type FeatureStore,
  type IsRunning,
  nextIntervals,
  planBackfill,
} from '../index.js';
import { failureReason, type StartedRun, startBackfill, temporalStatus } from '../temporal/index.js';
import { exitCodes } from './exit-code.js';
import { aborted, interruptSignal } from './interrupt.js';
import { plural, printJson } from './output.js';
import { describeState, printEnd, printPlan } from './print-backfill.js';
import { runTask } from './progress.js';
import { requireWorker } from './started-run.js';
import { findTemporal, withTemporal } from './temporal-location.js';

interface Telling {
  readonly json: boolean;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
}

/**
 * Starts a backfill, or only shows what it would run.
 * @returns the exit code.
 * @throws DefinitionError for what can't be meant; FencedError beside another of the same time.
 */
export async function runBackfill(
  store: FeatureStore,
  telling: Telling,
  { parallel, ...request }: BackfillRequest & { readonly parallel: number },
): Promise<number> {
  await store.requireApplied();
  if (telling.dryRun === true) {
    // Without a server, runs whose records are open count as at work.
    const known = (await findTemporal(store.repo.stateDir)) !== undefined;
    const plan = (isRunning?: IsRunning) => dryRun(store, telling, request, isRunning);
    return known ? withTemporal(store.repo.stateDir, (client) => plan(isRunningBy(client))) : plan();
  }
  return withTemporal(store.repo.stateDir, async (client) => {
    const plan = await planBackfill(store, request, isRunningBy(client));
    if (plan.total === 0) {
      const { total, statuses, notes } = plan;
      if (telling.json) printJson({ pipeline: request.pipeline, status: 'nothing to do', total, statuses, notes });
      else printPlan(plan, [], request);
      return exitCodes.ok;
    }
    await requireWorker(client, store.project);
    const { everyMs, only, newestFirst = false, args = {} } = request;
    const started = await startBackfill(client, store.project, {
      ...{ pipeline: request.pipeline, from: plan.from.toISOString(), to: plan.to.toISOString(), only, parallel, args },
      ...{ reverse: newestFirst, ...(everyMs === undefined ? {} : { everyMs }) },
    });
    return tellOfStarted(store, client, started, plan, telling);
  });
}

const isRunningBy =
  (client: Client): IsRunning =>
  async (holder) =>
    (await temporalStatus(client, holder)) === 'RUNNING';

async function dryRun(
  store: FeatureStore,
  { json }: Telling,
  request: BackfillRequest,
  isRunning: IsRunning | undefined,
): Promise<number> {
  const plan = await planBackfill(store, request, isRunning);
  const intervals: DataInterval[] = [];
  let rest: BackfillRequest | undefined = plan.total === 0 ? undefined : { ...request, from: plan.from, to: plan.to };
  while (rest !== undefined) {
    const page = await nextIntervals(store, rest, isRunning);
    intervals.push(...page.intervals);
    rest = page.rest === undefined ? undefined : { ...rest, ...page.rest };
  }
  if (!json) printPlan(plan, intervals, request);
  else {
    const { from, to, total, statuses, notes } = plan;
    printJson({ ...{ pipeline: request.pipeline, dryRun: true, from, to, total, statuses, notes }, intervals });
  }
  return exitCodes.ok;
}

async function tellOfStarted(
  store: FeatureStore,
  client: Client,
  { handle, runId, workflowId }: StartedRun,
  plan: BackfillPlan,
  { json, wait = false }: Telling,
): Promise<number> {
  const { name } = plan.pipeline;
  const signal = interruptSignal();
  const watching = new AbortController();
  const ended = client
    .withAbortSignal(AbortSignal.any([signal, watching.signal]), () => handle.result())
    .then(
      () => undefined,
      (error: unknown) => failureReason(error),
    );
  const refused = await Promise.race([ended.then((message) => ({ message })), opened(store, runId, signal)]);
  const record = await store.runs.backfills.find(runId);
  if (record === undefined && refused !== undefined && !signal.aborted) {
    if (json) printJson({ backfillId: runId, workflowId, status: 'failed', message: refused.message });
    else console.error(`asof: ${refused.message}`);
    return exitCodes.data;
  }
  const goesOn = `it goes on: asof backfill status ${name}`;
  if (!wait) {
    watching.abort();
    if (json) printJson({ backfillId: runId, workflowId, status: 'running', total: plan.total, notes: plan.notes });
    else {
      for (const note of plan.notes) console.log(note);
      console.log(`Started a backfill of ${plural(plan.total, 'interval')}; ${goesOn}`);
    }
    return exitCodes.ok;
  }
  const paused = await runTask(name, { json }, async (update) => {
    const watch = watchState(handle, update, watching.signal);
    await Promise.race([ended, aborted(signal), watch]);
    watching.abort();
    return watch;
  });
  if (signal.aborted) {
    console.error(`asof: no longer waiting; ${goesOn}`);
    return exitCodes.interrupted;
  }
  if (paused !== undefined) {
    if (json) printJson({ backfillId: runId, workflowId, ...paused });
    else console.error(`asof: the backfill paused: ${paused.reason}`);
    console.error(`  → mend the definitions, \`asof apply\`, then \`asof backfill resume ${name}\``);
    return exitCodes.definition;
  }
  const end = await store.runs.backfills.show(runId);
  if (json) printJson({ ...end, notes: plan.notes });
  else printEnd(end, plan.notes);
  return end.status === 'completed' ? exitCodes.ok : exitCodes.data;
}

/** Settles when the backfill has its record. */
async function opened(store: FeatureStore, runId: string, signal: AbortSignal): Promise<undefined> {
  while (!signal.aborted && (await store.runs.backfills.find(runId)) === undefined) await pause(200);
  return undefined;
}

/** @returns the state of a backfill that paused by itself: it waits for somebody. */
async function watchState(
  handle: StartedRun['handle'],
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<BackfillState | undefined> {
  while (!signal.aborted) {
    const state = await handle.query<BackfillState>('backfill').catch(() => undefined);
    if (state !== undefined && !signal.aborted) tell(describeState(state));
    if (state?.status === 'paused' && state.reason !== undefined) return state;
    await pause(400);
  }
  return undefined;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
