import {
  ApplicationFailure,
  CancellationScope,
  ContinueAsNew,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { closeBackfill, nextIntervals, openBackfill } from './lib/activity-proxies.js';
import type { BackfillInput, BackfillSummary, ContinuedBackfill } from './lib/backfill-contract.js';
import type { BackfillEnd, BackfillState } from './lib/backfill-progress.js';
import { BackfillWork } from './lib/backfill-work.js';
import { innerFailure, rootMessage } from './lib/run.js';
import { backfillAttributes } from './lib/search-attributes.js';

export const pauseSignal = defineSignal('pause');
export const resumeSignal = defineSignal('resume');
export const stopSignal = defineSignal('stop');
export const parallelSignal = defineSignal<[number]>('parallel');
export const backfillQuery = defineQuery<BackfillState>('backfill');

/**
 * Runs a pipeline for each interval of a range that is meant, some at once, each as a workflow of its own; tries all of them
 * before it fails for any. A run that the definitions refuse is put back, and the backfill pauses. Signals: pause and resume; stop starts no more and lets those at work end; parallel sets how many are
 * at work at once. Cancelling it cancels them too.
 */
export async function backfill(input: BackfillInput, continued?: ContinuedBackfill): Promise<BackfillSummary> {
  const { firstExecutionRunId: backfillId, workflowId } = workflowInfo();
  const identity = { pipeline: input.pipeline, backfillId, workflowId };
  const work = new BackfillWork(input, continued);
  setHandler(backfillQuery, () => work.state());
  setHandler(pauseSignal, () => work.pause());
  setHandler(resumeSignal, () => work.resume());
  setHandler(stopSignal, () => work.stop());
  setHandler(parallelSignal, (parallel) => work.setParallel(parallel));
  if (continued === undefined) {
    const opened = await openBackfill({ ...identity, ...input }).catch((error: unknown) => {
      throw innerFailure(error);
    });
    upsertSearchAttributes(backfillAttributes(input.pipeline, opened));
    work.open(opened);
  }

  const close = async (status: BackfillEnd, message?: string): Promise<void> => {
    const { workedMs, ...counts } = work.tally;
    await closeBackfill({ ...identity, status, message, ...counts });
    work.show(status);
  };
  try {
    do {
      while (!work.isAllStarted) {
        const range = work.unplanned;
        if (range !== undefined) {
          work.plan(await nextIntervals({ ...input, range }));
          continue;
        }
        await condition(() => work.isReady || work.isStopping);
        if (work.isStopping || workflowInfo().continueAsNewSuggested) break;
        work.startNext();
      }
      await condition(() => work.isIdle);
      // The last ones at work may have been put back.
    } while (!work.isAllStarted && !work.isStopping && !workflowInfo().continueAsNewSuggested);
    if (!work.isAllStarted && !work.isStopping) await continueAsNew<typeof backfill>(input, work.toContinue());
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    await CancellationScope.nonCancellable(async () => {
      await condition(() => work.isIdle);
      await close(isCancellation(error) ? 'cancelled' : 'failed', rootMessage(error));
    });
    throw innerFailure(error);
  }
  const { done, failed, skipped } = work.tally;
  const message = failed === 0 ? undefined : describeFailure(input, work.state());
  if (!work.isAllStarted) await close('stopped', message);
  else await close(failed === 0 ? 'completed' : 'failed', message);
  if (work.isAllStarted && message !== undefined) throw ApplicationFailure.nonRetryable(message, 'DataError');
  const status = work.isAllStarted ? 'completed' : 'stopped';
  return { pipeline: input.pipeline, workflowId, status, total: work.state().counts.total, done, failed, skipped };
}

function describeFailure({ pipeline, from, to }: BackfillInput, { counts, failures }: BackfillState): string {
  const named = failures.slice(0, 3).map(({ start, end, why }) => `${start}/${end}: ${why}`);
  const more = counts.failed > named.length ? `; and ${counts.failed - named.length} more` : '';
  const again = `asof backfill ${pipeline} --from ${from} --to ${to} --only failed`;
  return `${counts.failed} of ${counts.total} intervals failed: ${named.join('; ')}${more}\n  → \`${again}\` runs them again`;
}
