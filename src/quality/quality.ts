import type { ExpectationResult } from './expectation-result.js';

/** failed: an `error` rule failed, nothing is published. warned: only `warn` or `quarantine` rules did. */
export type Quality = 'passed' | 'warned' | 'failed';

export function qualityOf(results: readonly ExpectationResult[]): Quality {
  const failed = results.filter(({ passed }) => !passed);
  if (failed.some(({ severity }) => severity === 'error')) return 'failed';
  return failed.length > 0 ? 'warned' : 'passed';
}

/** Rules named in one message, and letters of each: failure messages live in workflow histories, which must stay small. */
const rulesMax = 5;
const ruleLettersMax = 120;
const reasonLettersMax = 200;

/** Names view, rules, counts and the report; never example values, which stay in the lake and the report. */
export function failureMessage(view: string, results: readonly ExpectationResult[], reportPath: string): string {
  const failed = results.filter(({ passed, severity }) => !passed && severity === 'error');
  const named = failed.slice(0, rulesMax).map((result) => `${shortRule(result.expectation)}: ${howMany(result)}`);
  const more = failed.length > rulesMax ? `; and ${failed.length - rulesMax} more` : '';
  const noun = results.length === 1 ? 'expectation' : 'expectations';
  return `view ${view}: ${failed.length} of ${results.length} ${noun} failed: ${named.join('; ')}${more}. Report: ${reportPath}`;
}

const figures: Partial<Record<ExpectationResult['rule'], string>> = {
  mean_between: 'the mean is',
  quantile_between: 'the quantile is',
  freshness: 'the newest is of',
};

/** The count of a failed rule, or the figure it is about, in words; bounds are in the rule's own words. */
export function howMany(
  { rule, checked, failed, observed, note, error }: ExpectationResult,
  show: (count: number) => string = String,
): string {
  if (error !== undefined) return `not judged: ${cutTo(error.reason, reasonLettersMax)}`;
  const figure = figures[rule];
  if (figure !== undefined)
    return [`${figure} ${observed ?? 'not known'}`, ...(note === undefined ? [] : [note])].join(', ');
  if (rule === 'no_drift') {
    const parts = [...(observed === null ? [] : [`${observed} drifted`]), ...(note === undefined ? [] : [note])];
    return parts.join(': ');
  }
  if (rule === 'row_count') return `${show(checked)} rows`;
  if (rule === 'row_count_change') return `${show(checked)} rows, ${note ?? 'compared with earlier runs'}`;
  return `${show(failed)} of ${show(checked)} ${rule === 'missing_ratio' ? 'values missing' : 'rows'}`;
}

export const shortRule = (rule: string): string => cutTo(rule, ruleLettersMax);

const cutTo = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max - 1)}…` : text);
