import type { BackfillOnly, Json, RunTrigger } from '../../src/index.js';
import type { Interval, Tally } from './backfill-progress.js';

/** What the workflow `backfill` is started with. */
export interface BackfillInput {
  readonly pipeline: string;
  /** The range [from, to), ISO times. */
  readonly from: string;
  readonly to: string;
  readonly only: BackfillOnly;
  /** How many runs are at work at once. */
  readonly parallel: number;
  /** The newest intervals first. */
  readonly reverse: boolean;
  /** Length of windows that are run instead of the pipeline's own intervals, counted from `from`. */
  readonly everyMs?: number;
  /** Overrides of the pipeline's arguments. */
  readonly args?: Readonly<Record<string, Json>>;
  /** Why the runs are started; default: `backfill`. */
  readonly trigger?: RunTrigger;
}

/** What `openBackfill` found out. */
export interface OpenedBackfill {
  readonly project: string;
  /** The workflow of the pipeline. */
  readonly workflow: string;
  readonly tags: readonly string[];
  /** The range, cut to whole intervals. */
  readonly range: Interval;
  /** How many intervals are meant. */
  readonly total: number;
  /** Whether each run gets its interval as the window of its arguments. */
  readonly windowed: boolean;
}

/** What a new execution of the workflow goes on with. */
export interface ContinuedBackfill {
  readonly opened: OpenedBackfill;
  readonly tally: Tally;
  /** What of the range is left. */
  readonly rest: Interval;
  readonly parallel: number;
  readonly isPaused: boolean;
  /** Why it paused by itself. */
  readonly reason?: string | undefined;
}

/** The result of the workflow. */
export interface BackfillSummary {
  readonly pipeline: string;
  readonly workflowId: string;
  readonly status: 'completed' | 'stopped';
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
}
