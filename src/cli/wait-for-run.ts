import type { RunProgress } from '../../workflows/lib/contract.js';
import { type FeatureStore, type RunRecord, type StepRecord, StoreUnavailableError } from '../index.js';
import { failureReason, hasBegun, type StartedRun } from '../temporal/index.js';

/** How a run ended, as `asof run --wait --json` prints it. */
export interface RunOutcome
  extends Pick<RunRecord, 'runId' | 'workflowId' | 'published' | 'steps' | 'quality' | 'reports'> {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly message: string | undefined;
}

/**
 * Waits for a run and tells its steps as they go by.
 * @param signal aborting stops the waiting; the run goes on.
 * @throws StoreUnavailableError when no worker knows its workflow.
 */
export async function waitForRun(
  store: FeatureStore,
  { workflowId, runId, handle }: StartedRun,
  tell: (line: string) => void,
  signal?: AbortSignal,
): Promise<RunOutcome> {
  const watching = new AbortController();
  const ended = resultOf(handle, AbortSignal.any([watching.signal, ...(signal === undefined ? [] : [signal])])).then(
    () => ({ status: 'completed' as const, message: undefined }),
    (error: unknown) => {
      const cancelled =
        error instanceof Error && error.cause instanceof Error && error.cause.name === 'CancelledFailure';
      return { status: cancelled ? ('cancelled' as const) : ('failed' as const), message: failureReason(error) };
    },
  );
  const watch = watchProgress(handle, tell, watching.signal);
  const beginning = watchBeginning(handle, watching.signal);
  try {
    const outcome = await Promise.race([ended, rejectWhenAborted(signal), beginning.then(never)]);
    const record = await store.runs.find(runId);
    return {
      runId,
      workflowId,
      ...outcome,
      published: record?.published ?? 0,
      steps: record?.steps ?? [],
      quality: record?.quality,
      reports: record?.reports ?? {},
    };
  } finally {
    watching.abort();
    await Promise.allSettled([watch, beginning]);
  }
}

/** An answer still awaited when the connection closes would be asked for again on the closed connection, and end the process. */
const resultOf = (handle: StartedRun['handle'], signal: AbortSignal): Promise<unknown> =>
  handle.client.withAbortSignal(signal, () => handle.result());

/** How long a run may take to open before nobody waits for it any more. */
const openingMs = 10_000;

/**
 * Waits until a run has its record, for a moment at most.
 * @returns why it ended without one: wrong arguments, another run at work on its interval, definitions that were not applied.
 * @throws StoreUnavailableError when no worker knows its workflow.
 */
export async function refusalOf(
  store: FeatureStore,
  { runId, handle }: StartedRun,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const until = Date.now() + openingMs; Date.now() < until && !signal.aborted; ) {
    if ((await store.runs.find(runId)) !== undefined) return undefined;
    const { status } = await handle.describe();
    if (status.name === 'FAILED') return handle.result().then(() => undefined, failureReason);
    await hasBegun(handle);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return undefined;
}

/** Looks as long as a run has not begun, no longer. @throws StoreUnavailableError when no worker knows its workflow. */
async function watchBeginning(handle: StartedRun['handle'], signal: AbortSignal): Promise<void> {
  const begun = (): Promise<boolean> =>
    hasBegun(handle).catch((error: unknown) => {
      if (error instanceof StoreUnavailableError) throw error;
      return false; // The server did not answer: whether it comes back is for those to say who wait for the end.
    });
  while (!signal.aborted && !(await begun())) await new Promise((resolve) => setTimeout(resolve, 400));
}

async function watchProgress(
  handle: StartedRun['handle'],
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const progress = await handle.query<RunProgress>('progress').catch(() => undefined);
    if (progress !== undefined && !signal.aborted) tell(describeProgress(progress));
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}

const describeProgress = ({ step, steps }: RunProgress): string => {
  const done = steps.map(describeStep).join(', ');
  return [done, step].filter((part) => part !== undefined && part !== '').join(' → ');
};

const describeStep = ({ name, rowsOut }: StepRecord): string => `${name} (${rowsOut.toLocaleString('en')})`;

const never = (): Promise<never> => new Promise(() => undefined);

const rejectWhenAborted = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
