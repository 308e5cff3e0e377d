import { activityInfo, getClient } from '@temporalio/activity';
import type { EventCounts, SliceReport } from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';
import { resumableStep } from './lib/resumable-step.js';
import type { StepInput } from './lib/step-input.js';
import { streamMeter } from './lib/step-metrics.js';

/** When the workflow first hears of a slice at work, and how often afterwards. */
const firstNewsMs = 3_000;
const newsEveryMs = 30_000;

export interface ConsumeStreamInput extends StepInput {
  readonly untilEnd: boolean;
  readonly acceptGap: boolean;
  /** Which of the run's consumers this is; 0 in runs from before there were several. */
  readonly consumer?: number;
}

/** Feeds both stores from the stream for a slice of time. Stopped early, by the workflow or by a shutdown, it reports what it did. */
export const consumeStream = (deps: ActivityDeps, input: ConsumeStreamInput) =>
  resumableStep<SliceReport & { totals: EventCounts }>(deps, input, async ({ signal, progress }) => {
    const { untilEnd, acceptGap, consumer } = input;
    const meter = streamMeter(input.view);
    const totals = () => deps.store.steps.eventTotals(input.view);
    const news = new News(totals);
    try {
      const report = await deps.store.steps.consumeStream(input, {
        untilEnd,
        acceptGap,
        consumer,
        signal,
        onProgress: (slice) => {
          meter.measure(slice);
          progress(slice);
          news.tell(slice);
        },
      });
      meter.measure(report);
      // What the workflow hears last is the result.
      await news.told();
      return { ...report, totals: await totals() };
    } finally {
      meter.close();
    }
  });

/** Tells the workflow of a slice at work, now and then: it shows where the stream is. */
class News {
  readonly #totals: () => Promise<EventCounts>;
  #telling: Promise<void> = Promise.resolve();
  #nextAt = Date.now() + firstNewsMs;

  constructor(totals: () => Promise<EventCounts>) {
    this.#totals = totals;
  }

  tell({ offsets }: SliceReport): void {
    if (Date.now() < this.#nextAt) return;
    this.#nextAt = Date.now() + newsEveryMs;
    // Without it the next one tells, or the result does.
    this.#telling = this.#signal(offsets).catch(() => undefined);
  }

  told(): Promise<void> {
    return this.#telling;
  }

  async #signal(offsets: SliceReport['offsets']): Promise<void> {
    const { workflowExecution } = activityInfo();
    if (workflowExecution === undefined) return;
    const { workflowId, runId } = workflowExecution;
    const totals = await this.#totals();
    // The signal's name in workflows/stream-to-stores.ts, which activities can't load.
    await getClient().workflow.getHandle(workflowId, runId).signal('sliceNews', { totals, offsets });
  }
}
