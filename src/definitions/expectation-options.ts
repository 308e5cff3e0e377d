import { DefinitionError } from '../errors.js';
import { checkFields } from './definition.js';
import { type Expectation, type ExpectationOptions, isRowRule, type Threshold } from './expectation.js';
import { describeExpectation, thresholdRows } from './expectation-words.js';

const thresholds = ['tolerate', 'warnAbove', 'errorAbove'] as const;

export const rowOptions = ['severity', ...thresholds] as const;
export const tableOptions = ['severity'] as const;

/** Misspelt options would be ignored in silence, and the rule be another than was meant. */
export function checkOptions(rule: string, options: unknown, allowed: readonly string[]): void {
  const where = `expectation ${rule}`;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new DefinitionError(`its options are ${JSON.stringify(options) ?? 'missing'}`, {
      where,
      mend: `write them as an object, e.g. { severity: 'warn' }`,
    });
  }
  checkFields(where, options, allowed);
}

/** A column's name; whether the view has it is seen when the view is made. */
export function checkColumn(rule: string, column: unknown): void {
  if (typeof column === 'string' && column !== '') return;
  throw new DefinitionError(`the column is ${JSON.stringify(column) ?? 'missing'}`, {
    where: `expectation ${rule}`,
    mend: `name a column of the view: ${rule}('conv_rate', …)`,
  });
}

export function checkBounds(where: string, min: unknown, max: unknown): void {
  for (const [name, bound] of Object.entries({ min, max })) {
    if (typeof bound === 'number' && !Number.isNaN(bound)) continue;
    throw new DefinitionError(`${name} ${bound} is no number`, { where, mend: 'give a number, min before max' });
  }
  if ((min as number) <= (max as number)) return;
  throw new DefinitionError(`min ${min} is not <= max ${max}`, { where, mend: 'swap the bounds' });
}

/** Checks what every rule has, and freezes it. */
export function expectation<E extends Expectation>(e: E): E {
  const where = `expectation ${describeExpectation(e)}`;
  const given: ExpectationOptions = e;
  if (e.severity !== undefined && !['error', 'warn', 'quarantine'].includes(e.severity)) {
    throw new DefinitionError(`severity "${String(e.severity)}" is unknown`, {
      where,
      mend: 'use error, warn or quarantine',
    });
  }
  if (given.severity === 'quarantine' && !isRowRule(e)) {
    throw new DefinitionError('a rule about the whole table has no single rows to quarantine', {
      where,
      mend: 'use error or warn',
    });
  }
  for (const name of thresholds) if (given[name] !== undefined) checkThreshold(where, name, given[name]);
  checkLevels(where, given);
  return Object.freeze(e);
}

function checkThreshold(where: string, name: string, threshold: Threshold): void {
  if (typeof threshold === 'number' && threshold >= 0 && threshold <= 1) return;
  if (typeof threshold === 'string' && Number.isSafeInteger(thresholdRows(threshold))) return;
  const what =
    typeof threshold === 'number' ? `${threshold} is not a share` : `${JSON.stringify(threshold)} is no threshold`;
  throw new DefinitionError(`${name} ${what}`, {
    where,
    mend: `use a number from 0 to 1 for a share of the rows, or a number of rows, e.g. ${name}: '10 rows'`,
  });
}

function checkLevels(where: string, { severity, tolerate, warnAbove, errorAbove }: ExpectationOptions): void {
  if (warnAbove === undefined && errorAbove === undefined) return;
  if (severity !== undefined || tolerate !== undefined) {
    throw new DefinitionError('warnAbove and errorAbove say both how bad a broken rule is and from when on', {
      where,
      mend: `leave ${severity === undefined ? 'tolerate' : 'severity'} out`,
    });
  }
  if (typeof warnAbove !== typeof errorAbove || warnAbove === undefined || errorAbove === undefined) return;
  const size = (threshold: Threshold): number => thresholdRows(threshold) ?? Number(threshold);
  if (size(warnAbove) < size(errorAbove)) return;
  throw new DefinitionError(`warnAbove ${warnAbove} is not below errorAbove ${errorAbove}, so it would never warn`, {
    where,
    mend: 'swap the two',
  });
}
