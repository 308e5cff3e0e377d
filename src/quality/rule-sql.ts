import {
  checkExpectations,
  columnsOf,
  describeExpectation,
  type Expectation,
  type RowExpectation,
} from '../definitions/expectations.js';
import { DataError, DefinitionError } from '../errors.js';
import { firstLine, id, type Session, type SqlValue, type StatementOptions } from '../lake/index.js';
import { type Schema, typeName } from '../types.js';
import { type ColumnClass, columnClass, type FileColumn, fileType } from './value-json.js';

/** Values of one statement, bound by number. */
export class Bindings {
  readonly values: SqlValue[] = [];

  /** @returns the place holder, cast so that DuckDB compares as the column does. */
  bind(value: SqlValue, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }
}

/**
 * Checks rules against the columns they are about, without any data.
 * @throws DefinitionError for an unknown column or a rule that does not fit its column's type.
 */
export const checkRules = (expectations: readonly Expectation[], columns: Schema): void =>
  checkExpectations('expectations', expectations, columns);

/**
 * Regular expressions are compiled before any scan, so that a bad one is told from bad data.
 * @throws DefinitionError naming the rule.
 */
export async function checkPatterns(
  session: Session,
  expectations: readonly Expectation[],
  options: StatementOptions = {},
): Promise<void> {
  for (const e of expectations) {
    if (e.rule !== 'matches') continue;
    try {
      await session.all('SELECT regexp_full_match($1, $2)', ['', e.pattern], options);
    } catch (error) {
      if (options.signal?.aborted === true) throw error;
      throw new DefinitionError(`the pattern is no RE2 regular expression: ${firstLine(error)}`, {
        where: whereOf(e),
        mend: 'mend the pattern; RE2 knows no look-around and no back-references',
        cause: error,
      });
    }
  }
}

/**
 * The file must hold the columns that rules read, with their declared types.
 * @throws DataError naming column and types.
 */
export function checkFile(
  file: string,
  found: readonly FileColumn[],
  expectations: readonly Expectation[],
  columns?: Schema,
): void {
  for (const e of expectations) {
    for (const column of columnsOf(e)) {
      const actual = found.find(({ name }) => name === column)?.type;
      const declared = columns?.[column];
      if (actual === undefined) {
        throw new DataError(`column "${column}" of ${describeExpectation(e)} is missing`, {
          where: file,
          mend: 'run the clean step on this file first; it brings the declared columns into the file',
        });
      }
      if (declared !== undefined && fileType(declared) !== actual) {
        throw new DataError(`column "${column}" is ${actual}, declared as ${typeName(declared)}`, {
          where: file,
          mend: 'run the clean step on this file first; it casts columns to their declared types',
        });
      }
      if (!fits(e, columnClass(actual))) {
        throw new DataError(`column "${column}" is ${actual}, which ${describeExpectation(e)} can't judge`, {
          where: file,
          mend: 'run the clean step on this file first; it casts columns to their declared types',
        });
      }
    }
  }
}

const fitting: Partial<Record<Expectation['rule'], readonly ColumnClass[]>> = {
  between: ['integer', 'float'],
  mean_between: ['integer', 'float'],
  quantile_between: ['integer', 'float'],
  monotonic: ['integer', 'float', 'time'],
  freshness: ['time'],
  matches: ['text'],
  length_between: ['text', 'list'],
};

const fits = (e: Expectation, kind: ColumnClass): boolean => fitting[e.rule]?.includes(kind) ?? true;

/**
 * SQL that is true for a row that breaks the rule and else false, never null: nulls pass everything but not_null.
 * @param type the column's DuckDB type
 */
export function breaks(e: RowExpectation, type: string, alias: string, bindings: Bindings): string {
  const column = `${alias}.${id(e.column)}`;
  switch (e.rule) {
    case 'not_null':
      return `(${column} IS NULL)`;
    case 'between':
      return outside(column, e, type, bindings);
    case 'accepted_values': {
      const values = e.values.flatMap((value) => exactly(value, type)).map((value) => bindings.bind(value, type));
      return values.length === 0
        ? `(${column} IS NOT NULL)`
        : `(${column} IS NOT NULL AND ${column} NOT IN (${values.join(', ')}))`;
    }
    case 'length_between':
      return `(${column} IS NOT NULL AND len(${column}) NOT BETWEEN ${e.min} AND ${e.max})`;
    case 'matches':
      return `(${column} IS NOT NULL AND NOT regexp_full_match(${column}, ${bindings.bind(e.pattern, 'VARCHAR')}))`;
  }
}

function outside(column: string, { min, max }: { min: number; max: number }, type: string, bindings: Bindings): string {
  const conditions: string[] = [];
  if (type === 'FLOAT' || type === 'DOUBLE') {
    // Bounds are rounded as the column's values were: 0.1 kept as float32 must lie in between(0, 0.1).
    const round = type === 'FLOAT' ? Math.fround : (bound: number) => bound;
    conditions.push(`isnan(${column})`);
    conditions.push(`${column} < ${bindings.bind(round(min), type)}`, `${column} > ${bindings.bind(round(max), type)}`);
  } else {
    // Compared as integers: as doubles, neighbours beyond 2^53 would be equal.
    if (Number.isFinite(min)) conditions.push(`${column} < ${bindings.bind(integerText(Math.ceil(min)), 'HUGEINT')}`);
    if (Number.isFinite(max)) conditions.push(`${column} > ${bindings.bind(integerText(Math.floor(max)), 'HUGEINT')}`);
    if (min === Number.POSITIVE_INFINITY || max === Number.NEGATIVE_INFINITY) conditions.push('true');
  }
  return conditions.length === 0 ? 'false' : `(${column} IS NOT NULL AND (${conditions.join(' OR ')}))`;
}

/** HUGEINT ends at 2^127, far beyond every column; a bound beyond it says no more than 2^100. */
const integerText = (bound: number): string => BigInt(Math.max(-(2 ** 100), Math.min(2 ** 100, bound))).toString();

/** The listed value as the column would hold it; none when no value of the column can equal it (1.5 in an integer column). */
function exactly(value: string | number | boolean, type: string): SqlValue[] {
  if (typeof value !== 'number') return [value];
  if (type === 'FLOAT') return [Math.fround(value)];
  if (type === 'DOUBLE') return [value];
  const [low, high] = type === 'INTEGER' ? [-(2 ** 31), 2 ** 31 - 1] : [-(2 ** 63), 2 ** 63 - 1024];
  return Number.isInteger(value) && value >= low && value <= high ? [BigInt(value).toString()] : [];
}

export const whereOf = (e: Expectation): string => `expectation ${describeExpectation(e)}`;
