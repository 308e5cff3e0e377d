/**
 * JSON whose whole numbers of 64 bits come through unchanged: JSON.parse rounds those beyond 2^53, and what one entity is told from
 * another by would be lost.
 */

const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const long = /^-?\d{16,}$/;
/** Before the digits of a number that was made a text. */
const mark = '\u0000';

/** A text that is a JSON object or list; `undefined` for all else. Long whole numbers are texts in it, see {@link valueText}. */
export function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  const marked = /\d{16}/.test(text)
    ? text.replace(tokens, (token) => (long.test(token) ? `"\\u0000${token}"` : token))
    : text;
  try {
    return JSON.parse(marked) as unknown;
  } catch {
    return undefined;
  }
}

/** What {@link parsed} made of a text, as text again. */
export const jsonText = (value: unknown): string => JSON.stringify(value).replace(/"\\u0000(-?\d{16,})"/g, '$1');

/** A text, number or boolean of what was parsed as text. */
export const valueText = (value: string | number | boolean): string => {
  const text = String(value);
  return text.startsWith(mark) ? text.slice(mark.length) : text;
};
