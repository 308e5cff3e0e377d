export { type CleanTarget, cleaned, cleanStep } from './clean-step.js';
export { type EtlContext, etlContext } from './etl-context.js';
export {
  type QualityCell,
  type QualityFilter,
  type QualityHistory,
  type QualityRun,
  qualityHistory,
} from './expectation-records.js';
export { exploreStep, validationResults } from './explore-step.js';
export { fedBy } from './fed-by-file.js';
export { findReport, type RunReport } from './find-report.js';
export { type IngestTarget, ingestStep } from './ingest-step.js';
export { judgeRows } from './judge-rows.js';
export { publishStep } from './publish-step.js';
export type { ListOptions, QuarantinedRow, QuarantineGroup, QuarantineList } from './quarantine/find-rows.js';
export {
  type DecideOptions,
  type Dropped,
  type HeldRows,
  Quarantine,
  type Released,
  type ReleaseOptions,
} from './quarantine/quarantine.js';
export type { ReleasedView, StillHeld } from './quarantine/release.js';
export type { QuarantineSelection, QuarantineState } from './quarantine/selection.js';
export { stepTitles } from './staged-steps.js';
export { Staging } from './staging.js';
export type {
  CleanReport,
  ExploreReport,
  PublishReport,
  StepOptions,
  StepProgress,
  StepReport,
  StepTarget,
} from './step.js';
export { checkFrom, type TakeOver, type TakeOverFrom, takeOver } from './take-over.js';
