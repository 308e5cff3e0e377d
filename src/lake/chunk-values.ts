import {
  DuckDBBlobValue,
  type DuckDBDataChunk,
  DuckDBListValue,
  DuckDBTimestampTZValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { ValueType } from '../types.js';

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
    const values = new Array<unknown>(count);
    for (let row = 0; row < count; row += 1) {
      const value = vector.getItem(row) as DuckDBValue;
      values[row] = value === null ? null : read(value);
    }
    return values;
  };
}

function valueReader(type: ValueType): (value: DuckDBValue) => unknown {
  switch (type.kind) {
    case 'int64':
      return (value) => {
        const number = Number(value);
        return Number.isSafeInteger(number) ? number : value;
      };
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
