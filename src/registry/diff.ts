import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../definitions/index.js';

/** One field of an object that differs. `undefined` = the field is absent on that side. */
export interface FieldChange {
  /** e.g. `features.conv_rate`, `expect[1].max`. */
  readonly path: string;
  readonly from: Json | undefined;
  readonly to: Json | undefined;
}

/** As JSON keeps it: no undefined fields, no undefined in lists. */
export const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** What differs between two specs, field by field. The order of an object's keys is no difference, that of a list is. */
export function diffFields(from: object, to: object): FieldChange[] {
  return diffValues('', plain(from) as Json, plain(to) as Json);
}

function diffValues(path: string, from: Json | undefined, to: Json | undefined): FieldChange[] {
  if (isDeepStrictEqual(from, to)) return [];
  if (isRecord(from) && isRecord(to)) {
    const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
    return keys.flatMap((key) => diffValues(path === '' ? key : `${path}.${key}`, from[key], to[key]));
  }
  if (Array.isArray(from) && Array.isArray(to) && from.length === to.length && [...from, ...to].every(isRecord)) {
    return from.flatMap((item: Json, index) => diffValues(`${path}[${index}]`, item, (to as Json[])[index]));
  }
  return [{ path, from, to }];
}

const isRecord = (value: unknown): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
