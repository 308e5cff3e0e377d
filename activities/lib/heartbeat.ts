import { Context } from '@temporalio/activity';

const everyMs = 1_000;

/** Beats from a timer while `work` runs: DuckDB may be busy for minutes, and a lost worker shows by the missing beat. */
export async function whileBeating<T>(work: () => Promise<T>, details: () => unknown = () => undefined): Promise<T> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(details()), everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
