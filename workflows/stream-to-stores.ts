import {
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { EventCounts, SliceReport, StepRecord } from '../src/index.js';
import { eventTotals, steps } from './activity-proxies.js';
import type { PipelineInput, RunSummary } from './contract.js';
import { pipelineRun } from './run.js';

export const pauseSignal = defineSignal('pause');
export const resumeSignal = defineSignal('resume');
export const stopSignal = defineSignal('stop');
export const streamQuery = defineQuery<StreamState>('stream');

/** Where a stream stands: the answer to the query `stream`, and what a new execution of the workflow goes on with. */
export interface StreamState {
  readonly status: 'running' | 'paused' | 'stopping';
  readonly counts: StreamCounts;
}

/** What this run did so far. */
type StreamCounts = EventCounts & Pick<SliceReport, 'online' | 'offsets'>;

interface Continued {
  readonly state: StreamState;
  /** What the view had read before this run. */
  readonly baseline: EventCounts;
  readonly attempts: number;
  readonly startedAt: number;
}

const nothing: StreamCounts = {
  read: 0,
  written: 0,
  deadLetters: 0,
  dropped: 0,
  late: 0,
  online: { written: 0, stale: 0 },
  offsets: {},
};

/**
 * Feeds a stream's events into both stores, in slices of about a minute, until it is told to stop. Arguments: `view`;
 * `untilEnd: true` stops at the end of the topic; `acceptGap: true` goes on after lost events. Signals: pause, resume, stop.
 */
export async function streamToStores(input: PipelineInput, continued?: Continued): Promise<RunSummary> {
  let status: StreamState['status'] = continued?.state.status ?? 'running';
  let counts = continued?.state.counts ?? nothing;
  let attempts = continued?.attempts ?? 0;
  const startedAt = continued?.startedAt ?? Date.now();
  let slice: CancellationScope | undefined;
  setHandler(streamQuery, () => ({ status, counts }));
  setHandler(pauseSignal, () => {
    if (status === 'running') status = 'paused';
    slice?.cancel();
  });
  setHandler(resumeSignal, () => {
    if (status === 'paused') status = 'running';
  });
  setHandler(stopSignal, () => {
    status = 'stopping';
    slice?.cancel();
  });

  return pipelineRun(input, { accepts: ['view', 'untilEnd', 'acceptGap'], openEnded: true }, async (run) => {
    const view = run.views[0] as string;
    const { untilEnd, acceptGap } = run.args;
    const target = { runId: run.runId, view, pipeline: input.pipeline, retries: run.retries };
    const baseline = continued?.baseline ?? (await eventTotals(view));
    let resume: unknown;
    for (;;) {
      run.detail(describe(status, counts));
      await condition(() => status !== 'paused');
      if (status === 'stopping') break;
      slice = new CancellationScope();
      const reply = await slice
        .run(() =>
          steps.consumeStream.executeWithOptions({ summary: `${view}, ${counts.read} read` }, [
            { ...target, untilEnd: untilEnd === true, acceptGap: acceptGap === true, resume },
          ]),
        )
        // Cancelled before it began: nothing was read.
        .catch((error: unknown) => {
          if (isCancellation(error) && slice?.consideredCancelled === true && status !== 'running') return undefined;
          throw error;
        });
      slice = undefined;
      if (reply === undefined) continue;
      attempts += reply.attempts;
      resume = reply.done ? undefined : reply.resume;
      if (reply.done) {
        counts = addSlice(counts, reply.result, baseline);
        if (reply.result.ended === 'end_of_topic') break;
      }
      if (workflowInfo().continueAsNewSuggested) {
        await continueAsNew<typeof streamToStores>(input, { state: { status, counts }, baseline, attempts, startedAt });
      }
    }
    run.published = counts.written;
    run.record(stepOf(view, counts, attempts, Date.now() - startedAt));
    run.detail(describe('stopping', counts));
  });
}

const stepOf = (view: string, counts: StreamCounts, attempts: number, durationMs: number): StepRecord => ({
  name: `consume ${view}`,
  attempts,
  rowsIn: counts.read,
  rowsOut: counts.written,
  durationMs,
});

/** Totals are read back from the lake, so what a killed consumer committed is counted too. */
const addSlice = (
  { online, offsets }: StreamCounts,
  slice: SliceReport & { totals: EventCounts },
  baseline: EventCounts,
): StreamCounts => ({
  read: slice.totals.read - baseline.read,
  written: slice.totals.written - baseline.written,
  deadLetters: slice.totals.deadLetters - baseline.deadLetters,
  dropped: slice.totals.dropped - baseline.dropped,
  late: slice.totals.late - baseline.late,
  online: { written: online.written + slice.online.written, stale: online.stale + slice.online.stale },
  offsets: { ...offsets, ...slice.offsets },
});

function describe(status: string, { read, written, deadLetters, dropped, late, offsets }: StreamCounts): string {
  const partitions = Object.entries(offsets).map(([partition, { next, end }]) => `| ${partition} | ${next} | ${end} |`);
  return [
    `**${status}**: ${read} read, ${written} written, ${deadLetters} dead letters, ${dropped} dropped, ${late} late`,
    '',
    '| partition | next offset | end |',
    '|---|---|---|',
    ...partitions,
  ].join('\n');
}
