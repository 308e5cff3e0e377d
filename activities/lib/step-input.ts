import type { Retries } from '../../src/index.js';

/** What every step of a pipeline is called with. */
export interface StepCall {
  readonly runId: string;
  readonly pipeline: string;
  /** The view it works on, if it works on one. */
  readonly view?: string;
  readonly retries: Retries;
  /** From a reply that said it was not done. */
  readonly resume?: unknown;
}

/** What the built-in steps are called with. */
export interface StepInput extends StepCall {
  readonly view: string;
}
