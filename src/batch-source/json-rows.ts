import type { PiiRule, PiiRules } from '../definitions/pii-rules.js';
import { DataError } from '../errors.js';
import { type Hashable, masked } from '../personal-data/index.js';
import { columnsMend } from './csv-header.js';
import { splitOutermost } from './json-text.js';

/**
 * Applies rules for personal data to rows that are not in a file yet: what is written of them holds no raw value. All other text
 * stays as it is, also numbers that a JavaScript number can't hold.
 * @param lines valid JSON objects.
 * @throws DataError for a rule about a column that no row has, a list or an object that is to be hashed, and a number that is not exact.
 */
export function protectJsonRows(
  lines: readonly string[],
  rules: PiiRules,
  hash: (value: Hashable) => string,
  where: string,
): string[] {
  // SQL takes names that differ in case for one, so a rule does too; the file is refused for it later.
  const byName = new Map(Object.entries(rules).map(([column, rule]) => [column.toLowerCase(), rule]));
  const found = new Set<string>();
  const treated = lines.map((line, row) => {
    const kept = members(line).flatMap(({ name, key, value }) => {
      found.add(name);
      const rule = byName.get(name.toLowerCase());
      if (rule === undefined) return [`${key}:${value}`];
      if (rule === 'drop') return [];
      return [`${key}:${JSON.stringify(treat(rule, value, hash, { where, row: row + 1, name }))}`];
    });
    return `{${kept.join(',')}}`;
  });
  for (const column of Object.keys(rules)) {
    if (found.has(column)) continue;
    throw new DataError(`there is no column "${column}", which a pii rule of the source names`, {
      where,
      mend: columnsMend(column, [...found], 'there are'),
    });
  }
  return treated;
}

interface Place {
  readonly where: string;
  readonly row: number;
  readonly name: string;
}

function treat(rule: PiiRule, text: string, hash: (value: Hashable) => string, place: Place): string | null {
  const value: unknown = JSON.parse(text);
  if (value === null) return null;
  if (rule === 'mask') return masked;
  const exact =
    typeof value !== 'number' || (Number.isFinite(value) && Number.isInteger(value) === Number.isSafeInteger(value));
  if (typeof value !== 'object' && exact) return hash(value as Hashable);
  const { where, row, name } = place;
  throw typeof value === 'object'
    ? new DataError(
        `row ${row}: column "${name}" is ${Array.isArray(value) ? 'a list' : 'an object'}, which can't be hashed`,
        {
          where,
          mend: 'mask or drop it, or write what identifies people in a column of its own',
        },
      )
    : new DataError(`row ${row}: column "${name}" is a number that is not exact`, { where, mend: 'write it as text' });
}

/** The fields of a JSON object, each as its own text. */
const members = (object: string): { name: string; key: string; value: string }[] =>
  splitOutermost(object).map((member) => {
    const [, key = '', value = ''] = /^("(?:[^"\\]|\\.)*")\s*:\s*(.*)$/s.exec(member) ?? [];
    return { name: JSON.parse(key) as string, key, value };
  });
