import type { Client } from '@temporalio/client';
import { type FeatureStore, StoreUnavailableError } from '../index.js';
import { hasWorker, runUrl, type StartedRun, type TemporalService } from '../temporal/index.js';
import { exitCodes } from './exit-code.js';
import { interruptSignal } from './interrupt.js';
import { plural, printJson } from './output.js';
import { failedExpectations, printFailedExpectations, printSteps } from './print-run.js';
import { printableLines } from './printable.js';
import { runTask } from './progress.js';
import { reportLines } from './report-lines.js';
import { type RunOutcome, refusalOf, waitForRun } from './wait-for-run.js';

/** @throws StoreUnavailableError when a run that is started would wait for a worker. */
export async function requireWorker(client: Client, project: string): Promise<void> {
  if (await hasWorker(client, project)) return;
  throw new StoreUnavailableError(`no worker serves project "${project}"`, {
    mend: 'start one with `asof worker`, or Temporal and a worker with `asof up`',
  });
}

interface Telling {
  readonly title: string;
  /** Until the run ends; else until it is known that it was not refused. */
  readonly wait: boolean;
  readonly json: boolean;
  /** What else the JSON object says. */
  readonly also?: object;
}

/** Tells what becomes of a run that was just started. @returns the exit code. */
export async function tellOfStarted(
  store: FeatureStore,
  service: TemporalService,
  started: StartedRun,
  options: Telling,
): Promise<number> {
  const { runId, workflowId } = started;
  const url = runUrl(service, workflowId, runId);
  const signal = interruptSignal();
  if (!options.wait) {
    const message = await refusalOf(store, started, signal);
    const status = message === undefined ? 'running' : 'failed';
    const lines = [message === undefined ? `Started ${workflowId}` : `Refused: ${workflowId}`, `run ${runId}`, url];
    if (options.json) printJson({ runId, workflowId, status, message, ...options.also, url });
    else console.log(lines.filter((line) => line !== undefined).join('\n'));
    if (message === undefined) return exitCodes.ok;
    if (!options.json) console.error(`asof: ${message}`);
    return exitCodes.data;
  }
  try {
    const outcome = await runTask(options.title, options, (update) => waitForRun(store, started, update, signal));
    await print(store, outcome, url, options);
    return outcome.status === 'completed' ? exitCodes.ok : exitCodes.data;
  } catch (error) {
    if (!signal.aborted) throw error;
    console.error(`asof: no longer waiting; the run goes on: asof runs show ${runId}`);
    return exitCodes.interrupted;
  }
}

async function print(
  store: FeatureStore,
  outcome: RunOutcome,
  url: string | undefined,
  { json, also }: Telling,
): Promise<void> {
  if (json) {
    const failed = outcome.status === 'completed' ? undefined : await failedExpectations(store, outcome.runId);
    printJson({ ...outcome, ...also, failedExpectations: failed, url });
    return;
  }
  printSteps(outcome.steps);
  console.log(
    `${outcome.status}, ${plural(outcome.published, 'row')} published${outcome.quality === undefined ? '' : `, quality: ${outcome.quality}`}`,
  );
  for (const line of reportLines(outcome.reports)) console.log(line);
  if (url !== undefined) console.log(url);
  if (outcome.status === 'completed') return;
  console.error(`asof: ${printableLines(outcome.message ?? '')}`);
  await printFailedExpectations(store, outcome.runId);
}
