export type Yaml = string | null | Yaml[] | { [key: string]: Yaml };

/**
 * Reads the part of YAML that docker-compose.yml is written in: blocks of mappings and sequences, flow sequences of scalars, literal
 * blocks, anchors on mappings and `<<`. Scalars stay texts. Whatever else YAML knows is refused, never guessed.
 */
export function readYaml(text: string): Yaml {
  return new Reader(text).document();
}

const keyed = /^("[^"]+"|<<|[\w./-]+):(?: +(.*))?$/;

class Reader {
  readonly #lines: string[];
  readonly #anchors = new Map<string, Record<string, Yaml>>();
  #at = 0;

  constructor(text: string) {
    this.#lines = text.split('\n');
  }

  document(): Yaml {
    const value = this.#block(0);
    if (this.#next() !== undefined) this.#refuse('an indentation that no line above opened');
    return value;
  }

  /** The next line that says something, without moving past it. */
  #next(): { indent: number; text: string } | undefined {
    while (this.#at < this.#lines.length && /^\s*(#.*)?$/.test(this.#lines[this.#at] ?? '')) this.#at++;
    const line = this.#lines[this.#at];
    if (line === undefined) return undefined;
    const text = line.trimStart();
    return { indent: line.length - text.length, text: text.trimEnd() };
  }

  #block(least: number): Yaml {
    const line = this.#next();
    if (line === undefined || line.indent < least) return null;
    return line.text.startsWith('- ') ? this.#sequence(line.indent) : this.#mapping(line.indent);
  }

  #mapping(indent: number): Record<string, Yaml> {
    const own: Record<string, Yaml> = {};
    let merged: Record<string, Yaml> = {};
    for (let line = this.#next(); line?.indent === indent; line = this.#next()) {
      const [, key = '', rest = ''] = keyed.exec(line.text) ?? this.#refuse('a line that is no `key: value`');
      if (Object.hasOwn(own, key)) this.#refuse(`"${key}" twice`);
      this.#at++;
      if (key === '<<') merged = this.#anchors.get(rest.slice(1)) ?? this.#refuse(`an unknown ${rest}`);
      else own[key.replaceAll('"', '')] = this.#value(rest, indent);
    }
    return { ...merged, ...own };
  }

  #sequence(indent: number): Yaml[] {
    const items: Yaml[] = [];
    for (let line = this.#next(); line?.indent === indent && line.text.startsWith('- '); line = this.#next()) {
      const rest = line.text.slice(2);
      if (keyed.test(rest)) {
        // A mapping that begins on the dash's own line.
        this.#lines[this.#at] = `${' '.repeat(indent + 2)}${rest}`;
        items.push(this.#mapping(indent + 2));
      } else {
        this.#at++;
        items.push(this.#value(rest, indent));
      }
    }
    return items;
  }

  #value(rest: string, indent: number): Yaml {
    if (rest === '') return this.#block(indent + 1);
    if (rest === '|') return this.#literal(indent);
    if (rest.startsWith('&')) {
      const anchored = this.#block(indent + 1);
      if (anchored === null || typeof anchored !== 'object' || Array.isArray(anchored))
        return this.#refuse('an anchor on something else than a mapping');
      this.#anchors.set(rest.slice(1), anchored);
      return anchored;
    }
    if (!rest.startsWith('[')) return this.#scalar(rest);
    if (!rest.endsWith(']')) return this.#refuse('a flow sequence over several lines');
    const items = [...rest.slice(1, -1).matchAll(/\s*("[^"]*"|[^,"]+)(?:,|$)/g)];
    return items.map(([, item = '']) => this.#scalar(item.trim()));
  }

  #literal(indent: number): string {
    const lines: string[] = [];
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at] ?? '';
      if (line.trim() !== '' && line.length - line.trimStart().length <= indent) break;
      lines.push(line);
    }
    const depth = Math.min(
      ...lines.filter((line) => line.trim() !== '').map((line) => /^ */.exec(line)?.[0].length ?? 0),
    );
    return `${lines
      .map((line) => line.slice(depth))
      .join('\n')
      .trimEnd()}\n`;
  }

  #scalar(text: string): string {
    if (/^"[^"\\]*"$/.test(text)) return text.slice(1, -1);
    if (/^["'{[>*&!%@`|]|: | #|:$/.test(text)) return this.#refuse(`the scalar ${text}`);
    return text;
  }

  #refuse(what: string): never {
    throw new Error(`line ${this.#at + 1}: ${what} is not in the part of YAML this reads: ${this.#lines[this.#at]}`);
  }
}
