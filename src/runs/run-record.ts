/** How a run ended, or that it has not. */
export type RunStatus = 'running' | 'completed' | 'failed' | 'cancelled';

/** One step of a run, as kept and as printed by `asof run --wait --json`. */
export interface StepRecord {
  readonly name: string;
  readonly attempts: number;
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly durationMs: number;
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
  /** The version of the registry the run worked with. */
  readonly registryVersion: number;
  readonly steps: readonly StepRecord[];
  /** Rows newly written. */
  readonly published: number;
  /** Why it failed. */
  readonly message: string | undefined;
  readonly quality: string | undefined;
  /** Report files, by view. */
  readonly reports: Readonly<Record<string, string>>;
}
