import type { Rule } from '../definitions/expectations.js';
import type { Finding } from './expectation-result.js';

/**
 * Against the mean of the runs before; until there are enough of them, and where nobody knows of any, the rule passes and says so.
 * @param before rows of the last accepted runs.
 */
export function judgeChange(
  { lastRuns, atMost }: Pick<Rule<'row_count_change'>, 'lastRuns' | 'atMost'>,
  rows: number,
  before: readonly number[],
): Finding {
  if (before.length < lastRuns) {
    return {
      failed: 0,
      observed: rows,
      passed: true,
      note: `${before.length} of ${lastRuns} accepted runs before this one: nothing to compare with yet`,
    };
  }
  const mean = before.reduce((sum, count) => sum + count, 0) / before.length;
  const change = rows === mean ? 0 : mean === 0 ? Number.POSITIVE_INFINITY : (rows - mean) / mean;
  const passed = Math.abs(change) <= atMost;
  const percent = Number.isFinite(change)
    ? `${change >= 0 ? '+' : ''}${Number((change * 100).toPrecision(3))}%`
    : 'from none';
  return {
    failed: passed ? 0 : 1,
    observed: rows,
    passed,
    note: `${percent} against a mean of ${Number(mean.toFixed(1))} rows in the last ${lastRuns} accepted runs`,
  };
}
