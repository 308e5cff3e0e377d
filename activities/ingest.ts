import type { ActivityDeps } from './lib/deps.js';
import { resumableStep } from './lib/resumable-step.js';
import type { StepInput } from './lib/step-input.js';

export interface IngestInput extends StepInput {
  /** All rows of a source with a cursor, not only what is new; checked by the step. */
  readonly full?: unknown;
}

/** Reads the view's source into the run's staging folder. */
export const ingest = (deps: ActivityDeps, input: IngestInput) =>
  resumableStep(deps, input, ({ signal, progress }) =>
    deps.store.steps.ingest(input, { signal, onProgress: progress }),
  );
