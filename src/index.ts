/**
 * asof: features as of a past moment for training, as of now for serving. What is exported here is the library; definitions are
 * written with it, stores are opened with it, pipelines are built on it.
 */

/** For the schemas of arguments: one copy, whatever the project has installed. */
export { z } from 'zod';
export {
  type BackfillOnly,
  type BackfillPlan,
  type BackfillRequest,
  nextIntervals,
  planBackfill,
} from './backfill-plan.js';
export * from './definitions/index.js';
export {
  AsofError,
  DataError,
  DefinitionError,
  describeError,
  FencedError,
  finalErrorNames,
  StoreUnavailableError,
} from './errors.js';
export type {
  CleanReport,
  DecideOptions,
  Dropped,
  ExploreReport,
  HeldRows,
  PublishReport,
  QualityCell,
  QualityFilter,
  QualityHistory,
  QualityRun,
  Quarantine,
  QuarantinedRow,
  QuarantineGroup,
  QuarantineList,
  QuarantineSelection,
  QuarantineState,
  Released,
  ReleasedView,
  ReleaseOptions,
  StepOptions,
  StepProgress,
  StepReport,
  StepTarget,
  StillHeld,
  TakeOver,
  TakeOverFrom,
} from './etl/index.js';
export { checkFrom, qualityHistory, stepTitles } from './etl/index.js';
export { type CodeVersion, codeAtWork, describeCode, type FeatureRepo } from './feature-repo/index.js';
export type {
  Entities,
  FeatureList,
  FeatureRequest,
  HistoricalOptions,
  MaterializeOptions,
  NamingOptions,
} from './feature-request.js';
export { FeatureStore } from './feature-store.js';
export { type ForgetOptions, type ForgetRecord, type ForgetReport, Forgetting } from './forget/index.js';
export {
  type Detail,
  type EventType,
  emitsOpenLineage,
  type LineageContext,
  type LineageEdge,
  type LineageGraph,
  type LineageNode,
  type LineageRequest,
  lineageOf,
  type NodeKind,
  type OpenLineageEvent,
  openLineageEvent,
  sendOpenLineage,
  tellMaterialize,
} from './lineage/index.js';
export {
  type Delivery,
  deliver,
  eventsTold,
  type Notice,
  type NotificationTarget,
  notificationTargets,
  type Posted,
  type RunEvent,
  type RunEventName,
  runEventNames,
} from './notifications/index.js';
export type { DeadLetterRecord } from './offline-store/dead-letters.js';
export type { EntityInput, HistoricalOutput, HistoricalResult } from './offline-store/historical-features.js';
export type { EventCounts } from './offline-store/offline-store.js';
export type { TrainingSet, TrainingSets } from './offline-store/training-sets.js';
export type { FeatureStatus, OnlineFeatures } from './online-store/index.js';
export { openFeatureStore } from './open-feature-store.js';
export { type Hashable, hashPii } from './personal-data/index.js';
export { type IsRunning, intervalStatuses } from './pipeline-intervals.js';
export {
  type ConsumeStepOptions,
  type MaterializeStepOptions,
  PipelineSteps,
  type ReplayOptions,
  type VerifyOptions,
} from './pipeline-steps.js';
export type {
  ColumnDrift,
  DriftResult,
  ExpectationResult,
  ExpectationStatus,
  Profile,
  Quality,
} from './quality/index.js';
export type { Applied, Change, ObjectKind, Plan, RegistryEntry, RegistryState } from './registry/index.js';
export type { LogFields, LogFilter, LogLevel, RunLogLine, RunLogs } from './run-logs/index.js';
export {
  type BackfillRecord,
  type BackfillStatus,
  type CloseBackfillRequest,
  type CloseRequest,
  type DataInterval,
  type Dispatch,
  dependentsOf,
  dueDispatches,
  formatInterval,
  intervalAt,
  intervalsBetween,
  isPeriodic,
  type LeaseHolder,
  type LeaseScope,
  type OpenedRecord,
  periodicSchedule,
  type RetryOf,
  type RunFilter,
  type RunRecord,
  type RunStatus,
  Runs,
  type RunTrigger,
  recordDispatch,
  type StepRecord,
  shortestPeriodMs,
} from './runs/index.js';
export type {
  MaterializeMode,
  MaterializeProgress,
  MaterializeResult,
  PartitionLag,
  PushResult,
  SliceReport,
  VerifyExample,
  VerifyProgress,
  VerifyReport,
  VerifyResult,
} from './sync/index.js';
export { describeWrongs } from './sync/index.js';
export {
  bool,
  bytes,
  float32,
  float64,
  int32,
  int64,
  list,
  nullable,
  type Row,
  type Schema,
  string,
  timestamp,
  type ValueType,
} from './types.js';
export {
  describeStale,
  type FreshnessVerdict,
  type LakeCounts,
  type MaintainOptions,
  mendOfStale,
  type StoreFreshness,
  type Upkeep,
  type UpkeepLook,
  type UpkeepReport,
  type UpkeepStep,
  type UpkeepThresholds,
  type ViewFreshness,
} from './upkeep/index.js';
