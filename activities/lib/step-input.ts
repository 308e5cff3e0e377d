import type { Retries } from '../../src/index.js';

/** What every step of a pipeline is called with. */
export interface StepInput {
  readonly runId: string;
  readonly pipeline: string;
  readonly view: string;
  readonly retries: Retries;
  /** From a reply that said it was not done. */
  readonly resume?: unknown;
}
