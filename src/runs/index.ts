export { type DataInterval, formatInterval, intervalAt, parseInterval } from './interval.js';
export { type IntervalState, type IntervalStatus, intervalStatuses } from './interval-statuses.js';
export { intervalsBetween } from './intervals.js';
export { holdLease, type LeaseHolder } from './lease.js';
export type { RunRecord, RunStatus, StepRecord } from './run-record.js';
export { type CloseRequest, type OpenRequest, Runs } from './runs.js';
