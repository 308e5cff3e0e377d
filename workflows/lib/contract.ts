import type { Json, Retries, RetryOf, RunTrigger, StepRecord } from '../../src/index.js';

/** What a pipeline's workflow is started with; everything else comes from the pipeline's definition. */
export interface PipelineInput {
  /** The pipeline's name in the feature repository. */
  readonly pipeline: string;
  /** The data interval [start, end), ISO times; default: from the schedule. */
  readonly interval?: { readonly start: string; readonly end: string };
  /** Overrides of the definition's arguments. */
  readonly args?: Readonly<Record<string, Json>>;
  /** Why the run was started; default: by hand. */
  readonly trigger?: RunTrigger;
  /** The run that is done again, and the step from which on; its staging files of the steps before are taken over. */
  readonly retryOf?: RetryOf;
}

/** What `openRun` found out: what the run works on, or that it has to wait for others to end. */
export type OpenAnswer = OpenedRun | { readonly waitMs: number; readonly reason: string };

export interface OpenedRun {
  readonly args: Readonly<Record<string, Json>>;
  /** Views the run works on, as named in its arguments. */
  readonly views: readonly string[];
  readonly interval: { readonly start: string; readonly end: string };
  readonly retries: Retries;
  readonly tags: readonly string[];
  /** When the run is stopped (ISO), if it has a timeout. */
  readonly timeoutAt?: string | undefined;
  /** When people are told that it has not ended (ISO), if it has a deadline. */
  readonly dueAt?: string | undefined;
  /** What people want to be told of. */
  readonly tells?: readonly ('failed' | 'succeeded')[] | undefined;
  /** Whether its events go to where the project sends its lineage. */
  readonly sendsLineage?: boolean | undefined;
  /** Whether other pipelines run after this one. */
  readonly hasDependents?: boolean | undefined;
}

/** The answer to the query `progress`. */
export interface RunProgress {
  /** The step at work; `undefined` between steps and at the end. */
  readonly step: string | undefined;
  readonly steps: readonly StepRecord[];
  readonly detail: string;
}

/** The result of a pipeline's workflow. */
export interface RunSummary {
  readonly pipeline: string;
  readonly runId: string;
  readonly workflowId: string;
  readonly status: 'completed';
  readonly steps: readonly StepRecord[];
  readonly published: number;
  readonly quality: string | undefined;
  readonly reports: Readonly<Record<string, string>>;
}
