import type { RunProgress } from '../../workflows/contract.js';
import type { FeatureStore, RunRecord, StepRecord } from '../index.js';
import { failureReason, type StartedRun } from '../temporal/index.js';

/** How a run ended, as `asof run --wait --json` prints it. */
export interface RunOutcome
  extends Pick<RunRecord, 'runId' | 'workflowId' | 'published' | 'steps' | 'quality' | 'reports'> {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly message: string | undefined;
}

/**
 * Waits for a run and tells its steps as they go by.
 * @param signal aborting stops the waiting; the run goes on.
 */
export async function waitForRun(
  store: FeatureStore,
  { workflowId, runId, handle }: StartedRun,
  tell: (line: string) => void,
  signal?: AbortSignal,
): Promise<RunOutcome> {
  const ended = handle.result().then(
    () => ({ status: 'completed' as const, message: undefined }),
    (error: unknown) => {
      const cancelled =
        error instanceof Error && error.cause instanceof Error && error.cause.name === 'CancelledFailure';
      return { status: cancelled ? ('cancelled' as const) : ('failed' as const), message: failureReason(error) };
    },
  );
  const watching = new AbortController();
  const watch = watchProgress(handle, tell, watching.signal);
  try {
    const outcome = await Promise.race([ended, rejectWhenAborted(signal)]);
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
    await watch;
  }
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

const rejectWhenAborted = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
