import { Context } from '@temporalio/activity';

const everyMs = 1_000;

/** What the beats of an activity tell. */
const telling = new WeakMap<Context, () => unknown>();

/**
 * Beats from a timer while `work` runs: DuckDB may be busy for minutes, and a lost worker shows by the missing beat. Work inside of
 * work changes only what the beats tell.
 */
export async function whileBeating<T>(work: () => Promise<T>, details: () => unknown = () => undefined): Promise<T> {
  const context = Context.current();
  const isBeating = telling.has(context);
  telling.set(context, details);
  if (isBeating) return work();
  const timer = setInterval(() => context.heartbeat(telling.get(context)?.()), everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    telling.delete(context);
  }
}
