import {
  BIGINT,
  BLOB,
  BOOLEAN,
  blobValue,
  DOUBLE,
  DuckDBDataChunk,
  type DuckDBType,
  type DuckDBValue,
  FLOAT,
  INTEGER,
  LIST,
  listValue,
  TIMESTAMPTZ,
  timestampTZValue,
  VARCHAR,
} from '@duckdb/node-api';
import { DataError } from '../errors.js';
import { itemsOf, type ScalarKind, type Schema, type ValueType } from '../types.js';
import type { Session } from './session.js';

/** Rows of one chunk of DuckDB. */
const chunkRows = 2_048;

const scalarTypes: Record<ScalarKind, DuckDBType> = {
  int32: INTEGER,
  int64: BIGINT,
  float32: FLOAT,
  float64: DOUBLE,
  bool: BOOLEAN,
  string: VARCHAR,
  bytes: BLOB,
  timestamp: TIMESTAMPTZ,
};

/**
 * Appends columns of plain values to a temporary table, chunk by chunk: no SQL, no row objects.
 * @param table name of a table in `temp.main`.
 * @param columns one array per column of the schema, all of one length; timestamps are bigint microseconds or Dates.
 * @throws DataError naming column and row for a value that does not fit its column.
 */
export async function appendColumns(
  session: Session,
  table: string,
  schema: Schema,
  columns: readonly (readonly unknown[])[],
): Promise<void> {
  const entries = Object.entries(schema);
  const types = entries.map(([, type]) => duckdbType(type));
  const writers = entries.map(([, type]) => valueWriter(type));
  const rows = columns[0]?.length ?? 0;
  const appender = await session.connection.createAppender(table, 'main', 'temp');
  try {
    for (let from = 0; from < rows; from += chunkRows) {
      const to = Math.min(rows, from + chunkRows);
      const chunk = DuckDBDataChunk.create(types, to - from);
      for (const [index, [name]] of entries.entries()) {
        const vector = chunk.getColumnVector(index);
        const column = columns[index] ?? [];
        const write = writers[index] as (value: unknown) => DuckDBValue;
        for (let row = from; row < to; row += 1) {
          const value = column[row];
          try {
            vector.setItem(row - from, value == null ? null : write(value));
          } catch (error) {
            throw new DataError(`a value does not fit: ${error instanceof Error ? error.message : String(error)}`, {
              where: `column ${name}, row ${row}`,
              mend: 'check the value against the declared type',
            });
          }
        }
        vector.flush();
      }
      appender.appendDataChunk(chunk);
    }
    appender.flushSync();
  } finally {
    appender.closeSync();
  }
}

function duckdbType(type: ValueType): DuckDBType {
  return type.kind === 'list' ? LIST(duckdbType(itemsOf(type))) : scalarTypes[type.kind];
}

/** The vectors take whatever they are given, so values are checked here. */
function valueWriter(type: ValueType): (value: unknown) => DuckDBValue {
  switch (type.kind) {
    case 'int32':
      return (value) => {
        if (typeof value !== 'number' || (value | 0) !== value) throw new TypeError(`${String(value)} is not an int32`);
        return value;
      };
    case 'int64':
      return (value) => {
        if (typeof value !== 'bigint' && !Number.isSafeInteger(value))
          throw new TypeError(`${String(value)} is not an int64`);
        return BigInt(value as number | bigint);
      };
    case 'float32':
    case 'float64':
      return (value) => {
        if (typeof value !== 'number') throw new TypeError(`a ${typeof value} is not a ${type.kind}`);
        return value;
      };
    case 'bool':
    case 'string': {
      const expected = type.kind === 'bool' ? 'boolean' : 'string';
      return (value) => {
        if (typeof value !== expected) throw new TypeError(`a ${typeof value} is not a ${type.kind}`);
        return value as string | boolean;
      };
    }
    case 'bytes':
      return (value) => {
        if (!(value instanceof Uint8Array)) throw new TypeError(`a ${typeof value} is not bytes`);
        return blobValue(value);
      };
    case 'timestamp':
      return (value) => {
        if (typeof value === 'bigint') return timestampTZValue(value);
        if (value instanceof Date && !Number.isNaN(value.getTime()))
          return timestampTZValue(BigInt(value.getTime()) * 1_000n);
        throw new TypeError(`${String(value)} is not a timestamp`);
      };
    case 'list': {
      const item = valueWriter(itemsOf(type));
      return (value) => {
        if (!Array.isArray(value)) throw new TypeError(`a ${typeof value} is not a list`);
        return listValue(value.map((v: unknown) => item(v)));
      };
    }
  }
}
