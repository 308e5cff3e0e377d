/** What a file of a project's own `activities/` imports, as `asof/activity`; stores, errors and types come from `asof`. */
export type { ActivityDeps } from './deps.js';
export { measure } from './metrics.js';
export { type Resume, resumableStep, type StepReply, type StepWork } from './resumable-step.js';
export { step } from './step.js';
export type { StepCall } from './step-input.js';
export type { Log } from './step-log.js';
