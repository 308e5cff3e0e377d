import { DefinitionError } from '../errors.js';
import type { Schema } from '../types.js';

/** error: publish does not happen. warn: it does, and the run is marked. quarantine: the bad rows are set aside, the rest goes on. */
export type Severity = 'error' | 'warn' | 'quarantine';

export interface ExpectationOptions {
  readonly severity?: Severity;
  /** Share (0..1) of rows that may break the rule before it counts as failed. Default 0. */
  readonly tolerate?: number;
}

/** A rule that each row keeps or breaks by one column. */
export interface RowRule extends ExpectationOptions {
  readonly column: string;
}

/** A rule about a view's rows, as data; `rule` says which, the other fields are its bounds. */
export type Expectation =
  | (RowRule & { readonly rule: 'not_null' })
  | (RowRule & { readonly rule: 'between'; readonly min: number; readonly max: number })
  | (RowRule & { readonly rule: 'accepted_values'; readonly values: readonly (string | number | boolean)[] })
  | (RowRule & { readonly rule: 'matches'; readonly pattern: string })
  | (ExpectationOptions & { readonly rule: 'unique'; readonly columns: readonly string[] })
  | (ExpectationOptions & { readonly rule: 'missing_ratio'; readonly column: string; readonly below: number })
  | (ExpectationOptions & { readonly rule: 'row_count'; readonly min: number; readonly max: number });

/** Rules about a whole column or table have no single bad row to set aside. */
export const isRowRule = (
  e: Expectation,
): e is Extract<Expectation, RowRule> | Extract<Expectation, { rule: 'unique' }> =>
  e.rule !== 'missing_ratio' && e.rule !== 'row_count';

function expectation<E extends Expectation>(e: E): E {
  const where = `expectation ${describeExpectation(e)}`;
  if (e.severity !== undefined && !['error', 'warn', 'quarantine'].includes(e.severity)) {
    throw new DefinitionError(`severity "${String(e.severity)}" is unknown`, {
      where,
      mend: 'use error, warn or quarantine',
    });
  }
  if (e.severity === 'quarantine' && !isRowRule(e)) {
    throw new DefinitionError('a rule about the whole table has no single rows to quarantine', {
      where,
      mend: 'use error or warn',
    });
  }
  if (e.tolerate !== undefined && !(e.tolerate >= 0 && e.tolerate <= 1)) {
    throw new DefinitionError(`tolerate ${e.tolerate} is not a share`, { where, mend: 'use a number from 0 to 1' });
  }
  return Object.freeze(e);
}

/** What a view expects must be a list of rules about its own columns, each fit for the column's type. */
export function checkExpectations(where: string, expectations: readonly Expectation[], columns: Schema): void {
  if (!Array.isArray(expectations) || expectations.some((e) => typeof e?.rule !== 'string')) {
    throw new DefinitionError('expect is not a list of expectations', {
      where,
      mend: "write expect: [notNull('driver_id'), between('conv_rate', 0, 1)]",
    });
  }
  for (const e of expectations) {
    const kind = e.rule === 'between' || e.rule === 'matches' ? columns[e.column]?.kind : undefined;
    const fits = e.rule === 'between' ? numericKinds.includes(kind ?? '') : kind === 'string';
    if (kind === undefined || fits) continue;
    const mend = e.rule === 'between' ? 'use it for a number' : 'use it for a string';
    throw new DefinitionError(`expect ${describeExpectation(e)}: the column is a ${kind}`, { where, mend });
  }
}

const numericKinds: readonly string[] = ['int32', 'int64', 'float32', 'float64'];

/** The column has a value in every row. */
export const notNull = (column: string, options: ExpectationOptions = {}) =>
  expectation({ rule: 'not_null', column, ...options });

/** Values lie in [min, max], both inclusive; nulls pass, NaN does not. */
export function between(column: string, min: number, max: number, options: ExpectationOptions = {}) {
  if (!(min <= max)) {
    throw new DefinitionError(`min ${min} is not <= max ${max}`, {
      where: `expectation between(${column})`,
      mend: 'swap the bounds',
    });
  }
  return expectation({ rule: 'between', column, min, max, ...options });
}

/** Values are among `values`; nulls pass. */
export const acceptedValues = (
  column: string,
  values: readonly (string | number | boolean)[],
  options: ExpectationOptions = {},
) => expectation({ rule: 'accepted_values', column, values, ...options });

/** The whole value matches the regular expression (RE2 syntax); nulls pass. */
export const matches = (column: string, pattern: string, options: ExpectationOptions = {}) =>
  expectation({ rule: 'matches', column, pattern, ...options });

/** No two rows agree in all of these columns. */
export const unique = (columns: string | readonly string[], options: ExpectationOptions = {}) =>
  expectation({ rule: 'unique', columns: typeof columns === 'string' ? [columns] : columns, ...options });

/** The share of nulls is below `below` (0..1). */
export function missingRatio(column: string, { below, ...options }: { below: number } & ExpectationOptions) {
  if (!(below > 0 && below <= 1)) {
    throw new DefinitionError(`below ${below} is not a share`, {
      where: `expectation missingRatio(${column})`,
      mend: 'use a number above 0 and up to 1, e.g. { below: 0.8 }',
    });
  }
  return expectation({ rule: 'missing_ratio', column, below, ...options });
}

/** The number of rows lies in [min, max]. */
export const rowCount = ({
  min = 0,
  max = Number.MAX_SAFE_INTEGER,
  ...options
}: { min?: number; max?: number } & ExpectationOptions) => expectation({ rule: 'row_count', min, max, ...options });

/** The columns a rule reads. */
export const columnsOf = (e: Expectation): readonly string[] =>
  e.rule === 'row_count' ? [] : e.rule === 'unique' ? e.columns : [e.column];

/** The rule as a person would write it, e.g. `between(conv_rate, 0, 1)`. */
export function describeExpectation(e: Expectation): string {
  switch (e.rule) {
    case 'between':
      return `between(${e.column}, ${e.min}, ${e.max})`;
    case 'accepted_values':
      return `acceptedValues(${e.column}, [${e.values.join(', ')}])`;
    case 'matches':
      return `matches(${e.column}, ${e.pattern})`;
    case 'unique':
      return `unique(${e.columns.join(', ')})`;
    case 'missing_ratio':
      return `missingRatio(${e.column}, below ${e.below})`;
    case 'row_count':
      return `rowCount(${e.min}..${e.max === Number.MAX_SAFE_INTEGER ? '' : e.max})`;
    case 'not_null':
      return `notNull(${e.column})`;
  }
}
