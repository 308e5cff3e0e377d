import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { describeError, finalErrorNames } from '../../src/index.js';
import type { ActivityDeps } from './deps.js';
import { whileBeating } from './heartbeat.js';
import type { StepCall } from './step-input.js';
import { isOwn, type Log, logFailure, progressLog, stepLog } from './step-log.js';

/** What a step that was handed back goes on from: its own cursor, and how often it was started and failed before. */
export interface Resume<C> {
  readonly cursor: C | undefined;
  readonly attempts: number;
  readonly failures: number;
}

export type StepReply<R, C = unknown> =
  | { readonly done: true; readonly result: R; readonly attempts: number }
  | { readonly done: false; readonly resume: Resume<C>; readonly attempts: number };

export interface StepWork<C> {
  /** Aborts when the workflow cancels the step or the worker shuts down. */
  readonly signal: AbortSignal;
  /** Where an earlier try was. */
  readonly resume: C | undefined;
  /** Shown in the Web UI with the next heartbeat; now and then kept in the run's log. */
  progress(message: object): void;
  /** Kept in the run's log. */
  readonly log: Log;
  /** Where to go on from, should this try not come to its end. */
  cursor(cursor: C): void;
}

interface Details<C> {
  readonly failures: number;
  readonly cursor?: C | undefined;
  readonly progress?: object | undefined;
}

/**
 * Runs a step so that only its own failures count as attempts: Temporal retries without limit, lost workers and deploys included;
 * the step counts its failures in the heartbeat and makes the last one final. Beats from a timer, because DuckDB may be busy for
 * minutes. When the worker shuts down, the step hands back its cursor and the workflow calls it again elsewhere.
 */
export async function resumableStep<R, C = never>(
  deps: ActivityDeps,
  { runId, view, retries, resume: handedBack }: StepCall,
  work: (step: StepWork<C>) => Promise<R>,
): Promise<StepReply<R, C>> {
  const { shutdown } = deps;
  const context = Context.current();
  const before = (handedBack ?? { attempts: 0, failures: 0 }) as Resume<C>;
  const last = context.info.heartbeatDetails as Details<C> | undefined;
  const attempts = before.attempts + context.info.attempt;
  let details: Details<C> = { failures: before.failures, cursor: before.cursor, ...last };
  const beat = (next: Partial<Details<C>> = {}): void => {
    details = { ...details, ...next };
    context.heartbeat(details);
  };
  beat();
  const log = stepLog(deps, { runId, view }, before.attempts);
  const tell = progressLog(log);
  const startedAt = Date.now();
  log('begun', startFields(details));
  const signal = AbortSignal.any([context.cancellationSignal, shutdown]);
  try {
    const step: StepWork<C> = {
      signal,
      resume: details.cursor,
      progress: (progress) => {
        beat({ progress });
        tell(progress);
      },
      log,
      cursor: (cursor) => beat({ cursor }),
    };
    const result = await whileBeating(
      () => work(step),
      () => details,
    );
    log('done', { ...rowsOf(result), durationMs: Date.now() - startedAt });
    return { done: true, result, attempts };
  } catch (error) {
    if (context.cancellationSignal.aborted && !shutdown.aborted) {
      log('cancelled', { durationMs: Date.now() - startedAt }, 'warn');
      throw new CancelledFailure('the step was cancelled');
    }
    if (shutdown.aborted) {
      log('handed back: the worker is shutting down, the next one goes on from here', cursorOf(details), 'warn');
      return { done: false, resume: { cursor: details.cursor, attempts, failures: details.failures }, attempts };
    }
    const failures = details.failures + 1;
    beat({ failures });
    const failure = asFailure(error, failures >= retries.attempts, { delayMs: retries.delayMs, attempts });
    const of = `failure ${failures} of at most ${retries.attempts}`;
    if (failure.nonRetryable) logFailure(log, error, `failed for good (${of})`, 'error');
    else logFailure(log, error, `failed (${of}), is tried again in ${retries.delayMs / 1000} s`, 'warn');
    throw failure;
  }
}

/** Class names are wire contract: they decide whether Temporal tries again. Messages stay small and carry their mend. */
export function asFailure(
  error: unknown,
  exhausted: boolean,
  {
    delayMs,
    attempts,
    also,
  }: { delayMs?: number | undefined; attempts?: number; also?: Readonly<Record<string, unknown>> | undefined } = {},
): ApplicationFailure {
  const type = error instanceof Error ? error.name : 'Error';
  const final = exhausted || (finalErrorNames as readonly string[]).includes(type);
  const failure = ApplicationFailure.create({
    message: describeError(error).slice(0, 4_000),
    type,
    nonRetryable: final,
    ...(final || delayMs === undefined ? {} : { nextRetryDelay: delayMs }),
    ...(attempts === undefined && also === undefined ? {} : { details: [{ attempts, ...also }] }),
  });
  // Own errors say all there is to say; for others the place in the code helps.
  if (error instanceof Error) failure.stack = isOwn(error) ? '' : (error.stack ?? '');
  return failure;
}

const cursorOf = ({ cursor }: Details<unknown>): { cursor?: unknown } => (cursor === undefined ? {} : { cursor });

/** What an attempt begins with; nothing for the first one. */
const startFields = ({ failures, cursor }: Details<unknown>): { failures?: number; cursor?: unknown } => ({
  ...(failures === 0 ? {} : { failures }),
  ...cursorOf({ failures, cursor }),
});

/** The numbers of a result, and short texts: what a log line can hold of it. */
function rowsOf(result: unknown): Record<string, unknown> {
  const told = Object.entries((result ?? {}) as Record<string, unknown>).filter(
    ([, value]) => ['number', 'boolean'].includes(typeof value) || (typeof value === 'string' && value.length < 200),
  );
  return Object.fromEntries(told);
}
