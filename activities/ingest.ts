import type { ActivityDeps } from './deps.js';
import { resumableStep } from './resumable-step.js';
import type { StepInput } from './step-input.js';

/** Reads the view's source into the run's staging folder. */
export const ingest = (deps: ActivityDeps, input: StepInput) =>
  resumableStep(deps, input.retries, input.resume, ({ signal, progress }) =>
    deps.store.steps.ingest(input, { signal, onProgress: progress }),
  );
