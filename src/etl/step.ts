/** How far a step is, for people who wait: `rows` of `of`, where known. */
export interface StepProgress {
  readonly message: string;
  readonly rows?: number | undefined;
  readonly of?: number | undefined;
}

export interface StepOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: StepProgress) => void) | undefined;
}

/** Which run a step works for, and on which view. The run's staging files are named by both. */
export interface StepTarget {
  readonly runId: string;
  readonly view: string;
}

/** Small and plain: crosses to workflows and is kept beside the step's staging file. */
export interface StepReport {
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** The run whose result was taken over; the step itself did nothing. */
  readonly reusedFrom?: string | undefined;
}

export interface CleanReport extends StepReport {
  readonly duplicates: number;
  /** Rows dropped by rule, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly droppedColumns: readonly string[];
}

export interface ExploreReport extends StepReport {
  readonly quality: 'passed' | 'warned' | 'failed';
  readonly quarantined: number;
  /** Files, relative to the project root. */
  readonly report: { readonly html: string; readonly json: string };
}

export interface PublishReport extends StepReport {
  readonly published: number;
  readonly alreadyThere: number;
  readonly snapshot: number;
}
