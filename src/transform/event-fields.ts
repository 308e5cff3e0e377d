import { itemsOf, type ValueType } from '../types.js';
import { parseMoment } from './moment.js';

/** What a value of JSON is not: said of a field, as in `field "x" is <reason>`. Never holds the value itself beyond a number. */
export class Refusal {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** From a JSON value that is neither null nor missing to the value a transform sees, or a {@link Refusal}. */
export type FieldDecoder = (value: unknown) => unknown;

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** What a JSON value is, in words of JSON. */
export const jsonKind = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`;

const expected = (value: unknown, what: string): Refusal => new Refusal(`${jsonKind(value)}, not ${what}`);

/**
 * How a field of a type is read from JSON: numbers as numbers (int64 in bigint mode also as a string of digits), bytes as base64,
 * timestamps as ISO text. Nothing is converted by guess: "7" is no number, 1 is no boolean.
 */
export function fieldDecoder(type: ValueType): FieldDecoder {
  switch (type.kind) {
    case 'int32':
      return (value) => {
        if (typeof value !== 'number') return expected(value, 'an int32');
        return (value | 0) === value
          ? value
          : new Refusal(`${value}, which is out of range or no whole number for an int32`);
      };
    case 'int64':
      return type.mode === 'bigint' ? decodeBigint : decodeSafeInteger;
    case 'float32':
      return (value) => {
        if (typeof value !== 'number') return expected(value, 'a number');
        // Rounded before a transform sees it, as a value from a file is.
        const single = Math.fround(value);
        return Number.isFinite(single) ? single : new Refusal(`${value}, which is out of range for a float32`);
      };
    case 'float64':
      return (value) => {
        if (typeof value !== 'number') return expected(value, 'a number');
        return Number.isFinite(value) ? value : new Refusal('out of range for a float64');
      };
    case 'bool':
      return (value) => (typeof value === 'boolean' ? value : expected(value, 'true or false'));
    case 'string':
      return (value) => (typeof value === 'string' ? value : expected(value, 'a string'));
    case 'bytes':
      return (value) => {
        if (typeof value !== 'string') return expected(value, 'base64 text');
        return base64.test(value) ? Uint8Array.from(Buffer.from(value, 'base64')) : new Refusal('not base64 text');
      };
    case 'timestamp':
      return (value) => {
        if (typeof value !== 'string') return expected(value, 'a time as ISO text');
        return parseMoment(value) ?? new Refusal('not a possible ISO time');
      };
    case 'list':
      return listDecoder(fieldDecoder(itemsOf(type)));
  }
}

function decodeSafeInteger(value: unknown): unknown {
  if (typeof value !== 'number') return expected(value, 'a whole number');
  return Number.isSafeInteger(value) ? value : new Refusal(`${value}, which is no safe whole number`);
}

function decodeBigint(value: unknown): unknown {
  if (typeof value === 'number') {
    return Number.isSafeInteger(value)
      ? BigInt(value)
      : new Refusal(`${value}, which JSON can't hold exactly: send it as a string`);
  }
  if (typeof value !== 'string') return expected(value, 'a whole number');
  if (!/^-?\d{1,19}$/.test(value)) return new Refusal('not a whole number of 64 bits');
  const number = BigInt(value);
  return BigInt.asIntN(64, number) === number ? number : new Refusal('not a whole number of 64 bits');
}

const listDecoder =
  (decode: FieldDecoder): FieldDecoder =>
  (value) => {
    if (!Array.isArray(value)) return expected(value, 'a list');
    const items = new Array<unknown>(value.length);
    for (let i = 0; i < value.length; i += 1) {
      const item: unknown = value[i] === null ? new Refusal('null') : decode(value[i]);
      if (item instanceof Refusal) return new Refusal(`a list whose item ${i} is ${item.reason}`);
      items[i] = item;
    }
    return items;
  };
