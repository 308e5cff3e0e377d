import { DefinitionError } from '../../errors.js';
import type { SqlValue } from '../../lake/index.js';

/** held: nobody has decided; released: in the history; dropped: the row itself is gone, that it was here is still known. */
export type QuarantineState = 'held' | 'released' | 'dropped';

/** Which quarantined rows are meant: by their ids, or all that fit every field given. */
export interface QuarantineSelection {
  /** Ids, or beginnings of at least 4 letters that fit one row each. */
  readonly ids?: readonly string[] | undefined;
  readonly view?: string | undefined;
  /** The id of the run that set them aside, or the beginning of one. */
  readonly run?: string | undefined;
  /** A rule that they broke, as it is written, or the beginning of one: `between(a` or `notNull`. */
  readonly rule?: string | undefined;
  /** Set aside at this time or later. */
  readonly since?: Date | undefined;
}

/** SQL over the columns of `quarantinedRows`, and its values. */
export function whereSelected(
  { view, run, rule, since }: QuarantineSelection,
  states: readonly QuarantineState[] = [],
): { readonly where: string; readonly values: SqlValue[] } {
  const values: SqlValue[] = [];
  const conditions = ['true'];
  const given = (value: SqlValue, condition: (parameter: string) => string): void => {
    if (value !== undefined) conditions.push(condition(`$${values.push(value)}`));
  };
  given(view, (p) => `view_name = ${p}`);
  given(run, (p) => `starts_with(run_id, ${p})`);
  given(rule, (p) => `len(list_filter(rules, lambda broken_rule: starts_with(broken_rule, ${p}))) > 0`);
  given(since, (p) => `recorded_at >= ${p}::TIMESTAMPTZ`);
  if (states.length > 0) {
    const wanted = states.map((state) => `$${values.push(state)}`);
    conditions.push(`state IN (${wanted.join(', ')})`);
  }
  return { where: conditions.join(' AND '), values };
}

/** @throws DefinitionError when ids and filters are mixed, or an id is too short to mean one row. */
export function checkSelection({ ids, ...filters }: QuarantineSelection): void {
  if (ids === undefined) return;
  const also = Object.entries(filters).filter(([, value]) => value !== undefined);
  if (also.length > 0) {
    throw new DefinitionError(`rows are selected by id and by ${also.map(([name]) => name).join(', ')}`, {
      mend: 'give ids, or what the rows have in common',
    });
  }
  const short = ids.find((each) => !/^[0-9a-f]{4,16}$/.test(each));
  if (short === undefined) return;
  throw new DefinitionError(`${JSON.stringify(short)} is no id of a quarantined row`, {
    mend: 'give an id as `asof quarantine list` shows it, or its beginning, at least 4 letters',
  });
}
