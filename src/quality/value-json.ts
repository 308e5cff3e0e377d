import { id, lit } from '../lake/index.js';
import { sqlType, type ValueType } from '../types.js';

/** A column of a file as DuckDB sees it; `type` is DuckDB's name, e.g. `TIMESTAMP WITH TIME ZONE`. */
export interface FileColumn {
  readonly name: string;
  readonly type: string;
}

/** The type that a column declared so has in a file. */
export const fileType = (type: ValueType): string => sqlType(type).replace('TIMESTAMPTZ', 'TIMESTAMP WITH TIME ZONE');

export const typeOf = (found: readonly FileColumn[], column: string): string =>
  found.find(({ name }) => name === column)?.type ?? 'VARCHAR';

export interface JsonOptions {
  /** Longer texts, and lists with more items, are cut. Without it values are kept whole. */
  readonly textMax?: number | undefined;
}

export type ColumnClass = 'integer' | 'float' | 'time' | 'bool' | 'text' | 'bytes' | 'list' | 'other';

/** What can be said about a column of this DuckDB type. */
export function columnClass(type: string): ColumnClass {
  if (/\[\d*\]$/.test(type)) return 'list';
  if (/^U?(TINYINT|SMALLINT|INTEGER|BIGINT)$/.test(type)) return 'integer';
  if (/^(FLOAT|DOUBLE|U?HUGEINT|DECIMAL\(.*\))$/.test(type)) return 'float';
  if (/^(TIMESTAMP|DATE)/.test(type)) return 'time';
  if (type === 'BOOLEAN') return 'bool';
  if (type === 'VARCHAR') return 'text';
  return type === 'BLOB' ? 'bytes' : 'other';
}

/** A moment as microseconds since 1970 (null for ±infinity); times without a zone are UTC. */
export const micros = (expression: string, type: string): string =>
  `CASE WHEN isfinite(${expression}) THEN epoch_us(${type.includes('ZONE') ? expression : `${expression}::TIMESTAMP`}) END`;

/**
 * SQL for a value as JSON that every parser reads: NaN and infinities as strings, integers beyond 2^53 as strings, bytes as
 * `0x…`, times in ISO 8601. DuckDB's own to_json writes a bare `NaN`, and its JavaScript values can't hold an infinite time.
 */
export function jsonValue(expression: string, type: string, options: JsonOptions = {}): string {
  const e = `(${expression})`;
  switch (columnClass(type)) {
    case 'bool':
      return `to_json(${e})`;
    case 'integer':
      return /BIGINT$/.test(type)
        ? `CASE WHEN ${e} BETWEEN -9007199254740991 AND 9007199254740991 THEN to_json(${e}) ELSE to_json(${e}::VARCHAR) END`
        : `to_json(${e})`;
    case 'float': {
      const number = `${e}::DOUBLE`;
      // By way of its text, a float32 shows as the shortest number that reads back to it: 0.1 and not 0.10000000149011612.
      const json = `to_json(${type === 'FLOAT' ? `${e}::VARCHAR::DOUBLE` : number})`;
      return `CASE WHEN isnan(${number}) THEN to_json('NaN') WHEN isinf(${number}) THEN to_json(CASE WHEN ${number} > 0 THEN 'Infinity' ELSE '-Infinity' END) ELSE ${json} END`;
    }
    case 'time': {
      const iso = `regexp_replace(strftime(make_timestamp(${micros(e, type)}), '%Y-%m-%dT%H:%M:%S.%fZ'), '(\\.000)?000Z$', 'Z')`;
      return `CASE WHEN isfinite(${e}) THEN to_json(${type === 'DATE' ? `${e}::VARCHAR` : iso}) ELSE to_json(${e}::VARCHAR) END`;
    }
    case 'bytes':
      return cutText(`'0x' || lower(hex(${e}))`, options);
    case 'list': {
      const items = options.textMax === undefined ? e : `${e}[1:${Math.min(options.textMax, listItemsMax)}]`;
      return `to_json(list_transform(${items}::${type.replace(/\[\d+\]$/, '[]')}, lambda x: ${jsonValue('x', type.replace(/\[\d*\]$/, ''), options)}))`;
    }
    default:
      return cutText(`${e}::VARCHAR`, options);
  }
}

/** Items shown of a long list, where texts are cut. */
const listItemsMax = 20;

function cutText(text: string, { textMax }: JsonOptions): string {
  if (textMax === undefined) return `to_json(${text})`;
  return `to_json(CASE WHEN length(${text}) > ${textMax} THEN left(${text}, ${textMax}) || '…' ELSE ${text} END)`;
}

/** SQL for a whole row as one JSON object, in the order of `columns`. */
export function jsonRow(columns: readonly FileColumn[], alias: string, options: JsonOptions = {}): string {
  const fields = columns.map(({ name, type }) => `${lit(name)}, ${jsonValue(`${alias}.${id(name)}`, type, options)}`);
  return `json_object(${fields.join(', ')})::VARCHAR`;
}

/**
 * SQL for the value as a finite number, else null: integers stay exact, times are microseconds; `undefined` for other types.
 * CASE and not FILTER, because an aggregate's argument is computed for filtered rows too.
 */
export function finiteNumber(column: string, type: string): string | undefined {
  switch (columnClass(type)) {
    case 'integer':
      return type === 'UBIGINT' ? `${column}::HUGEINT` : `${column}::BIGINT`;
    case 'float':
      return `CASE WHEN isfinite(${column}::DOUBLE) THEN ${column}::DOUBLE END`;
    case 'time':
      return micros(column, type);
    default:
      return undefined;
  }
}
