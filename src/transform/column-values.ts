import { itemsOf, type ValueType } from '../types.js';
import { Refusal } from './event-fields.js';
import { firstMoment, lastMoment, toMicroseconds } from './moment.js';

/**
 * Checks a JavaScript value that is not null against a type and gives what goes into a column of the lake: float32 rounded to what
 * is kept and served, timestamps as microseconds (bigint). Otherwise a {@link Refusal}.
 */
export type ValueChecker = (value: unknown) => unknown;

const nameOf = (value: unknown): string =>
  value instanceof Date
    ? 'a Date'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`;

const expected = (value: unknown, what: string): Refusal => new Refusal(`${nameOf(value)}, not ${what}`);

export function valueChecker(type: ValueType): ValueChecker {
  switch (type.kind) {
    case 'int32':
      return (value) => {
        if (typeof value !== 'number') return expected(value, 'an int32');
        return (value | 0) === value
          ? value + 0
          : new Refusal(`${value}, which is out of range or no whole number for an int32`);
      };
    case 'int64':
      return (value) => {
        if (typeof value === 'bigint') {
          return BigInt.asIntN(64, value) === value ? value : new Refusal('out of range for an int64');
        }
        if (typeof value !== 'number') return expected(value, 'a whole number');
        return Number.isSafeInteger(value) ? value : new Refusal(`${value}, which is no safe whole number`);
      };
    case 'float32':
    case 'float64': {
      const single = type.kind === 'float32';
      return (value) => {
        if (typeof value !== 'number') return expected(value, 'a number');
        const kept = single ? Math.fround(value) : value;
        return Number.isFinite(kept)
          ? kept
          : new Refusal(`${value}, which is no finite ${type.kind}; give null for "none"`);
      };
    }
    case 'bool':
      return (value) => (typeof value === 'boolean' ? value : expected(value, 'true or false'));
    case 'string':
      return (value) => (typeof value === 'string' ? value : expected(value, 'a string'));
    case 'bytes':
      return (value) => (value instanceof Uint8Array ? value : expected(value, 'a Uint8Array'));
    case 'timestamp':
      return (value) => {
        if (!(value instanceof Date)) return expected(value, 'a Date');
        const time = value.getTime();
        return time >= firstMoment && time <= lastMoment ? toMicroseconds(value) : new Refusal('no possible time');
      };
    case 'list':
      return listChecker(valueChecker(itemsOf(type)));
  }
}

const listChecker =
  (check: ValueChecker): ValueChecker =>
  (value) => {
    if (!Array.isArray(value)) return expected(value, 'a list');
    const items = new Array<unknown>(value.length);
    for (let i = 0; i < value.length; i += 1) {
      const item: unknown = value[i] == null ? new Refusal('null') : check(value[i]);
      if (item instanceof Refusal) return new Refusal(`a list whose item ${i} is ${item.reason}`);
      items[i] = item;
    }
    return items;
  };
