import { didYouMean } from '../did-you-mean.js';
import { DefinitionError } from '../errors.js';
import { nullable, type Schema, string, typeName, type ValueType } from '../types.js';

/** What ingest does with a column that holds personal data: a keyed hash (joinable), `***`, or nothing at all is kept. */
export type PiiRule = 'hash' | 'mask' | 'drop';

/** Column → rule. */
export type PiiRules = Readonly<Record<string, PiiRule>>;

/** The type of a column once its rule is applied: hashed and masked values are text. */
type SeenType<T, R> = R extends 'hash' | 'mask'
  ? T extends ValueType<infer V>
    ? ValueType<null extends V ? string | null : string>
    : T
  : T;

/** A schema as it is after its rules: dropped fields are gone, hashed and masked ones are text. */
export type Seen<E extends Schema, P> = {
  readonly [K in keyof E as K extends keyof P ? (P[K] extends 'drop' ? never : K) : K]: K extends keyof P
    ? SeenType<E[K], P[K]>
    : E[K];
};

/** See {@link Seen}. */
export const seenSchema = (schema: Schema, pii: PiiRules = {}): Schema =>
  Object.fromEntries(
    Object.entries(schema).flatMap(([name, type]): [string, ValueType][] => {
      const rule = pii[name];
      if (rule === 'drop') return [];
      if (rule === undefined) return [[name, type]];
      return [[name, type.nullable === true ? nullable(string()) : string()]];
    }),
  );

/**
 * @param kept columns whose values asof itself needs as they are, and what for.
 * @throws DefinitionError for an unknown rule, and a rule for one of those columns.
 */
export function checkPiiRules(where: string, pii: unknown, kept: Readonly<Record<string, string | undefined>>): void {
  if (pii === undefined) return;
  if (typeof pii !== 'object' || pii === null || Array.isArray(pii)) {
    throw new DefinitionError('pii is no list of columns and their rules', {
      where,
      mend: "write pii: { phone: 'hash', email: 'drop', name: 'mask' }",
    });
  }
  for (const [column, rule] of Object.entries(pii)) {
    if (!['hash', 'mask', 'drop'].includes(rule)) {
      throw new DefinitionError(`pii.${column} ${JSON.stringify(rule)} is unknown`, {
        where,
        mend: 'use hash, mask or drop',
      });
    }
    const [purpose] = Object.entries(kept).find(([, name]) => name === column) ?? [];
    if (purpose === undefined) continue;
    throw new DefinitionError(`pii.${column}: the column is the ${purpose}, whose values are kept as they are`, {
      where,
      mend: `take the rule out, or use another column as ${purpose}`,
    });
  }
}

/**
 * The rules of a stream are for fields of its event, each with its type: what is not declared is not kept anyway.
 * @throws DefinitionError for a rule about no field, a hash of a list, and a batch source with other rules for the same columns.
 */
export function checkEventRules(where: string, event: Schema, pii: PiiRules = {}, history: PiiRules | undefined): void {
  const fields = Object.keys(event);
  for (const [field, rule] of Object.entries(pii)) {
    const type = event[field];
    if (type === undefined) {
      throw new DefinitionError(`pii.${field}: the event has no such field`, {
        where,
        mend: `${didYouMean(field, fields)}declare it in event, or take the rule out: fields that are not declared are never kept`,
      });
    }
    if (rule === 'hash' && type.kind === 'list') {
      throw new DefinitionError(`pii.${field}: a ${typeName(type)} can't be hashed`, {
        where,
        mend: 'mask or drop it',
      });
    }
  }
  if (history === undefined) return;
  for (const field of fields) {
    const [streamed, loaded] = [pii[field], history[field]];
    // A dropped field may be one that the history never had, and a rule there for a column that is not there is an error.
    if (streamed === loaded || (streamed === 'drop' && loaded === undefined)) continue;
    throw new DefinitionError(
      `pii.${field} is ${streamed ?? 'not declared'} here and ${loaded ?? 'not declared'} in its batchSource: history and stream would not mean the same`,
      { where, mend: `give both the same rule for ${field}` },
    );
  }
}

/**
 * What a view makes of columns under a rule.
 * @param roles columns of the source under the names they have there, with what the view takes them for.
 * @throws DefinitionError for a column that is dropped, a join key that is masked, and a hashed or masked column that is no string.
 */
export function checkRuledColumns(
  where: string,
  source: { readonly name: string; readonly pii?: PiiRules },
  roles: readonly { readonly role: 'join key' | 'feature'; readonly columns: Schema }[],
): void {
  for (const { role, columns } of roles) {
    for (const [column, type] of Object.entries(columns)) {
      const rule = source.pii?.[column];
      if (rule === undefined) continue;
      const what = `${role} "${column}" is under the pii rule "${rule}" of source "${source.name}"`;
      if (rule === 'drop') {
        throw new DefinitionError(`${what}, so it is not kept`, {
          where,
          mend: `take it out of the view, or hash it: pii: { ${column}: 'hash' }`,
        });
      }
      if (rule === 'mask' && role === 'join key') {
        throw new DefinitionError(`${what}, which would make one of all entities`, {
          where,
          mend: `hash it: pii: { ${column}: 'hash' }`,
        });
      }
      if (type.kind !== 'string') {
        throw new DefinitionError(`${what}, so its values are text, and it is declared ${typeName(type)}`, {
          where,
          mend: `declare it ${column}: string()${role === 'join key' ? ' in its entity; `asof pii hash` gives the value to ask by' : ''}`,
        });
      }
    }
  }
}
