import {
  columnsOf,
  describeExpectation,
  type Expectation,
  type ExpectationOptions,
  isRowRule,
  type Severity,
  type Threshold,
  thresholdRows,
} from '../definitions/expectations.js';
import type { SqlValue } from '../lake/index.js';

/** error: the rule itself could not be judged. */
export type ExpectationStatus = 'passed' | 'warned' | 'failed' | 'quarantined' | 'error';

/** What became of one expectation. Safe to keep as JSON. */
export interface ExpectationResult {
  /** As a person would write it, e.g. `between(conv_rate, 0, 1)`. */
  readonly expectation: string;
  readonly rule: Expectation['rule'];
  readonly columns: readonly string[];
  /** Of a rule with two levels: that of the level that was crossed. */
  readonly severity: Severity;
  /** What may break the rule at this severity: a share of the rows, or so many of them. */
  readonly tolerate: Threshold;
  /** Rows looked at: all rows of the file. */
  readonly checked: number;
  /**
   * Rows that break the rule; for row_count how many rows are too few or too many, for missing_ratio the missing values, for other
   * rules about a whole column or table 1 when it is broken.
   */
  readonly failed: number;
  /**
   * What was seen: `lowest..highest` for between, the ratio for missing_ratio, the rows for row_count, the figure or ISO time for
   * other rules about a column, else the share of rows that break the rule. null when there was nothing to look at.
   */
  readonly observed: string | number | null;
  readonly passed: boolean;
  /** What a reader should know, e.g. why there was nothing to judge by. */
  readonly note?: string;
  /** Why the rule could not be judged. It is not passed then, its severity is `error`, and the counts tell nothing. */
  readonly error?: RuleError | undefined;
  /** The first rows that break a failed rule, the rule's own columns first. */
  readonly examples: readonly Record<string, unknown>[];
}

/** What went wrong with a rule at the data, and what its author can do. No values of rows. */
export interface RuleError {
  readonly reason: string;
  readonly mend: string;
}

/** Counts and figures as a rule's own code finds them. */
export interface Finding {
  /** Rows that break it, or 1 for a broken rule about a whole column or table. */
  readonly failed: number;
  readonly observed?: string | number | null;
  /** Of rules about a whole column or table; the others pass by their thresholds. */
  readonly passed?: boolean;
  readonly note?: string | undefined;
  readonly error?: RuleError | undefined;
  /** Examples that are there already: of rows that nobody else could look up. */
  readonly examples?: readonly Record<string, unknown>[];
}

/** A query with its bound values. */
export interface Query {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

export type Judged = Omit<ExpectationResult, 'examples'>;

/** @param rows of the file. */
export function judge(e: Expectation, rows: number, finding: Finding): Judged {
  const { failed, observed, passed, note, error } = finding;
  // Of no rows no share can be told; custom SQL may find fault with them all the same.
  const share = rows > 0 ? failed / rows : failed > 0 ? Number.POSITIVE_INFINITY : null;
  const verdict = error
    ? { severity: 'error' as const, tolerate: 0, passed: false }
    : isRowRule(e)
      ? levelOf(e, failed, share)
      : { severity: e.severity ?? ('error' as const), tolerate: 0, passed: passed ?? failed === 0 };
  return {
    expectation: describeExpectation(e),
    rule: e.rule,
    columns: columnsOf(e),
    ...verdict,
    checked: rows,
    failed,
    observed: observed === undefined ? (rows > 0 ? share : null) : observed,
    ...(note === undefined ? {} : { note }),
    ...(error === undefined ? {} : { error }),
  };
}

function levelOf(
  { severity, tolerate, warnAbove, errorAbove }: ExpectationOptions,
  failed: number,
  share: number | null,
): Pick<Judged, 'severity' | 'tolerate' | 'passed'> {
  // A quotient of two counts is the double nearest to the share, as is the literal; a product would be off by a bit.
  const isAbove = (threshold: Threshold): boolean =>
    typeof threshold === 'number' ? (share ?? 0) > threshold : failed > (thresholdRows(threshold) ?? 0);
  if (warnAbove === undefined && errorAbove === undefined) {
    return { severity: severity ?? 'error', tolerate: tolerate ?? 0, passed: !isAbove(tolerate ?? 0) };
  }
  if (errorAbove !== undefined && isAbove(errorAbove))
    return { severity: 'error', tolerate: errorAbove, passed: false };
  if (warnAbove !== undefined && isAbove(warnAbove)) return { severity: 'warn', tolerate: warnAbove, passed: false };
  return errorAbove === undefined
    ? { severity: 'warn', tolerate: warnAbove ?? 0, passed: true }
    : { severity: 'error', tolerate: errorAbove, passed: true };
}

/** What a result means for the run. */
export function statusOf({
  passed,
  severity,
  error,
}: Pick<ExpectationResult, 'passed' | 'severity' | 'error'>): ExpectationStatus {
  if (error !== undefined) return 'error';
  if (passed) return 'passed';
  return severity === 'error' ? 'failed' : severity === 'warn' ? 'warned' : 'quarantined';
}
