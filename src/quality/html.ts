/** A piece of finished HTML. Only {@link html} makes it, so whatever is not Markup gets escaped on its way into a page. */
export class Markup {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  static of(strings: TemplateStringsArray, values: readonly Insert[]): Markup {
    return new Markup(strings.reduce((text, part, index) => text + insert(values[index - 1]) + part));
  }

  toString(): string {
    return this.#text;
  }
}

export type Insert = Markup | string | number | undefined | false | readonly Insert[];

/** Builds HTML; every inserted text is escaped, for element content and for quoted attributes. */
export const html = (strings: TemplateStringsArray, ...values: Insert[]): Markup => Markup.of(strings, values);

function insert(value: Insert): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Markup) return value.toString();
  if (typeof value === 'object') return value.map(insert).join('');
  return escapeText(String(value));
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/**
 * Control characters are no HTML, and would let a value end up as something a reader can't see; those that turn the direction of
 * writing would let it look like another one.
 */
const escapeText = (text: string): string =>
  text
    .replace(/[&<>"']/g, (character) => entities[character] ?? '')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/g, '\ufffd');
