import { itemsOf, sqlType, type ValueType } from '../types.js';

/** A column of a file as a column of the view, in SQL over the file's column. */
export interface Conversion {
  /** The converted value; null where there is none, or where it does not fit. */
  readonly value: string;
  /** True where there is a value that does not fit the type: out of range, a fraction for an integer, text that is no number. */
  readonly bad: string;
}

export interface ConversionOptions {
  /** The file's format has no types of its own (CSV, NDJSON): text is read as what the view declares. */
  readonly text: boolean;
  /** NaN and infinities don't fit, as in an event. */
  readonly finite?: boolean;
}

const integers = /^U?(TINY|SMALL|BIG|HUGE)INT$|^U?INTEGER$/;
const reals = /^(FLOAT|DOUBLE|DECIMAL\(.*\))$/;
const texts = /^(VARCHAR|JSON|UUID|ENUM\(.*\))$/;
const times = /^(DATE|TIMESTAMP(_S|_MS|_NS)?)$/;
const zoned = 'TIMESTAMP WITH TIME ZONE';
const safe = Number.MAX_SAFE_INTEGER;
/** Years 1 to 9999, what every format and store can hold. */
const firstTime = "TIMESTAMPTZ '0001-01-01 00:00:00+00'";
const lastTime = "TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'";

/**
 * How a column of DuckDB type `from` becomes a `to`; `undefined` when the types have nothing to do with each other (text where a
 * float is declared), which is one mistake of the whole column rather than of its values.
 * @param x SQL of the column.
 */
export function conversion(
  from: string,
  to: ValueType,
  x: string,
  options: ConversionOptions,
  depth = 0,
): Conversion | undefined {
  const text = options.text && from === 'VARCHAR';
  switch (to.kind) {
    case 'int32':
    case 'int64':
      return toInteger(from, to, x, text);
    case 'float32':
    case 'float64':
      return toFloat(from, to, x, text, options.finite === true);
    case 'bool':
      if (from === 'BOOLEAN') return { value: x, bad: 'false' };
      return text ? tried(trimmed(x), `TRY_CAST(${trimmed(x)} AS BOOLEAN)`) : undefined;
    case 'string':
      return texts.test(from) ? { value: `CAST(${x} AS VARCHAR)`, bad: 'false' } : undefined;
    case 'bytes':
      if (from === 'BLOB') return { value: x, bad: 'false' };
      return text ? tried(trimmed(x), `TRY(from_base64(${trimmed(x)}))`) : undefined;
    case 'timestamp':
      return toTimestamp(from, x);
    case 'list':
      return toList(from, to, x, text, options, depth);
  }
}

/** Text without the blanks around it; nothing but blanks is no value. */
const trimmed = (x: string): string => `nullif(trim(${x}), '')`;

/** A value that does not come out of a cast was no such value. */
const tried = (given: string, value: string, alsoBad = ''): Conversion => ({
  value,
  bad: `coalesce(${given} IS NOT NULL AND (${value} IS NULL${alsoBad}), false)`,
});

function toInteger(from: string, to: ValueType, x: string, text: boolean): Conversion | undefined {
  const range = (value: string): string =>
    to.kind === 'int64' && to.mode !== 'bigint' ? ` OR ${value} NOT BETWEEN -${safe} AND ${safe}` : '';
  if (integers.test(from)) {
    const value = `TRY_CAST(${x} AS ${sqlType(to)})`;
    return tried(x, value, range(value));
  }
  if (reals.test(from)) {
    const value = `TRY_CAST(${x} AS ${sqlType(to)})`;
    return tried(x, value, ` OR ${x} <> trunc(${x})${range(value)}`);
  }
  if (!text) return undefined;
  // DuckDB would round '1.5' and read '0x1F' and '1_000'; '5.0' is how an integer column with gaps leaves many tools.
  const digits = `CASE WHEN regexp_full_match(${trimmed(x)}, '[+-]?[0-9]+(\\.0*)?') THEN ${trimmed(x)} END`;
  const value = `TRY_CAST(${digits} AS ${sqlType(to)})`;
  return tried(trimmed(x), value, range(value));
}

function toFloat(from: string, to: ValueType, x: string, text: boolean, finite: boolean): Conversion | undefined {
  const number = (value: string): string => (finite ? ` OR NOT isfinite(${value})` : '');
  if (integers.test(from) || reals.test(from)) {
    const value = `TRY_CAST(${x} AS ${sqlType(to)})`;
    return tried(x, value, number(value));
  }
  if (!text) return undefined;
  // By way of DOUBLE, as JavaScript reads the same number from an event.
  const value = `TRY_CAST(TRY_CAST(${trimmed(x)} AS DOUBLE) AS ${sqlType(to)})`;
  // DuckDB makes infinity of digits that no double can hold.
  const tooLarge = ` OR (isinf(${value}) AND NOT contains(lower(${x}), 'inf'))`;
  return tried(trimmed(x), value, `${tooLarge}${number(value)}`);
}

/** Times without a zone are UTC. Numbers are not taken: nothing says what they count. Infinities lie outside the bounds. */
function toTimestamp(from: string, x: string): Conversion | undefined {
  const outside = (value: string): string => ` OR ${value} NOT BETWEEN ${firstTime} AND ${lastTime}`;
  if (from === zoned) return tried(x, x, outside(x));
  if (times.test(from)) {
    // Arithmetic: several times faster than timezone('UTC', …), and independent of the session's zone.
    const value = `make_timestamptz(epoch_us(CAST(${x} AS TIMESTAMP)))`;
    return tried(x, value, outside(value));
  }
  if (from !== 'VARCHAR') return undefined;
  const value = `TRY_CAST(${trimmed(x)} AS ${zoned})`;
  return tried(trimmed(x), value, outside(value));
}

function toList(
  from: string,
  to: ValueType,
  x: string,
  text: boolean,
  options: ConversionOptions,
  depth: number,
): Conversion | undefined {
  const item = `item${depth}`;
  const [, itemType] = /^(.*)\[\d*\]$/.exec(from) ?? [];
  const of = conversion(text ? 'VARCHAR' : (itemType ?? ''), itemsOf(to), item, options, depth + 1);
  if (of === undefined || (itemType === undefined && !text)) return undefined;
  // Text holds a JSON array; its items come out as text again.
  const json = `TRY_CAST(${trimmed(x)} AS JSON)`;
  const listed = text
    ? `CASE WHEN json_type(${json}) = 'ARRAY' THEN json_extract_string(${json}, '$[*]') END`
    : `CAST(${x} AS ${itemType}[])`;
  const given = text ? trimmed(x) : x;
  const badItems = `len(list_filter(${listed}, lambda ${item}: ${item} IS NULL OR ${of.bad})) > 0`;
  return {
    value: `CAST(list_transform(${listed}, lambda ${item}: ${of.value}) AS ${sqlType(to)})`,
    bad: `coalesce(${given} IS NOT NULL AND (${listed} IS NULL OR ${badItems}), false)`,
  };
}
