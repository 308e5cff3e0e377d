import type { ActivityDeps } from './lib/deps.js';
import { resumableStep } from './lib/resumable-step.js';
import type { StepInput } from './lib/step-input.js';

export interface CleanInput extends StepInput {
  /** Only rows whose event time lies in it; default: all. */
  readonly interval?: { readonly start: string; readonly end: string } | undefined;
}

/** Casts, deduplicates and cleans the ingested rows. */
export const clean = (deps: ActivityDeps, input: CleanInput) =>
  resumableStep(deps, input, ({ signal, progress }) => deps.store.steps.clean(input, { signal, onProgress: progress }));
