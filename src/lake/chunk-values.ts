import {
  DuckDBBlobValue,
  type DuckDBDataChunk,
  DuckDBListValue,
  DuckDBTimestampTZValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { ValueType } from '../types.js';
import { type FixedWidth, fixedWidth } from './fixed-width.js';

/** One column of a chunk as plain values. */
export type ColumnReader = (chunk: DuckDBDataChunk, columnIndex: number) => unknown[];

/**
 * How columns of a type leave DuckDB in bulk: timestamps as bigint microseconds since 1970, int64 as number where that is exact and
 * bigint elsewhere, bytes as a copy, lists as arrays, null as null.
 */
export function columnReader(type: ValueType): ColumnReader {
  const read = valueReader(type);
  return (chunk, columnIndex) => {
    const vector = chunk.getColumnVector(columnIndex);
    const count = chunk.rowCount;
    const fixed = fixedWidth(vector);
    if (fixed !== undefined) return type.kind === 'int64' ? int64s(fixed, count) : items(fixed, count);
    const values = new Array<unknown>(count);
    for (let row = 0; row < count; row += 1) {
      const value = vector.getItem(row) as DuckDBValue;
      values[row] = value === null ? null : read(value);
    }
    return values;
  };
}

const isValid = ({ valid }: FixedWidth, row: number): boolean =>
  valid === undefined || ((valid[row >> 3] as number) & (1 << (row & 7))) !== 0;

function items(fixed: FixedWidth, count: number): unknown[] {
  const values = new Array<unknown>(count);
  for (let row = 0; row < count; row += 1) values[row] = isValid(fixed, row) ? fixed.items[row] : null;
  return values;
}

function int64s(fixed: FixedWidth, count: number): unknown[] {
  const values = items(fixed, count);
  for (let row = 0; row < count; row += 1) if (values[row] !== null) values[row] = exactNumber(values[row] as bigint);
  return values;
}

function exactNumber(value: unknown): unknown {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function valueReader(type: ValueType): (value: DuckDBValue) => unknown {
  switch (type.kind) {
    case 'int64':
      return exactNumber;
    case 'timestamp':
      return (value) => (value instanceof DuckDBTimestampTZValue ? value.micros : value);
    case 'bytes':
      return (value) => (value instanceof DuckDBBlobValue ? Uint8Array.from(value.bytes) : value);
    case 'list': {
      const item = valueReader(type.items as ValueType);
      return (value) =>
        value instanceof DuckDBListValue ? value.items.map((v) => (v === null ? null : item(v))) : value;
    }
    default:
      return (value) => value;
  }
}
