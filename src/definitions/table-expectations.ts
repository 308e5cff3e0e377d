import { DefinitionError } from '../errors.js';
import { parsePositiveDuration } from './duration.js';
import type { TableOptions } from './expectation.js';
import { checkBounds, checkColumn, checkOptions, expectation, tableOptions } from './expectation-options.js';
import { eventTimestamp } from './feature-table.js';

/** The share of nulls is below `below` (0..1). */
export function missingRatio(column: string, options: { readonly below: number } & TableOptions) {
  checkColumn('missingRatio', column);
  checkOptions(`missingRatio(${column})`, options, ['below', ...tableOptions]);
  const { below, ...rest } = options;
  if (!(below > 0 && below <= 1)) {
    throw new DefinitionError(`below ${below} is not a share`, {
      where: `expectation missingRatio(${column})`,
      mend: 'use a number above 0 and up to 1, e.g. { below: 0.8 }',
    });
  }
  return expectation({ rule: 'missing_ratio', column, below, ...rest });
}

/** The mean of the values lies in [min, max]. Nulls are left out; one NaN or infinity makes the mean one too, and breaks it. */
export function meanBetween(column: string, min: number, max: number, options: TableOptions = {}) {
  checkColumn('meanBetween', column);
  checkBounds(`expectation meanBetween(${column})`, min, max);
  checkOptions(`meanBetween(${column})`, options, tableOptions);
  return expectation({ rule: 'mean_between', column, min, max, ...options });
}

/**
 * A quantile of the values, interpolated, lies in [min, max], e.g. `quantileBetween('fare', 0.95, 10, 80)`. Nulls are left out, NaN
 * counts as greater than all numbers.
 */
export function quantileBetween(
  column: string,
  quantile: number,
  min: number,
  max: number,
  options: TableOptions = {},
) {
  checkColumn('quantileBetween', column);
  const where = `expectation quantileBetween(${column})`;
  if (!(quantile >= 0 && quantile <= 1)) {
    throw new DefinitionError(`quantile ${quantile} is not from 0 to 1`, {
      where,
      mend: `write quantileBetween('${column}', 0.95, min, max)`,
    });
  }
  checkBounds(where, min, max);
  checkOptions(`quantileBetween(${column})`, options, tableOptions);
  return expectation({ rule: 'quantile_between', column, quantile, min, max, ...options });
}

/**
 * The newest time of a run's rows (by default the event time) is at most so old when the run's interval ends, or now where that is
 * earlier: a backfill of last year is judged as it would have been then. What the whole view promises is its own `freshness`.
 */
export function freshness(options: { readonly atMost: string; readonly column?: string } & TableOptions) {
  checkOptions('freshness', options, ['atMost', 'column', ...tableOptions]);
  const { atMost, column = eventTimestamp, ...rest } = options;
  checkColumn('freshness', column);
  const atMostMs = parsePositiveDuration('expectation freshness', 'atMost', atMost);
  return expectation({ rule: 'freshness', column, atMostMs, ...rest });
}

/** The number of rows lies in [min, max]; one of the two may be left out. */
export function rowCount(options: { readonly min?: number; readonly max?: number } & TableOptions) {
  checkOptions('rowCount', options, ['min', 'max', ...tableOptions]);
  const { min = 0, max = Number.MAX_SAFE_INTEGER, ...rest } = options;
  if (options.min === undefined && options.max === undefined) {
    const where = 'expectation rowCount';
    throw new DefinitionError('it has neither min nor max', { where, mend: 'write e.g. rowCount({ min: 1 })' });
  }
  checkBounds('expectation rowCount', min, max);
  return expectation({ rule: 'row_count', min, max: Math.min(max, Number.MAX_SAFE_INTEGER), ...rest });
}

/**
 * The number of rows differs by at most this share (0.3 = 30% more or fewer) from the mean of the last accepted runs of the same
 * pipeline. It passes, and says so, until there are so many.
 */
export function rowCountChange(options: { readonly lastRuns: number; readonly atMost: number } & TableOptions) {
  checkOptions('rowCountChange', options, ['lastRuns', 'atMost', ...tableOptions]);
  const { lastRuns, atMost, ...rest } = options;
  const where = 'expectation rowCountChange';
  if (!Number.isSafeInteger(lastRuns) || lastRuns < 1 || lastRuns > 1_000) {
    throw new DefinitionError(`lastRuns ${lastRuns} is no number of runs`, { where, mend: 'use 1 to 1000' });
  }
  if (!(Number.isFinite(atMost) && atMost >= 0)) {
    throw new DefinitionError(`atMost ${atMost} is no share`, { where, mend: 'write e.g. { atMost: 0.3 } for 30%' });
  }
  return expectation({ rule: 'row_count_change', lastRuns, atMost, ...rest });
}
