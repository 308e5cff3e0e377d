import type { Json } from '../definitions/pipeline.js';
import type { CodeVersion } from '../feature-repo/index.js';
import type { LeaseScope } from './lease.js';

/** How a run ended, or that it has not. */
export type RunStatus = 'running' | 'completed' | 'failed' | 'cancelled';

/** Why a run was started. */
export type RunTrigger = 'manual' | 'schedule' | 'once' | 'backfill' | 'catchup' | 'after' | 'retry';

/** The run that is done again, and the step from which on; default: the first that was not completed. */
export interface RetryOf {
  readonly runId: string;
  readonly from?: string | undefined;
}

/** One step of a run, as kept and as printed by `asof run --wait --json`. */
export interface StepRecord {
  readonly name: string;
  readonly attempts: number;
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly durationMs: number;
  /** ISO time. */
  readonly startedAt?: string | undefined;
  readonly view?: string | undefined;
  /** Absent = completed; `reused` = what an earlier run did was taken over. */
  readonly status?: 'failed' | 'cancelled' | 'reused' | undefined;
  /** Why it failed. */
  readonly message?: string | undefined;
  /** Of the lake: the one that holds what the step published, or that it brought online. */
  readonly snapshot?: number | undefined;
}

/** What is known of a run. Times are ISO strings: records cross to workflows and to `--json`. */
export interface RunRecord {
  readonly runId: string;
  readonly workflowId: string;
  readonly pipeline: string;
  readonly status: RunStatus;
  readonly openedAt: string;
  readonly closedAt: string | undefined;
  readonly interval: { readonly start: string; readonly end: string };
  readonly trigger: RunTrigger;
  readonly retryOf: RetryOf | undefined;
  /** What the workflow was given: the definition's arguments and those of the start. */
  readonly args: Readonly<Record<string, Json>>;
  readonly views: readonly string[];
  readonly tags: readonly string[];
  /** The version of the registry the run worked with. */
  readonly registryVersion: number;
  /** The code of the worker that opened it; runs of older versions lack it. */
  readonly code?: CodeVersion | undefined;
  /** Among which runs its interval is its own; `undefined` = all others of the pipeline. */
  readonly leaseScope?: LeaseScope | undefined;
  /** Whether its events go to where the project sends its lineage: then its end has to, too. */
  readonly sendsLineage?: boolean | undefined;
  /** Its workflow ended without it, so what it did last is not known: `steps` and `published` say nothing. */
  readonly lost?: boolean | undefined;
  readonly steps: readonly StepRecord[];
  /** Rows newly written. */
  readonly published: number;
  /** Why it failed. */
  readonly message: string | undefined;
  readonly quality: string | undefined;
  /** Report files, by view. */
  readonly reports: Readonly<Record<string, string>>;
}
