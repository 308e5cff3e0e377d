import { itemsOf, sqlType, type ValueType } from '../types.js';

/**
 * SQL that reads a value back from the JSON that `jsonValue` made of it, exactly: integers beyond 2^53 and NaN from their texts,
 * bytes from `0x…`, times to the microsecond. Null where the JSON is null, and where it is no value of the type.
 * @param json an expression of type JSON.
 */
export function fromJson(json: string, type: ValueType, depth = 0): string {
  const j = `(${json})`;
  const text = `(${j} ->> '$')`;
  const is = (...kinds: readonly string[]): string => `json_type(${j}) IN (${kinds.map((k) => `'${k}'`).join(', ')})`;
  switch (type.kind) {
    case 'bool':
      return `CASE WHEN ${is('BOOLEAN')} THEN ${text}::BOOLEAN END`;
    case 'int32':
    case 'int64':
      // DuckDB would round 1.5, and read '1e3'.
      return `CASE WHEN ${is('BIGINT', 'UBIGINT', 'VARCHAR')} AND regexp_full_match(${text}, '-?[0-9]+')
        THEN TRY_CAST(${text} AS ${sqlType(type)}) END`;
    case 'float32':
    case 'float64': {
      const value = `TRY_CAST(${text} AS ${sqlType(type)})`;
      // DuckDB makes infinity of what is too large.
      return `CASE WHEN ${is('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE')} AND isfinite(${value}) THEN ${value}
        WHEN ${is('VARCHAR')} AND ${text} IN ('NaN', 'Infinity', '-Infinity') THEN ${value} END`;
    }
    case 'string':
      return `CASE WHEN ${is('VARCHAR')} THEN ${text} END`;
    case 'bytes':
      return `CASE WHEN ${is('VARCHAR')} AND regexp_full_match(${text}, '0x([0-9a-f][0-9a-f])*')
        THEN unhex(substr(${text}, 3)) END`;
    case 'timestamp':
      return `CASE WHEN ${is('VARCHAR')} THEN TRY_CAST(${text} AS TIMESTAMPTZ) END`;
    case 'list': {
      const item = `item${depth}`;
      const items = `from_json(${j}, '["JSON"]')`;
      const read = fromJson(item, itemsOf(type), depth + 1);
      // One item that is none makes the whole list none.
      const misfits = `list_filter(${items}, lambda ${item}: json_type(${item}) <> 'NULL' AND (${read}) IS NULL)`;
      return `CASE WHEN ${is('ARRAY')} AND len(${misfits}) = 0
        THEN list_transform(${items}, lambda ${item}: ${read})::${sqlType(type)} END`;
    }
  }
}
