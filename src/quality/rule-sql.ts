import { columnsOf, describeExpectation, type Expectation, isRowRule } from '../definitions/expectations.js';
import { DataError, DefinitionError } from '../errors.js';
import { firstLine, id, type Session, type SqlValue, type StatementOptions } from '../lake/index.js';
import { type ScalarKind, type Schema, sqlType, typeName } from '../types.js';
import { type ColumnClass, columnClass, type FileColumn } from './value-json.js';

/** Values of one statement, bound by number. */
export class Bindings {
  readonly values: SqlValue[] = [];

  /** @returns the place holder, cast so that DuckDB compares as the column does. */
  bind(value: SqlValue, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }
}

export type SingleRowRule = Extract<Expectation, { rule: 'not_null' | 'between' | 'accepted_values' | 'matches' }>;
export type UniqueRule = Extract<Expectation, { rule: 'unique' }>;

/** Rules that one row alone can break. */
export const isSingleRowRule = (e: Expectation): e is SingleRowRule => isRowRule(e) && e.rule !== 'unique';

const numeric: readonly string[] = ['int32', 'int64', 'float32', 'float64'] satisfies ScalarKind[];

/**
 * Checks rules against the columns they are about, without any data.
 * @throws DefinitionError for an unknown column, a rule that does not fit its column's type, or a `tolerate` that has no meaning.
 */
export function checkRules(expectations: readonly Expectation[], columns: Schema): void {
  for (const e of expectations) {
    const where = whereOf(e);
    for (const column of columnsOf(e)) {
      if (Object.hasOwn(columns, column)) continue;
      throw new DefinitionError(`there is no column "${column}"`, {
        where,
        mend: `use one of ${Object.keys(columns).join(', ')}`,
      });
    }
    if (e.rule === 'unique' && e.columns.length === 0) {
      throw new DefinitionError('unique needs at least one column', { where, mend: "write unique('driver_id')" });
    }
    if (!isRowRule(e) && e.tolerate !== undefined && e.tolerate > 0) {
      throw new DefinitionError('tolerate is a share of rows, and this rule is about the whole table', {
        where,
        mend: 'leave tolerate out and widen the bounds of the rule',
      });
    }
    if (isSingleRowRule(e)) checkType(e, columns, where);
  }
}

function checkType(e: SingleRowRule, columns: Schema, where: string): void {
  const type = columns[e.column];
  if (type === undefined || e.rule === 'not_null') return;
  if (e.rule === 'between' && !numeric.includes(type.kind)) {
    throw new DefinitionError(`between needs a number column, and "${e.column}" is ${typeName(type)}`, {
      where,
      mend: 'use notNull, acceptedValues or matches',
    });
  }
  if (e.rule === 'matches' && type.kind !== 'string') {
    throw new DefinitionError(`matches needs a string column, and "${e.column}" is ${typeName(type)}`, {
      where,
      mend: 'use between or acceptedValues',
    });
  }
  if (e.rule !== 'accepted_values') return;
  const wanted = numeric.includes(type.kind) ? 'number' : type.kind === 'bool' ? 'boolean' : type.kind;
  const wrong = e.values.find((value) => typeof value !== wanted);
  if (!['number', 'boolean', 'string'].includes(wanted) || wrong !== undefined) {
    throw new DefinitionError(
      wrong === undefined || !['number', 'boolean', 'string'].includes(wanted)
        ? `acceptedValues can't be used for "${e.column}", which is ${typeName(type)}`
        : `${JSON.stringify(wrong)} can't be a value of "${e.column}", which is ${typeName(type)}`,
      { where, mend: 'list values of the column’s own type; numbers, strings and booleans can be listed' },
    );
  }
}

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
      if (declared !== undefined && sqlType(declared) !== actual.replace('TIMESTAMP WITH TIME ZONE', 'TIMESTAMPTZ')) {
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

function fits(e: Expectation, kind: ColumnClass): boolean {
  if (e.rule === 'between') return kind === 'integer' || kind === 'float';
  return e.rule === 'matches' ? kind === 'text' : true;
}

/**
 * SQL that is true for a row that breaks the rule and else false, never null: nulls pass everything but not_null.
 * @param type the column's DuckDB type
 */
export function breaks(e: SingleRowRule, type: string, alias: string, bindings: Bindings): string {
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
