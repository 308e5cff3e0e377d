import { DefinitionError } from '../errors.js';
import { checkFields, checkName } from './definition.js';
import type { DriftReference, TableOptions } from './expectation.js';
import { checkColumn, checkOptions, expectation, tableOptions } from './expectation-options.js';
import { parseUtc } from './utc-time.js';

export interface DriftOptions extends TableOptions {
  /** What the rows of a run are compared with: `lastAcceptedRun()` or `window(…)`. */
  readonly against: DriftReference;
  /** Default: all features. Join keys and times only when they are named here. */
  readonly columns?: readonly string[];
  /** Share (0..1) of the compared columns that may have drifted. Default 0. */
  readonly share?: number;
}

/**
 * The rows of a run are spread as those of the reference are; docs/quality.md tells by which rules. Severity is `warn` by default.
 * Example: `noDrift({ against: lastAcceptedRun() })`
 */
export function noDrift(options: DriftOptions) {
  checkOptions('noDrift', options, ['against', 'columns', 'share', ...tableOptions]);
  const { against, columns, share, severity = 'warn' } = options;
  const where = 'expectation noDrift';
  if (against?.kind !== 'last_accepted_run' && against?.kind !== 'window') {
    throw new DefinitionError(`against is ${JSON.stringify(against) ?? 'missing'}, which is no reference`, {
      where,
      mend: "write against: lastAcceptedRun(), or against: window('spring', { from: '2024-03-01', to: '2024-06-01' })",
    });
  }
  if (columns !== undefined) {
    if (!Array.isArray(columns) || columns.length === 0) {
      throw new DefinitionError('columns is no list of columns', { where, mend: 'leave it out for all features' });
    }
    for (const column of columns) checkColumn('noDrift', column);
    const twice = columns.find((column, index) => columns.indexOf(column) !== index);
    if (twice !== undefined)
      throw new DefinitionError(`columns names "${twice}" twice`, { where, mend: 'leave one out' });
  }
  if (share !== undefined && !(share >= 0 && share <= 1)) {
    throw new DefinitionError(`share ${share} is not a share of the columns`, {
      where,
      mend: 'use a number from 0 to 1, e.g. share: 0.5 for half of them',
    });
  }
  return expectation({
    rule: 'no_drift',
    against,
    ...(columns === undefined ? {} : { columns: Object.freeze([...columns]) }),
    ...(share === undefined ? {} : { share }),
    severity,
  });
}

/** The view's rows in the lake whose event times lie in the span of its last run that was published. */
export const lastAcceptedRun = (): DriftReference => Object.freeze({ kind: 'last_accepted_run' });

/**
 * The view's rows in the lake whose event times lie in [from, to). Times without a zone are UTC.
 * @param name for people, e.g. `window('spring', { from: '2024-03-01', to: '2024-06-01' })`
 */
export function window(
  name: string,
  span: { readonly from: string | Date; readonly to: string | Date },
): DriftReference {
  checkName('window', name);
  const where = `window("${name}")`;
  if (typeof span !== 'object' || span === null) {
    throw new DefinitionError('the window has no span of event times', { where, mend: mendOf(name) });
  }
  checkFields(where, span, ['from', 'to']);
  const from = timeOf(where, name, 'from', span.from);
  const to = timeOf(where, name, 'to', span.to);
  if (from >= to) {
    throw new DefinitionError(`from ${from.toISOString()} is not before to ${to.toISOString()}`, {
      where,
      mend: from > to ? 'swap the two' : 'to is not part of the window: set it later',
    });
  }
  return Object.freeze({ kind: 'window', name, from: from.toISOString(), to: to.toISOString() });
}

const mendOf = (name: string): string => `write window('${name}', { from: '2024-03-01', to: '2024-06-01' })`;

function timeOf(where: string, name: string, field: string, given: unknown): Date {
  const time = given instanceof Date ? given : typeof given === 'string' ? parseUtc(given) : new Date(Number.NaN);
  if (!Number.isNaN(time.getTime())) return time;
  throw new DefinitionError(
    `${field} is ${given === undefined ? 'missing' : JSON.stringify(given)}, which is no time`,
    {
      where,
      mend: mendOf(name),
    },
  );
}
