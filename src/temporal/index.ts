export { checkWorkflows } from '../project-code/index.js';
export { startBackfill } from './backfills.js';
export { connectClient } from './client.js';
export { checkDeploy, deploy } from './deploy/deploy.js';
export type { DeployStep } from './deploy/deploy-step.js';
export { type DeployRequest, planDeploy } from './deploy/plan-deploy.js';
export { EncryptionCodec } from './encryption-codec.js';
export { type PayloadKeys, payloadKeys } from './payload-keys.js';
export {
  asAsofError,
  failureReason,
  hasWorker,
  runningPipeline,
  type StartedRun,
  type StartRequest,
  startPipeline,
  workersOf,
} from './pipelines.js';
export { startRetry } from './retry.js';
export { type RunIdentity, runHandle, runsAtWork, temporalStatus } from './run-state.js';
export { installRuntime } from './runtime.js';
export { scheduleId } from './schedule-id.js';
export { type ScheduleState, scheduleState, setPaused } from './schedule-state.js';
export { missingSearchAttributes, registerSearchAttributes } from './search-attributes.js';
export { configuredTemporal, runUrl, type TemporalService } from './service.js';
export { taskQueue } from './task-queue.js';
export { hasBegun } from './unknown-workflow.js';
export {
  type RunningWorker,
  startWorker,
  type WorkerSettings,
  type WorkerSetup,
  type WorkerVersion,
} from './worker.js';
