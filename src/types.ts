/**
 * Value types are runtime tokens that carry a TypeScript type: one value gives the column in the lake, the encoding in the
 * online store and the inferred row.
 */
import { DefinitionError } from './errors.js';

declare const carried: unique symbol;

export type ScalarKind = 'int32' | 'int64' | 'float32' | 'float64' | 'bool' | 'string' | 'bytes' | 'timestamp';

/** A column type whose values are `T` in TypeScript. Make one with `int64()`, `float32()`, `list(string())`, … */
export interface ValueType<T = unknown> {
  readonly kind: ScalarKind | 'list';
  /** How an int64 is given to TypeScript: a safe integer (default) or a bigint. */
  readonly mode?: 'number' | 'bigint';
  /** The type of a list's items. */
  readonly items?: ValueType;
  /** Whether an event may leave the field out or send null. Features may always be null. */
  readonly nullable?: boolean;
  readonly [carried]?: T;
}

const scalar = <T>(kind: ScalarKind): ValueType<T> => Object.freeze({ kind });

/** Whole numbers of 32 bits. */
export const int32 = (): ValueType<number> => scalar('int32');
/** Single precision; kept and served as float32, so training and serving see the same rounding. */
export const float32 = (): ValueType<number> => scalar('float32');
/** Double precision. */
export const float64 = (): ValueType<number> => scalar('float64');
export const bool = (): ValueType<boolean> => scalar('bool');
export const string = (): ValueType<string> => scalar('string');
export const bytes = (): ValueType<Uint8Array> => scalar('bytes');
/** A moment in UTC, kept in microseconds, a `Date` (milliseconds) in TypeScript. */
export const timestamp = (): ValueType<Date> => scalar('timestamp');

/**
 * Whole numbers of 64 bits: a `number` checked to be a safe integer where it enters TypeScript, or a `bigint` with
 * `int64({ mode: 'bigint' })`.
 */
export function int64(): ValueType<number>;
export function int64(options: { mode: 'number' }): ValueType<number>;
export function int64(options: { mode: 'bigint' }): ValueType<bigint>;
export function int64(options?: { mode: 'number' | 'bigint' }): ValueType<number> | ValueType<bigint> {
  return options?.mode === 'bigint' ? Object.freeze({ kind: 'int64', mode: 'bigint' }) : scalar<number>('int64');
}

/** A list whose items have one type. Items are not null. */
export const list = <T>(items: ValueType<T>): ValueType<T[]> => Object.freeze({ kind: 'list', items });

/** An event field that may be missing or null; without it such an event becomes a dead letter. */
export const nullable = <T>(of: ValueType<T>): ValueType<T | null> =>
  Object.freeze({ ...of, nullable: true }) as ValueType<T | null>;

/** Column names and their types. */
export type Schema = Readonly<Record<string, ValueType>>;

export type Value<V> = V extends ValueType<infer T> ? T : never;
/** The row a schema describes: what a transform receives. */
export type Row<S> = { -readonly [K in keyof S]: Value<S[K]> };
export type NullableRow<S> = { -readonly [K in keyof S]: Value<S[K]> | null };
/** Flattens an intersection, so that hovers and `Equal` tests see plain properties. */
export type Simplify<T> = { -readonly [K in keyof T]: T[K] } & {};

const sqlTypes: Record<ScalarKind, string> = {
  int32: 'INTEGER',
  int64: 'BIGINT',
  float32: 'FLOAT',
  float64: 'DOUBLE',
  bool: 'BOOLEAN',
  string: 'VARCHAR',
  bytes: 'BLOB',
  timestamp: 'TIMESTAMPTZ',
};

/** The DuckDB type of a column, e.g. `FLOAT[]`. */
export function sqlType(type: ValueType): string {
  return type.kind === 'list' ? `${sqlType(itemsOf(type))}[]` : sqlTypes[type.kind];
}

export function itemsOf(type: ValueType): ValueType {
  if (type.items === undefined)
    throw new DefinitionError(`a ${type.kind} has no item type`, { mend: 'write list(float32())' });
  return type.items;
}

/** The name kept in the registry, e.g. `list<float32>`; the mode of an int64 does not change what is stored. */
export function typeName(type: ValueType): string {
  return type.kind === 'list' ? `list<${typeName(itemsOf(type))}>` : type.kind;
}

/** Reads a name made by {@link typeName} back. */
export function parseTypeName(name: string): ValueType {
  const item = /^list<(.+)>$/.exec(name)?.[1];
  if (item !== undefined) return list(parseTypeName(item));
  if (!(name in sqlTypes))
    throw new DefinitionError(`unknown value type "${name}"`, {
      mend: `use one of ${Object.keys(sqlTypes).join(', ')}`,
    });
  return scalar(name as ScalarKind);
}

/** Changes of type that keep every stored value exact, and so keep the table (design: "widening"). */
export function isWidening(from: string, to: string): boolean {
  return (from === 'int32' && to === 'int64') || (from === 'float32' && to === 'float64');
}
