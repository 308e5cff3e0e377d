import { DefinitionError } from '../errors.js';
import type { ExpectationOptions } from './expectation.js';
import { checkBounds, checkColumn, checkOptions, expectation, rowOptions } from './expectation-options.js';

/** The column has a value in every row. */
export function notNull(column: string, options: ExpectationOptions = {}) {
  checkColumn('notNull', column);
  checkOptions(`notNull(${column})`, options, rowOptions);
  return expectation({ rule: 'not_null', column, ...options });
}

/** Values lie in [min, max], both inclusive; nulls pass, NaN does not. */
export function between(column: string, min: number, max: number, options: ExpectationOptions = {}) {
  checkColumn('between', column);
  checkBounds(`expectation between(${column})`, min, max);
  checkOptions(`between(${column})`, options, rowOptions);
  return expectation({ rule: 'between', column, min, max, ...options });
}

/** Values are among `values`; nulls pass. */
export function acceptedValues(
  column: string,
  values: readonly (string | number | boolean)[],
  options: ExpectationOptions = {},
) {
  checkColumn('acceptedValues', column);
  if (!Array.isArray(values)) {
    throw new DefinitionError('the values are no list', {
      where: `expectation acceptedValues(${column})`,
      mend: `write acceptedValues('${column}', ['a', 'b'])`,
    });
  }
  checkOptions(`acceptedValues(${column})`, options, rowOptions);
  return expectation({ rule: 'accepted_values', column, values: Object.freeze([...values]), ...options });
}

/** The whole value matches the regular expression (RE2 syntax, as text); nulls pass. */
export function matches(column: string, pattern: string, options: ExpectationOptions = {}) {
  checkColumn('matches', column);
  if (typeof pattern !== 'string') {
    throw new DefinitionError('the pattern is no string', {
      where: `expectation matches(${column})`,
      mend: `write it as text in RE2 syntax: matches('${column}', '[a-z]+')`,
    });
  }
  checkOptions(`matches(${column})`, options, rowOptions);
  return expectation({ rule: 'matches', column, pattern, ...options });
}

/** Strings have from min to max characters (Unicode code points), lists so many items; nulls pass. */
export function lengthBetween(column: string, min: number, max: number, options: ExpectationOptions = {}) {
  checkColumn('lengthBetween', column);
  const where = `expectation lengthBetween(${column})`;
  checkBounds(where, min, max);
  if (!Number.isSafeInteger(min) || min < 0 || !(Number.isSafeInteger(max) || max === Number.POSITIVE_INFINITY)) {
    throw new DefinitionError(`${min} to ${max} are no lengths`, {
      where,
      mend: 'use whole numbers from 0 on, or Infinity for max',
    });
  }
  checkOptions(`lengthBetween(${column})`, options, rowOptions);
  // JSON has no Infinity.
  return expectation({ rule: 'length_between', column, min, max: Math.min(max, Number.MAX_SAFE_INTEGER), ...options });
}

/** No two rows agree in all of these columns. */
export function unique(columns: string | readonly string[], options: ExpectationOptions = {}) {
  const named = typeof columns === 'string' ? [columns] : columns;
  if (!Array.isArray(named) || named.length === 0) {
    throw new DefinitionError('unique needs at least one column', {
      where: 'expectation unique()',
      mend: "write unique('driver_id')",
    });
  }
  for (const column of named) checkColumn('unique', column);
  checkOptions(`unique(${named.join(', ')})`, options, rowOptions);
  return expectation({ rule: 'unique', columns: Object.freeze([...named]) as readonly string[], ...options });
}

/**
 * A number or time never decreases from one event of an entity to its next (by event time, then created time), the first one of a
 * run against the newest of the history before it; `strict`: it grows each time. Nulls are passed over, NaN breaks it. The row after a
 * drop is the bad one.
 */
export function monotonic(column: string, options: ExpectationOptions & { readonly strict?: boolean } = {}) {
  checkColumn('monotonic', column);
  checkOptions(`monotonic(${column})`, options, ['strict', ...rowOptions]);
  const { strict, ...rest } = options;
  if (strict !== undefined && typeof strict !== 'boolean') {
    throw new DefinitionError(`strict is ${JSON.stringify(strict)}`, {
      where: `expectation monotonic(${column})`,
      mend: 'use true or false',
    });
  }
  return expectation({ rule: 'monotonic', column, ...(strict === true ? { strict } : {}), ...rest });
}
