import { Context } from '@temporalio/activity';
import { describeError, type LogFields, type LogLevel } from '../../src/index.js';
import type { ActivityDeps } from './deps.js';

/** How often a step's progress is told. */
const progressEveryMs = 30_000;

/** Tells something of a step in the run's log (`asof logs <run>`). Names, counts and paths; never rows, never secrets. */
export type Log = (message: string, fields?: LogFields, level?: LogLevel) => void;

/** The step in people's words: `exploreAndValidate` → `explore and validate`. */
const inWords = (activity: string): string =>
  activity === 'consumeStream' ? 'consume' : activity.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/**
 * The log of the run the activity works for, told from the activity at work.
 * @param before attempts that handed the step back.
 */
export function stepLog(
  { store }: ActivityDeps,
  input: { readonly runId: string; readonly view?: string | undefined },
  before = 0,
): Log {
  const { activityType, attempt: latest } = Context.current().info;
  const attempt = before + latest;
  const step = inWords(activityType);
  return (message, fields, level = 'info') =>
    store.logs.write(input.runId, { level, step, view: input.view, attempt, message, fields });
}

/** Errors of ours say all there is to say, the mend included; of others the place in the code helps. */
export function logFailure(log: Log, error: unknown, what: string, level: LogLevel): void {
  const stack = error instanceof Error && !isOwn(error) ? error.stack?.split('\n').slice(1, 6).join('\n') : undefined;
  log(`${what}: ${describeError(error)}`, stack === undefined ? undefined : { stack }, level);
}

/** What a bookkeeping activity failed with; steps tell of their failures themselves. */
export function logRefusal(deps: ActivityDeps, input: unknown, error: unknown): void {
  const { runId } = (typeof input === 'object' ? (input ?? {}) : {}) as { runId?: unknown };
  if (typeof runId === 'string') logFailure(stepLog(deps, { runId }), error, 'failed', 'error');
}

/** Progress in the log now and then: enough to see afterwards that a step moved, and how fast. */
export function progressLog(log: Log): (progress: object) => void {
  let nextAt = Date.now() + progressEveryMs;
  return ({ message = 'at work', ...fields }: { message?: unknown }) => {
    if (Date.now() < nextAt) return;
    nextAt = Date.now() + progressEveryMs;
    log(String(message), fields);
  };
}

export const isOwn = (error: Error): boolean => 'mend' in error;
