import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { describeError, finalErrorNames, type Retries } from '../../src/index.js';
import type { ActivityDeps } from './deps.js';
import { whileBeating } from './heartbeat.js';

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
  /** Shown in the Web UI with the next heartbeat. */
  progress(message: object): void;
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
  { shutdown }: ActivityDeps,
  retries: Retries,
  handedBack: unknown,
  work: (step: StepWork<C>) => Promise<R>,
): Promise<StepReply<R, C>> {
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
  const signal = AbortSignal.any([context.cancellationSignal, shutdown]);
  try {
    const step: StepWork<C> = {
      signal,
      resume: details.cursor,
      progress: (progress) => beat({ progress }),
      cursor: (cursor) => beat({ cursor }),
    };
    const result = await whileBeating(
      () => work(step),
      () => details,
    );
    return { done: true, result, attempts };
  } catch (error) {
    if (context.cancellationSignal.aborted && !shutdown.aborted) throw new CancelledFailure('the step was cancelled');
    if (shutdown.aborted) {
      return { done: false, resume: { cursor: details.cursor, attempts, failures: details.failures }, attempts };
    }
    const failures = details.failures + 1;
    beat({ failures });
    throw asFailure(error, failures >= retries.attempts, retries.delayMs);
  }
}

/** Class names are wire contract: they decide whether Temporal tries again. Messages stay small and carry their mend. */
export function asFailure(error: unknown, exhausted: boolean, delayMs?: number): ApplicationFailure {
  const type = error instanceof Error ? error.name : 'Error';
  const final = exhausted || (finalErrorNames as readonly string[]).includes(type);
  const failure = ApplicationFailure.create({
    message: describeError(error).slice(0, 4_000),
    type,
    nonRetryable: final,
    ...(final || delayMs === undefined ? {} : { nextRetryDelay: delayMs }),
  });
  // Own errors say all there is to say; for others the place in the code helps.
  if (error instanceof Error) failure.stack = isOwn(error) ? '' : (error.stack ?? '');
  return failure;
}

const isOwn = (error: Error): boolean => 'mend' in error;
