export { connectClient } from './client.js';
export {
  asAsofError,
  failureReason,
  hasWorker,
  runningPipeline,
  type StartedRun,
  type StartRequest,
  startPipeline,
} from './pipelines.js';
export { searchAttributes } from './search-attributes.js';
export { configuredTemporal, runUrl, type TemporalService } from './service.js';
export { taskQueue } from './task-queue.js';
export { quietRuntime, type RunningWorker, startWorker, type WorkerSetup } from './worker.js';
