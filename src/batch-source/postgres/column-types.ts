import { id } from '../../lake/index.js';

/** A column's type, as Postgres' catalog tells it. */
export interface PostgresType {
  /** As people write it: `numeric(10,2)`, `text[]`. */
  readonly shown: string;
  /** Internal name, e.g. `int4`; of an array, that of its items. Domains are given as what they are made of. */
  readonly name: string;
  readonly isArray: boolean;
  /** Made by the database itself; types of extensions and users may share their names. */
  readonly builtIn: boolean;
}

/** How a column is read. */
export interface ColumnReading {
  /** SQL for Postgres. */
  readonly sql: string;
  /** Numbers that come as text: Postgres' numeric has NaN, infinities and more digits than any type of DuckDB. */
  readonly digits: boolean;
  /** A time without a zone. */
  readonly zoneless: boolean;
}

/** Types that DuckDB reads as they are, from the binary format. */
const native = ['int2', 'int4', 'int8', 'float4', 'float8', 'bool', 'bytea', 'timestamp', 'timestamptz'];
/** Types by whose values a run can tell what is new. */
export const cursorTypes = ['int2', 'int4', 'int8', 'numeric', 'date', 'timestamp', 'timestamptz'];
export const timeTypes = ['date', 'timestamp', 'timestamptz'];
export const textTypes = ['text', 'varchar', 'bpchar'];

/**
 * How to read a column without loss. Numeric comes as text: DuckDB reads its NaN as 0, and a numeric without a precision as a
 * double. Dates come as timestamps, because their infinities come out as days; what a timestamp can't hold becomes an
 * infinity, and is refused with a count and an example where the view wants a time. All that has no equal comes as its text.
 */
export function columnReading(column: string, { name, isArray, builtIn }: PostgresType): ColumnReading {
  const x = `q.${id(column)}`;
  const base = builtIn ? name : '';
  const array = isArray ? '[]' : '';
  const reading = (sql: string, more: Partial<ColumnReading> = {}): ColumnReading => ({
    sql,
    digits: false,
    zoneless: false,
    ...more,
  });
  if (base === 'date') return reading(isArray ? `${x}::timestamp[]` : dateSql(x), { zoneless: true });
  if (base === 'timestamp') return reading(x, { zoneless: true });
  if (native.includes(base)) return reading(x);
  if (base === 'oid' || base === 'xid' || base === 'cid') return reading(`${x}::text${array}::int8${array}`);
  // Cast to text, an address gets a mask that it has not.
  if (base === 'inet' && !isArray) return reading(`textin(inet_out(${x}))`);
  return reading(`${x}::text${array}`, { digits: base === 'numeric' });
}

const dateSql = (x: string): string =>
  `CASE WHEN ${x} > '9999-12-31' THEN 'infinity'::timestamp WHEN ${x} < '0001-01-01' THEN '-infinity'::timestamp ELSE ${x}::timestamp END`;
