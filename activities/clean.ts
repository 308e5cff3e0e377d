import type { ActivityDeps } from './lib/deps.js';
import { resumableStep } from './lib/resumable-step.js';
import type { StepInput } from './lib/step-input.js';

/** Casts, deduplicates and cleans the ingested rows. */
export const clean = (deps: ActivityDeps, input: StepInput) =>
  resumableStep(deps, input, ({ signal, progress }) => deps.store.steps.clean(input, { signal, onProgress: progress }));
