import type { ActivityDeps } from './deps.js';
import { resumableStep, type StepReply, type StepWork } from './resumable-step.js';
import type { StepCall } from './step-input.js';

/**
 * Makes a function a step of a pipeline: it is tried again as the pipeline's `retries` say, lost workers aside; it beats, can be
 * cancelled and shows its progress; when the worker shuts down, another goes on from its cursor. It is called with its own input, `run.target` and `resume`. It must be idempotent: a step that
 * was done may be done again.
 * @param work what the step does; `step.signal` says when to stop. It returns at least `rowsIn` and `rowsOut`, and a few KB at most.
 */
export const step =
  <I extends object, R extends { rowsIn: number; rowsOut: number }, C = never>(
    work: (deps: ActivityDeps, input: I & StepCall, step: StepWork<C>) => Promise<R>,
  ) =>
  (deps: ActivityDeps, input: I & StepCall): Promise<StepReply<R, C>> =>
    resumableStep<R, C>(deps, input, (own) => work(deps, input, own));
