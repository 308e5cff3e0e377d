/** The rules a view may expect of its rows: what users write, and how the rest of the library reads them. */
export { checkExpectations } from './check-expectations.js';
export { customSql } from './custom-sql.js';
export { type DriftOptions, lastAcceptedRun, noDrift, window } from './drift-expectation.js';
export {
  type DriftReference,
  type Expectation,
  type ExpectationOptions,
  isRowRule,
  isSingleRowRule,
  type RowExpectation,
  type RowRule,
  type Rule,
  type Severity,
  type TableOptions,
  type Threshold,
} from './expectation.js';
export {
  columnsOf,
  describeExpectation,
  describeReference,
  thresholdRows,
} from './expectation-words.js';
export { acceptedValues, between, lengthBetween, matches, monotonic, notNull, unique } from './row-expectations.js';
export {
  freshness,
  meanBetween,
  missingRatio,
  quantileBetween,
  rowCount,
  rowCountChange,
} from './table-expectations.js';
