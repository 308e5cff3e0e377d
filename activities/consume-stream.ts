import type { EventCounts, SliceReport } from '../src/index.js';
import type { ActivityDeps } from './deps.js';
import { resumableStep } from './resumable-step.js';
import type { StepInput } from './step-input.js';
import { streamMeter } from './step-metrics.js';

/** How long one call consumes before the workflow hears of it. */
const sliceMs = 60_000;

export interface ConsumeStreamInput extends StepInput {
  readonly untilEnd: boolean;
  readonly acceptGap: boolean;
}

/** Feeds both stores from the stream for a slice of time. Stopped early, by the workflow or by a shutdown, it reports what it did. */
export const consumeStream = (deps: ActivityDeps, input: ConsumeStreamInput) =>
  resumableStep<SliceReport & { totals: EventCounts }>(
    deps,
    input.retries,
    input.resume,
    async ({ signal, progress }) => {
      const { untilEnd, acceptGap } = input;
      const measureSlice = streamMeter(input.view);
      const report = await deps.store.steps.consumeStream(input, {
        sliceMs,
        untilEnd,
        acceptGap,
        signal,
        onProgress: (slice) => {
          measureSlice(slice);
          progress(slice);
        },
      });
      measureSlice(report);
      return { ...report, totals: await deps.store.steps.eventTotals(input.view) };
    },
  );
