import { DataError, DefinitionError } from '../errors.js';
import { appendColumns } from '../lake/append-columns.js';
import { id, type Session } from '../lake/index.js';
import { list, type Schema, sqlType, type ValueType } from '../types.js';
import type { EntityRequest, EntitySource } from './entity-input.js';

type Rows = readonly Readonly<Record<string, unknown>>[];
const name = 'entity rows';

/** Entity rows given as objects. Types are inferred from the values; `undefined` and absent properties count as missing. */
export function objectSource(
  session: Session,
  rows: Rows,
  { keys, entityTimestamp, ownColumns }: EntityRequest,
): EntitySource {
  const bad = rows.findIndex((row) => typeof row !== 'object' || row === null);
  if (bad >= 0)
    throw new DefinitionError('is not an object', {
      where: `${name}, row ${bad + 1}`,
      mend: 'give rows such as { driver_id: 1001, event_timestamp: new Date() }',
    });
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  // Without a row there is nothing to infer from; the result still has its columns.
  if (rows.length === 0) names.push(...Object.keys(keys), entityTimestamp ?? 'event_timestamp');
  const schema: Record<string, ValueType> = {};
  const unusable: Record<string, DataError> = {};
  for (const column of names) {
    try {
      schema[column] = rows.length === 0 ? (keys[column] ?? { kind: 'timestamp' }) : columnType(rows, column);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      // Matters only if the column is loaded: rows given as objects are handed back as they are.
      if (ownColumns) throw error;
      unusable[column] = error;
      schema[column] = { kind: 'string' };
    }
  }
  return {
    name,
    columns: Object.fromEntries(names.map((column) => [column, foundType(rows, column, schema[column] as ValueType)])),
    load: async (table, position, wanted, strict) => {
      for (const column of strict) {
        if (unusable[column] !== undefined) throw unusable[column];
        const missing = rows.findIndex((row) => row[column] === undefined);
        if (missing >= 0) {
          throw new DefinitionError(`"${column}" is missing`, {
            where: `${name}, row ${missing + 1}`,
            mend: 'give it in every row; null if there is none',
          });
        }
      }
      const types: Schema = Object.fromEntries([
        [position, { kind: 'int64' }],
        ...wanted.map((column) => [column, schema[column] as ValueType]),
      ]);
      const definitions = Object.entries(types).map(([column, type]) => `${id(column)} ${sqlType(type)}`);
      await session.run(`CREATE OR REPLACE TEMP TABLE ${table} (${definitions.join(', ')})`);
      const columns = wanted.map((column) => rows.map((row) => plain(row[column], schema[column] as ValueType)));
      const bare = table.slice(table.lastIndexOf('.') + 1).replaceAll('"', '');
      await appendColumns(session, bare, types, [rows.map((_, index) => index + 1), ...columns]);
    },
  };
}

/** A text column of ISO times counts as a timestamp where the time of the rows is looked for. */
function foundType(rows: Rows, column: string, type: ValueType): string {
  if (type.kind !== 'string') return sqlType(type);
  const values = rows.map((row) => row[column]).filter((value) => value != null);
  const isTime = (value: unknown) =>
    value instanceof Date || (typeof value === 'string' && /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(value));
  return values.length > 0 && values.every(isTime) ? 'TIMESTAMP' : 'VARCHAR';
}

function columnType(rows: Rows, column: string): ValueType {
  let found: ValueType | undefined;
  for (const [index, row] of rows.entries()) {
    const value = row[column];
    if (value == null) continue;
    const where = `${name}, row ${index + 1}, column "${column}"`;
    found = merged(found, valueType(value, where), where);
  }
  return found ?? { kind: 'string' };
}

const int64Max = 2n ** 63n - 1n;

function valueType(value: unknown, where: string): ValueType {
  switch (typeof value) {
    case 'number':
      return { kind: Number.isSafeInteger(value) ? 'int64' : 'float64' };
    case 'bigint':
      if (value > int64Max || value < -int64Max - 1n)
        throw new DataError(`${value} does not fit in 64 bits`, { where, mend: 'give it as a string' });
      return { kind: 'int64' };
    case 'boolean':
      return { kind: 'bool' };
    case 'string':
      return { kind: 'string' };
    default:
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime()))
      throw new DataError('is an invalid Date', { where, mend: 'check how the Date was made' });
    return { kind: 'timestamp' };
  }
  if (value instanceof Uint8Array) return { kind: 'bytes' };
  if (Array.isArray(value)) {
    const items = value.map((item) => valueType(item, where));
    return list(
      items.reduce<ValueType | undefined>((before, item) => merged(before, item, where), undefined) ?? {
        kind: 'string',
      },
    );
  }
  throw new DataError(`holds ${typeof value === 'object' ? 'an object' : `a ${typeof value}`}`, {
    where,
    mend: 'give numbers, strings, booleans, Dates, bytes or lists of them; an object as a JSON string',
  });
}

function merged(a: ValueType | undefined, b: ValueType, where: string): ValueType {
  if (a === undefined || a.kind === b.kind)
    return a?.kind === 'list' && b.kind === 'list' ? list(merged(a.items, b.items as ValueType, where)) : b;
  const kinds = [a.kind, b.kind].sort().join();
  if (kinds === 'float64,int64') return { kind: 'float64' };
  if (kinds === 'string,timestamp') return { kind: 'string' };
  throw new DataError(`a ${b.kind} after values of type ${a.kind}`, {
    where,
    mend: 'give values of one type in a column',
  });
}

function plain(value: unknown, type: ValueType): unknown {
  if (value == null) return null;
  if (type.kind === 'string') return value instanceof Date ? value.toISOString() : value;
  if (type.kind === 'float64') return Number(value);
  if (type.kind === 'list') return (value as unknown[]).map((item) => plain(item, type.items as ValueType));
  return value;
}
