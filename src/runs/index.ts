export { type AskedRange, intervalsOf, rangeAfter, type WholeRange, wholeRange } from './backfill-range.js';
export {
  type BackfillRecord,
  type BackfillStatus,
  Backfills,
  type CloseBackfillRequest,
  type OpenBackfillRequest,
} from './backfills.js';
export { type Dispatch, dependentsOf, dueDispatches, recordDispatch } from './dependents.js';
export type { RunFilter } from './find-runs.js';
export { type DataInterval, formatInterval, intervalAt, parseInterval } from './interval.js';
export { type IntervalState, type IntervalStatus, intervalStatuses } from './interval-statuses.js';
export { intervalsBetween, periodicSchedule } from './intervals.js';
export { holdLease, type LeaseHolder, type LeaseScope } from './lease.js';
export { nextTimes } from './next-times.js';
export { announce } from './outbox.js';
export { isEnd, isOfRun } from './run-events.js';
export type { RetryOf, RunRecord, RunStatus, RunTrigger, StepRecord } from './run-record.js';
export { type CloseRequest, type OpenedRecord, type OpenRequest, Runs } from './runs.js';
export { isPeriodic, shortestPeriodMs } from './ticks.js';
