import type { ForgottenKey, KeyPart } from './key.js';

/** What takes the place of a row or a text that told of a forgotten entity. */
export const forgottenText = '(forgotten)';

/** Of what stands in a profile, a result or a comparison beside values: figures and words, which equal a key only by chance. */
const counts = new Set(
  [
    'count rows checked failed passed tolerate missing missingRatio nonFinite distinct distinctIsApproximate nulls outOf keys',
    'mean stddev skewness kurtosis zeros negatives nan lengths emptyTexts seconds severity rule expectation type name column columns',
    'kind method statistic pValue adjustedPValue threshold drifted psi currentRows referenceRows current reference',
  ].flatMap((names) => names.split(' ')),
);

/** Words of definitions, which are their author's to change: they name bounds, not entities. */
const definitionWords = new Set(['expectation', 'rule']);

/** What was observed of a column is one of its values only for a quantile (and a range, which is a text). */
const isShare = (object: Json, name: string): boolean =>
  name === 'observed' && typeof object[name] === 'number' && object['rule'] !== 'quantile_between';

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isText = (value: unknown): value is string | number | boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

const isValue = (value: unknown, { texts }: KeyPart): boolean => isText(value) && texts.includes(String(value).trim());

/** Whether a range as expectations observe it, `lowest..highest`, begins or ends with the value. */
export const isEndOf = (range: string, { texts }: KeyPart): boolean =>
  texts.some((text) => range.startsWith(`${text}..`) || range.endsWith(`..${text}`));

/** Whether an object is a row of the key, or names it: it has all join keys with these values. */
const isRow = (object: Json, key: ForgottenKey): boolean =>
  key.every((part) => Object.hasOwn(object, part.name) && isValue(object[part.name], part));

/** The only join key, where the object tells of that column: its profile, or an expectation on it. */
function aboutPart(object: Json, key: ForgottenKey): KeyPart | undefined {
  const [part] = key;
  if (part === undefined || key.length > 1) return undefined;
  const { name, column, columns } = object;
  const isAbout = name === part.name || column === part.name || (Array.isArray(columns) && columns.includes(part.name));
  return isAbout ? part : undefined;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

const stands = (text: string, part: string): boolean =>
  text.includes(part) && new RegExp(`(?<![\\p{L}\\p{N}_])${escaped(part)}(?![\\p{L}\\p{N}_])`, 'u').test(text);

/** Whether the values stand in a text as words of their own. */
export const hasValues = (text: string, key: ForgottenKey): boolean =>
  key.every(({ texts }) => texts.some((value) => stands(text, value)));

/** Whether a text that is no JSON names the join keys and their values. */
const tells = (text: string, key: ForgottenKey): boolean =>
  key.every(({ name }) => stands(text, name)) && hasValues(text, key);

/** A parsed JSON value without the rows and values of a key. @returns the same object where there were none. */
export function without(value: unknown, key: ForgottenKey, about?: KeyPart): unknown {
  if (typeof value === 'string' && tells(value, key)) return forgottenText;
  if (about !== undefined && isText(value))
    return isValue(value, about) || isEndOf(String(value), about) ? null : value;
  if (Array.isArray(value)) {
    const kept = value.filter((item) => !(isObject(item) && (isRow(item, key) || isTopValue(item, about))));
    const changed = kept.map((item) => without(item, key, about));
    return kept.length === value.length && changed.every((item, index) => item === kept[index]) ? value : changed;
  }
  if (!isObject(value)) return value;
  if (isRow(value, key)) return null;
  const now = aboutPart(value, key) ?? about;
  let isSame = true;
  const fields = Object.entries(value).map(([name, field]) => {
    if (definitionWords.has(name) && typeof field === 'string') return [name, field];
    const left = without(field, key, counts.has(name) || isShare(value, name) ? undefined : now);
    isSame &&= left === field;
    return [name, left];
  });
  return isSame ? value : Object.fromEntries(fields);
}

const isTopValue = (item: Json, about: KeyPart | undefined): boolean =>
  about !== undefined && 'value' in item && isValue(item['value'], about);

/** Whole numbers that JSON.parse would round are looked for in the text itself. */
const isLong = (key: ForgottenKey): boolean => key.some(({ texts }) => texts.some((text) => /^-?\d{16,}$/.test(text)));

function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Whether a text, JSON or not, tells of one of the keys. */
export function holds(text: string, keys: readonly ForgottenKey[]): boolean {
  if (!mayHold(text, keys)) return false;
  const json = parsed(text);
  return keys.some((key) => (json === undefined || isLong(key) ? tells(text, key) : without(json, key) !== json));
}

/**
 * The same of what may be the first few letters of a text, as statistics keep it. JSON that was cut counts by what stands right behind
 * the names of the join keys: figures that equal a key, and bounds of rules, are no trace of it.
 */
export function startHolds(text: string, keys: readonly ForgottenKey[]): boolean {
  if (!/^\s*[[{]/.test(text) || parsed(text) !== undefined) return holds(text, keys);
  return keys.some(
    (key) =>
      key.every(({ name, texts }) =>
        texts.some((value) =>
          new RegExp(`"${escaped(name)}":\\s*"?${escaped(value)}(?![\\p{L}\\p{N}_.])`, 'u').test(text),
        ),
      ) ||
      (key.length === 1 &&
        key.some(({ texts }) => texts.some((value) => text.includes(`"${value}..`) || text.includes(`..${value}"`)))),
  );
}

/**
 * Whether an event is one of the keys'. One that can't be read, or lacks the join key, counts when the values stand in it: what it
 * was about can't be known.
 */
export function eventHolds(text: string, keys: readonly ForgottenKey[]): boolean {
  if (!mayHold(text, keys)) return false;
  const json = parsed(text);
  return keys.some((key) => {
    if (json === undefined || isLong(key)) return hasValues(text, key);
    if (without(json, key) !== json) return true;
    return isObject(json) && !key.every(({ name }) => Object.hasOwn(json, name)) && hasValues(text, key);
  });
}

const mayHold = (text: string, keys: readonly ForgottenKey[]): boolean =>
  text.includes('\\') || keys.some((key) => key.every(({ texts }) => texts.some((value) => text.includes(value))));

/** A text without what it tells of the keys; `undefined` where nothing is left that could be kept. */
export function redacted(text: string, keys: readonly ForgottenKey[]): string | undefined {
  const json = parsed(text);
  if (json === undefined) return undefined;
  const left = JSON.stringify(keys.reduce<unknown>((value, key) => without(value, key), json));
  return left === 'null' || holds(left, keys) ? undefined : left;
}
