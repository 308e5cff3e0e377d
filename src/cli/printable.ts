/**
 * Text as a terminal may show it: what would steer the terminal, or turn the direction of writing, is written out as `\u001b`. Values
 * come from sources that others fill.
 */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}\ufeff]/gu, (found) => {
    if (found === '\n' || found === '\t') return found === '\n' ? '\\n' : '\\t';
    return `\\u${(found.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });

/** The same of a text whose lines are its own, as those of an error or of JSON. */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n');

/** The same as {@link printable}, cut to so many letters. */
export function fitted(text: string, most: number): string {
  const letters = [...printable(text)];
  return letters.length <= most ? letters.join('') : `${letters.slice(0, Math.max(0, most - 1)).join('')}…`;
}
