export { checkViews } from './check-views.js';
export { type DriftRequest, type JudgedDrift, judgeDrift } from './drift/judge-drift.js';
export type { ColumnDrift, DriftBin, DriftMethod, DriftResult, DriftValue } from './drift-result.js';
export { type EvaluateRequest, evaluateExpectations } from './evaluate-expectations.js';
export { shownExample } from './examples.js';
export { type ExpectationResult, type ExpectationStatus, statusOf } from './expectation-result.js';
export { fromJson } from './json-back.js';
export { writePrevious } from './previous-values.js';
export { type ProfileRequest, profileFile } from './profile.js';
export { sampleRows } from './profile-rows.js';
export type { Bin, ColumnProfile, JsonValue, Profile, Quantiles, SampleRows, TopValue } from './profile-types.js';
export { failureMessage, howMany, type Quality, qualityOf } from './quality.js';
export {
  brokenRulesColumn,
  type QuarantineRequest,
  type QuarantineResult,
  splitQuarantine,
} from './quarantine.js';
export {
  type BrokenRule,
  insertQuarantined,
  type QuarantinedFrom,
  quarantinedId,
  quarantinedRows,
} from './quarantined-rows.js';
export { readReports, reportPage, writeReport, writeReportPage } from './report.js';
export { type Alert, alertsOf } from './report-alerts.js';
export {
  factsOf,
  type ReportCounts,
  type ReportData,
  type ReportFacts,
  type ReportSource,
  withoutKeyValues,
} from './report-data.js';
export { pageOrder, viewAnchor } from './report-page.js';
export { fileType } from './value-json.js';
