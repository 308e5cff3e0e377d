import type { ActivityDeps } from './lib/deps.js';
import { resumableStep } from './lib/resumable-step.js';
import type { StepInput } from './lib/step-input.js';

/** Brings the validated rows into the offline store. */
export const publish = (deps: ActivityDeps, input: StepInput) =>
  resumableStep(deps, input, ({ signal, progress }) =>
    deps.store.steps.publish(input, { signal, onProgress: progress }),
  );
