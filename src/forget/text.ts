import { type ForgottenKey, isWhole, type KeyPart } from './key.js';
import { jsonText, parsed, valueText } from './lossless-json.js';

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

const isValue = (value: unknown, { texts, kind }: KeyPart): boolean =>
  isText(value) && texts.includes(kind === 'string' ? valueText(value) : valueText(value).trim());

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

/** A text as part of a regular expression. */
export const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A text with JSON's escapes undone, as it stands in JSON that can't be parsed, or that a message quotes. */
const unescaped = (text: string): string =>
  text.replace(/\\(?:u([0-9a-f]{4})|(["\\/]))/gi, (_, code?: string, char = '') =>
    code === undefined ? char : String.fromCharCode(Number.parseInt(code, 16)),
  );

/** Of a number, -5 and 5.5 are none of 5. */
const stands = (text: string, part: string, isNumber = false): boolean => {
  if (part === '' || !text.includes(part)) return false;
  const [before, after] = isNumber ? ['(?<!(?<![\\p{L}\\p{N}_])-)(?<!\\d\\.)', '(?!\\.\\d*[1-9])'] : ['', ''];
  return new RegExp(`(?<![\\p{L}\\p{N}_])${before}${escaped(part)}(?![\\p{L}\\p{N}_])${after}`, 'u').test(text);
};

/** Whether the values stand in a text as words of their own. Nothing can be said of an empty one. */
export function hasValues(text: string, key: ForgottenKey): boolean {
  const forms = text.includes('\\') ? [text, unescaped(text)] : [text];
  return key.every((part) => part.texts.some((value) => forms.some((form) => stands(form, value, isWhole(part)))));
}

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

/** Whether a text, JSON or not, tells of one of the keys. */
export function holds(text: string, keys: readonly ForgottenKey[]): boolean {
  if (!mayHold(text, keys)) return false;
  const json = parsed(text);
  return keys.some((key) => (json === undefined ? tells(text, key) : without(json, key) !== json));
}

/**
 * The same of what may be the first few letters of a text, as statistics keep it. JSON that was cut counts by what stands right behind
 * the names of the join keys: figures that equal a key, and bounds of rules, are no trace of it.
 */
export function startHolds(text: string, keys: readonly ForgottenKey[]): boolean {
  if (!/^\s*[[{]/.test(text) || parsed(text) !== undefined) return holds(text, keys);
  return keys.some(
    (key) =>
      key.every(({ name, texts }) => texts.some((value) => fieldOf(name, value).test(text))) ||
      (key.length === 1 &&
        key.some(({ texts }) =>
          texts.some((value) => value !== '' && (text.includes(`"${value}..`) || text.includes(`..${value}"`))),
        )),
  );
}

/** A field as JSON writes it, the value as a text or as a number. */
const fieldOf = (name: string, value: string): RegExp => {
  const [field, text] = [name, value].map((one) => escaped(JSON.stringify(one))) as [string, string];
  const bare = value === '' ? '' : `|${escaped(value)}(?![\\p{L}\\p{N}_.])`;
  return new RegExp(`${field}:\\s*(?:${text}${bare})`, 'u');
};

/**
 * Whether an event is one of the keys'. One that can't be read, or lacks the join key, counts when the values stand in it: what it
 * was about can't be known.
 */
export function eventHolds(text: string, keys: readonly ForgottenKey[]): boolean {
  if (!mayHold(text, keys)) return false;
  const json = parsed(text);
  return keys.some((key) => {
    if (json === undefined) return hasValues(text, key);
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
  const left = jsonText(keys.reduce<unknown>((value, key) => without(value, key), json));
  return left === 'null' || holds(left, keys) ? undefined : left;
}
