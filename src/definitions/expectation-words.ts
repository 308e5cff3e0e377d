import { formatDuration } from './duration.js';
import type { DriftReference, Expectation, Threshold } from './expectation.js';

/** The columns a rule reads; of custom SQL nobody knows. */
export function columnsOf(e: Expectation): readonly string[] {
  if (e.rule === 'unique') return e.columns;
  if (e.rule === 'no_drift') return e.columns ?? [];
  return 'column' in e ? [e.column] : [];
}

/** The rule as a person would write it, e.g. `between(conv_rate, 0, 1)`. */
export function describeExpectation(e: Expectation): string {
  switch (e.rule) {
    case 'not_null':
      return `notNull(${e.column})`;
    case 'between':
      return `between(${e.column}, ${e.min}, ${e.max})`;
    case 'accepted_values':
      return `acceptedValues(${e.column}, [${e.values.join(', ')}])`;
    case 'matches':
      return `matches(${e.column}, ${e.pattern})`;
    case 'length_between':
      return `lengthBetween(${e.column}, ${e.min}, ${upTo(e.max)})`;
    case 'unique':
      return `unique(${e.columns.join(', ')})`;
    case 'monotonic':
      return `monotonic(${e.column}${e.strict === true ? ', strict' : ''})`;
    case 'custom_sql':
      return `customSql(${e.name})`;
    case 'missing_ratio':
      return `missingRatio(${e.column}, below ${e.below})`;
    case 'mean_between':
      return `meanBetween(${e.column}, ${e.min}, ${e.max})`;
    case 'quantile_between':
      return `quantileBetween(${e.column}, ${e.quantile}, ${e.min}, ${e.max})`;
    case 'freshness':
      return `freshness(${e.column}, at most ${formatDuration(e.atMostMs)})`;
    case 'no_drift':
      return `noDrift(${[describeReference(e.against), ...(e.columns ?? [])].join(', ')})`;
    case 'row_count':
      return `rowCount(${e.min}..${e.max === Number.MAX_SAFE_INTEGER ? '' : e.max})`;
    case 'row_count_change':
      return `rowCountChange(last ${e.lastRuns} runs, at most ${e.atMost})`;
  }
}

/** `last accepted run`, `window spring` */
export const describeReference = (against: DriftReference): string =>
  against.kind === 'window' ? `window ${against.name}` : 'last accepted run';

const upTo = (max: number): string => (max === Number.MAX_SAFE_INTEGER ? 'any' : String(max));

/** Of a threshold in rows, how many; NaN of a text that is none, `undefined` of a share. */
export const thresholdRows = (threshold: Threshold): number | undefined =>
  typeof threshold === 'string' ? Number(/^(\d+) rows$/.exec(threshold)?.[1] ?? Number.NaN) : undefined;
