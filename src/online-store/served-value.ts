import { DataError } from '../errors.js';
import { itemsOf, type ValueType } from '../types.js';

type Serve = (value: unknown) => unknown;

/**
 * How a stored value becomes what the caller gets: int64 a number (a bigint where the type asks for it), timestamp a Date, all else
 * as it is. Undefined = as it is.
 * @param name the feature, for errors: DataError when the value can't be given exactly.
 */
export function servedValue(type: ValueType, name: string): Serve | undefined {
  switch (type.kind) {
    case 'int64':
      return type.mode === 'bigint' ? (value) => BigInt(value as number | bigint) : (value) => safeNumber(name, value);
    case 'timestamp':
      return (value) => dateOf(name, value as bigint);
    case 'list': {
      const item = servedValue(itemsOf(type), name);
      return item && ((value) => (value as unknown[]).map((v) => (v === null ? null : item(v))));
    }
    default:
      return undefined;
  }
}

function safeNumber(name: string, value: unknown): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new DataError(`feature "${name}" is ${value}, too large for a number`, {
    mend: `declare it as ${name}: int64({ mode: 'bigint' })`,
  });
}

/** The moment as a Date, which has milliseconds: the rest is cut off, towards the past. */
export function dateOf(name: string, micros: bigint): Date {
  const floor = micros >= 0n ? micros / 1000n : -((999n - micros) / 1000n);
  const date = new Date(Number(floor));
  if (!Number.isNaN(date.getTime())) return date;
  throw new DataError(`feature "${name}" is a time outside of what a Date can hold (${micros} microseconds)`, {
    mend: 'correct the row in its source and ingest it again',
  });
}
