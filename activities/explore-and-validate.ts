import type { ActivityDeps } from './deps.js';
import { resumableStep } from './resumable-step.js';
import type { StepInput } from './step-input.js';

/** Profiles the cleaned rows and judges the view's expectations. */
export const exploreAndValidate = (deps: ActivityDeps, input: StepInput) =>
  resumableStep(deps, input.retries, input.resume, ({ signal, progress }) =>
    deps.store.steps.exploreAndValidate(input, { signal, onProgress: progress }),
  );
