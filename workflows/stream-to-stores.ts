import {
  ActivityFailure,
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { EventCounts } from '../src/index.js';
import { eventTotals, steps } from './lib/activity-proxies.js';
import type { PipelineInput, RunSummary } from './lib/contract.js';
import { pipelineRun } from './lib/run.js';
import {
  addSlice,
  describeStream,
  hearOf,
  nothing,
  type SliceNews,
  type StreamCounts,
  stepOf,
} from './lib/stream-progress.js';

export const pauseSignal = defineSignal('pause');
export const resumeSignal = defineSignal('resume');
export const stopSignal = defineSignal('stop');
/** From the consumers at work; they know it by name (activities/consume-stream.ts). */
export const newsSignal = defineSignal<[Pick<SliceNews, 'totals' | 'offsets'>]>('sliceNews');
export const streamQuery = defineQuery<StreamState>('stream');

/** Where a stream stands: the answer to the query `stream`, and what a new execution of the workflow goes on with. */
export interface StreamState {
  readonly status: 'running' | 'paused' | 'stopping';
  readonly counts: StreamCounts;
}

interface Continued {
  readonly state: StreamState;
  /** What the view had read before this run. */
  readonly baseline: EventCounts;
  readonly attempts: number;
  readonly startedAt: number;
  readonly isUncounted?: boolean;
}

/**
 * Feeds a stream's events into both stores, in slices of some minutes, until it is told to stop. Arguments: `view`;
 * `untilEnd: true` stops at the end of the topic; `acceptGap: true` goes on after lost events; `consumers: 3` reads with so many
 * members of the view's consumer group at once, wherever there are workers. Signals: pause, resume, stop.
 */
export async function streamToStores(input: PipelineInput, continued?: Continued): Promise<RunSummary> {
  let status: StreamState['status'] = continued?.state.status ?? 'running';
  let counts = continued?.state.counts ?? nothing;
  let attempts = continued?.attempts ?? 0;
  let baseline = continued?.baseline;
  const startedAt = continued?.startedAt ?? Date.now();
  const slices = new Set<CancellationScope>();
  const handedIn = new Set<CancellationScope>();
  /** What a slice committed that could not report is in the view's totals alone. */
  let isUncounted = continued?.isUncounted ?? false;
  /** Set when the consumers are to hand in their slices, and no more: one of them failed, or the history is long enough. */
  let ending: 'failed' | 'renewed' | undefined;
  let show = (): void => undefined;
  const handIn = (): void => {
    for (const slice of slices) {
      handedIn.add(slice);
      slice.cancel();
    }
  };
  setHandler(streamQuery, () => ({ status, counts }));
  setHandler(newsSignal, (news) => {
    if (baseline !== undefined) counts = hearOf(counts, news, baseline);
    show();
  });
  setHandler(pauseSignal, () => {
    if (status === 'running') status = 'paused';
    handIn();
  });
  setHandler(resumeSignal, () => {
    if (status === 'paused') status = 'running';
  });
  setHandler(stopSignal, () => {
    status = 'stopping';
    handIn();
  });

  return pipelineRun(input, { openEnded: true }, async (run) => {
    const view = run.views[0] as string;
    const { untilEnd, acceptGap, consumers } = run.args;
    const target = { runId: run.runId, view, pipeline: input.pipeline, retries: run.retries };
    const before = baseline ?? (await eventTotals(view));
    baseline = before;
    show = () => run.detail(describeStream(status, counts));

    /** One member of the group, slice after slice. */
    async function consume(consumer: number): Promise<void> {
      let resume: unknown;
      for (;;) {
        show();
        await condition(() => status !== 'paused' || ending !== undefined);
        if (status === 'stopping' || ending !== undefined) return;
        const slice = new CancellationScope();
        slices.add(slice);
        const reply = await slice
          .run(() =>
            steps.consumeStream.executeWithOptions({ summary: `${view}, ${counts.read} read` }, [
              { ...target, untilEnd: untilEnd === true, acceptGap: acceptGap === true, resume, consumer },
            ]),
          )
          .catch((error: unknown) => {
            // Cancelled before it began, or lost meanwhile: a step that was cancelled is not tried again.
            if (!handedIn.has(slice) || !(isCancellation(error) || isLost(error))) throw error;
            isUncounted = true;
            return undefined;
          })
          .finally(() => {
            slices.delete(slice);
            handedIn.delete(slice);
          });
        if (reply === undefined) continue;
        attempts += reply.attempts;
        resume = reply.done ? undefined : reply.resume;
        if (reply.done) {
          counts = addSlice(counts, reply.result, before);
          if (reply.result.ended === 'end_of_topic') return;
        }
        if (workflowInfo().continueAsNewSuggested) {
          ending ??= 'renewed';
          handIn();
          return;
        }
      }
    }

    const members = Array.from({ length: typeof consumers === 'number' ? consumers : 1 }, (_, consumer) =>
      consume(consumer).catch((error: unknown) => {
        ending = 'failed';
        handIn();
        throw error;
      }),
    );
    // All of them hand in what they did before the run fails by one.
    const failed = (await Promise.allSettled(members)).find((member) => member.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    if (ending === 'renewed') {
      const state = { status, counts };
      const next = { state, baseline: before, attempts, startedAt, isUncounted };
      await continueAsNew<typeof streamToStores>(input, next);
    }
    if (isUncounted && patched('count slices that could not report'))
      counts = hearOf(counts, { totals: await eventTotals(view), offsets: {} }, before);
    run.published = counts.written;
    run.record(stepOf(view, counts, attempts, Date.now() - startedAt));
    run.detail(describeStream('stopping', counts));
  });
}

/** Of a worker that died, or a store that was away: it would be tried again, had nobody asked to cancel it. */
const isLost = (error: unknown): boolean => error instanceof ActivityFailure && error.retryState === 'CANCEL_REQUESTED';
