import type { ActivityDeps } from './lib/deps.js';
import { resumableStep } from './lib/resumable-step.js';
import type { StepInput } from './lib/step-input.js';

/** Profiles the cleaned rows and judges the view's expectations. */
export const exploreAndValidate = (deps: ActivityDeps, input: StepInput) =>
  resumableStep(deps, input, ({ signal, progress }) =>
    deps.store.steps.exploreAndValidate(input, { signal, onProgress: progress }),
  );
