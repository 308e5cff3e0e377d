import { DefinitionError } from '../errors.js';
import { type Schema, typeName, type ValueType } from '../types.js';
import type { Expectation, Rule } from './expectation.js';
import { columnsOf, describeExpectation } from './expectation-words.js';

const numbers: readonly string[] = ['int32', 'int64', 'float32', 'float64'];
const listable: readonly string[] = ['number', 'string', 'boolean'];

/** The columns a rule is fit for, in words for people; rules that are not here take any. */
const fits: Partial<Record<Expectation['rule'], { readonly kinds: readonly string[]; readonly words: string }>> = {
  between: { kinds: numbers, words: 'a number' },
  mean_between: { kinds: numbers, words: 'a number' },
  quantile_between: { kinds: numbers, words: 'a number' },
  monotonic: { kinds: [...numbers, 'timestamp'], words: 'a number or a time' },
  freshness: { kinds: ['timestamp'], words: 'a time' },
  matches: { kinds: ['string'], words: 'a string' },
  no_drift: {
    kinds: [...numbers, 'bool', 'string', 'timestamp'],
    words: 'numbers, times, strings and booleans',
  },
  length_between: { kinds: ['string', 'list'], words: 'a string or a list' },
};

/**
 * What a view expects must be a list of rules about its own columns, each fit for the column's type.
 * @param columns all that a run is to publish, event and created time included.
 */
export function checkExpectations(where: string, expectations: readonly Expectation[], columns: Schema): void {
  if (!Array.isArray(expectations) || expectations.some((e) => typeof e?.rule !== 'string')) {
    throw new DefinitionError('expect is not a list of expectations', {
      where,
      mend: "write expect: [notNull('driver_id'), between('conv_rate', 0, 1)]",
    });
  }
  const names = new Set<string>();
  for (const e of expectations) {
    if ((describeExpectation(e) as string | undefined) === undefined) {
      throw new DefinitionError(`expect has the rule "${e.rule}", which there is not`, {
        where,
        mend: "make rules by their functions: notNull('driver_id'), between('conv_rate', 0, 1), …",
      });
    }
    for (const column of columnsOf(e)) {
      const type = Object.hasOwn(columns, column) ? columns[column] : undefined;
      if (type !== undefined) checkFit(where, e, type);
      else {
        throw new DefinitionError(
          `expect names "${column}" in ${describeExpectation(e)}, which is no column of the view`,
          { where, mend: `use one of ${Object.keys(columns).join(', ')}` },
        );
      }
    }
    if (e.rule === 'monotonic' || e.rule === 'custom_sql') checkRowNumber(where, e, columns);
    if (e.rule !== 'custom_sql') continue;
    if (names.has(e.name)) {
      throw new DefinitionError(`expect has two customSql of the name "${e.name}"`, { where, mend: 'rename one' });
    }
    names.add(e.name);
  }
}

/** DuckDB's own name of a row's number in a file, by which rows are set aside; a column of that name would hide it. */
function checkRowNumber(where: string, e: Expectation, columns: Schema): void {
  const taken = Object.keys(columns).find((name) => name.toLowerCase() === 'file_row_number');
  if (taken === undefined) return;
  throw new DefinitionError(`expect ${describeExpectation(e)} can't be used beside a column of the name "${taken}"`, {
    where,
    mend: 'rename the column, or leave the rule out',
  });
}

function checkFit(where: string, e: Expectation, type: ValueType): void {
  const fit = fits[e.rule];
  if (fit !== undefined && !fit.kinds.includes(type.kind)) {
    throw new DefinitionError(`expect ${describeExpectation(e)}: the column is ${typeName(type)}`, {
      where,
      mend: `use it for ${fit.words}`,
    });
  }
  if (e.rule === 'accepted_values') checkValues(where, e, type);
}

function checkValues(where: string, e: Rule<'accepted_values'>, type: ValueType): void {
  const wanted = numbers.includes(type.kind) ? 'number' : type.kind === 'bool' ? 'boolean' : type.kind;
  const wrong = e.values.find((value) => typeof value !== wanted);
  if (listable.includes(wanted) && wrong === undefined) return;
  const what = listable.includes(wanted) ? `${JSON.stringify(wrong)} can't be one of its values` : "it can't be listed";
  throw new DefinitionError(`expect ${describeExpectation(e)}: the column is ${typeName(type)}, and ${what}`, {
    where,
    mend: 'list values of the column’s own type; numbers, strings and booleans can be listed',
  });
}
