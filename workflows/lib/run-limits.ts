import { ApplicationFailure, CancellationScope, isCancellation, setCurrentDetails, sleep } from '@temporalio/workflow';
import { openRun } from './activity-proxies.js';
import type { OpenAnswer, OpenedRun } from './contract.js';

/** Waits for its turn where only so many runs of the pipeline may be at work. */
export async function openWhenFree(input: Parameters<typeof openRun>[0]): Promise<OpenedRun> {
  for (let waits = 0; ; waits += 1) {
    const answer = (await openRun(input)) as OpenAnswer;
    if (!('waitMs' in answer)) return answer;
    setCurrentDetails(answer.reason);
    await sleep(Math.min(answer.waitMs * 2 ** Math.min(waits, 6), longestWaitMs));
  }
}

/** Long enough that a day of waiting leaves a history far below its limits. */
const longestWaitMs = 60_000;

/**
 * Runs `work` within its timeout.
 * @throws ApplicationFailure of type `TimeoutError` when it takes longer; its steps are cancelled then.
 */
export async function withinTime(opened: OpenedRun, work: () => Promise<void>): Promise<void> {
  const { timeoutAt } = opened;
  if (timeoutAt === undefined) return work();
  const scope = new CancellationScope();
  let isLate = false;
  const timer = new CancellationScope();
  timer
    .run(() => sleep(Math.max(1, Date.parse(timeoutAt) - Date.now())))
    .then(
      () => {
        isLate = true;
        scope.cancel();
      },
      () => undefined,
    );
  try {
    await scope.run(work);
  } catch (error) {
    if (!isLate || !isCancellation(error)) throw error;
    throw ApplicationFailure.nonRetryable(
      `the run was not done by ${timeoutAt}, the end of its timeout`,
      'TimeoutError',
    );
  } finally {
    timer.cancel();
  }
}

/**
 * Calls `onMissed` when the run is still at work at its deadline; it goes on.
 * @returns what ends the watch.
 */
export function watchDeadline({ dueAt }: OpenedRun, onMissed: (dueAt: string) => Promise<void>): CancellationScope {
  const watch = new CancellationScope();
  if (dueAt === undefined) return watch;
  watch
    .run(async () => {
      await sleep(Math.max(1, Date.parse(dueAt) - Date.now()));
      await onMissed(dueAt);
    })
    .catch(() => undefined);
  return watch;
}
