import { createHmac, randomUUID } from 'node:crypto';
import { id, type SqlValue } from '../lake/index.js';
import type { ValueType } from '../types.js';

/** One join key of an entity, with all forms its value may stand in. */
export interface KeyPart {
  readonly name: string;
  /** As texts: of the value as given and, where a source hashes the column, as kept. */
  readonly texts: readonly string[];
  /** As values of the join key's type, for the online store. */
  readonly values: readonly unknown[];
  readonly kind: ValueType['kind'];
}

/** An entity to be forgotten; with some of its join keys only, all entities with those values. */
export type ForgottenKey = readonly KeyPart[];

/** @param value of the join key's type. @param hashed what a source with a pii rule keeps in its place. */
export function keyPart(name: string, { kind }: ValueType, value: unknown, hashed?: string): KeyPart {
  return {
    name,
    texts: [...new Set([...textsOf(value), ...(hashed === undefined ? [] : [hashed])])],
    values: hashed === undefined ? [value] : [value, hashed],
    kind,
  };
}

/** Whether a part's texts are whole numbers, which have neighbours with a sign or a fraction. */
export const isWhole = ({ kind }: KeyPart): boolean => kind === 'int32' || kind === 'int64';

function textsOf(value: unknown): string[] {
  if (value instanceof Uint8Array)
    return [Buffer.from(value).toString('base64'), `0x${Buffer.from(value).toString('hex')}`];
  if (!(value instanceof Date)) return [String(value)];
  const iso = value.toISOString();
  const short = iso.replace(/\.?0+Z$/, 'Z');
  return [iso, short, short.replace('T', ' ').replace('Z', '+00')];
}

/** A condition with the values it binds. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/**
 * True for rows of one of the keys; `undefined` where the columns hold none of them.
 * @param columns name → DuckDB's type.
 */
export function rowsOf(keys: readonly ForgottenKey[], columns: ReadonlyMap<string, string>): Condition | undefined {
  const values: SqlValue[] = [];
  const bind = (text: string): string => `$${values.push(text)}`;
  const meant = keys.filter((key) => key.every(({ name }) => columns.has(name)));
  if (meant.length === 0) return undefined;
  const any = meant.map((key) =>
    key.map((part) => `(${equals(part, columns.get(part.name) ?? '', bind)})`).join(' AND '),
  );
  return { sql: any.map((one) => `(${one})`).join(' OR '), values };
}

function equals(part: KeyPart, type: string, bind: (text: string) => string): string {
  const { name, texts, values, kind } = part;
  const column = id(name);
  if (type === 'BLOB') {
    const bytes = kind === 'bytes' ? values.filter((value) => value instanceof Uint8Array) : texts;
    return bytes.map((one) => `${column} = unhex(${bind(Buffer.from(one as string).toString('hex'))})`).join(' OR ');
  }
  // Text counts as it stands: ' 1', '1' and '1.0' are three entities.
  if (kind === 'string') return texts.map((text) => `CAST(${column} AS VARCHAR) = ${bind(text)}`).join(' OR ');
  if (type !== 'VARCHAR') return texts.map((text) => `${column} = TRY_CAST(${bind(text)} AS ${type})`).join(' OR ');
  const same = texts.map((text) => `trim(${column}) = ${bind(text)}`);
  // A DECIMAL without digits behind the point would round 1.5.
  const typed = isWhole(part) ? 'DECIMAL(38, 9)' : kind === 'timestamp' ? 'TIMESTAMPTZ' : undefined;
  if (typed !== undefined)
    same.push(`TRY_CAST(${column} AS ${typed}) = TRY_CAST(${bind(texts[0] as string)} AS ${typed})`);
  return same.join(' OR ');
}

/**
 * What a record says of the keys: equal for equal keys, and nothing that tells them. With ASOF_PII_KEY nobody without it can try
 * keys until one fits; without it, the salt keeps from tables made before, not from trying.
 */
export interface Digest {
  readonly salt: string;
  readonly isKeyed: boolean;
  readonly hash: string;
}

export function digestOf(keys: readonly ForgottenKey[], env: NodeJS.ProcessEnv, salt: string = randomUUID()): Digest {
  const secret = env['ASOF_PII_KEY'];
  const isKeyed = secret !== undefined && secret !== '';
  const named = keys.map((key) => JSON.stringify(key.map(({ name, texts }) => [name, texts[0]]).sort())).sort();
  const hash = createHmac('sha256', isKeyed ? `${secret}${salt}` : salt)
    .update(named.join('\n'))
    .digest('hex');
  return { salt, isKeyed, hash };
}
