import { id, type Session, type SqlValue, type StatementOptions } from '../../lake/index.js';
import type { Schema } from '../../types.js';
import { columnClass, type FileColumn, fileType, finiteNumber } from '../value-json.js';

/** Rows, as SQL that can stand after FROM, with the values bound in it. */
export interface Sample {
  /** @param first number of the first place holder: `$3` when two others come before. */
  readonly from: (first: number) => string;
  readonly values: readonly SqlValue[];
}

/** Two samples with the same columns. */
export interface SamplePair {
  readonly current: Sample;
  readonly reference: Sample;
}

/** The values of a statement that names both. */
export const valuesOf = ({ current, reference }: SamplePair): SqlValue[] => [...current.values, ...reference.values];

/** What is known of a column in one sample. */
export interface ColumnCount {
  /** Values that are not null. */
  readonly present: number;
  /** Of these, the ones that can be compared: NaN and infinities can't. */
  readonly usable: number;
  /** The largest of their absolute values, where they are numbers or times. */
  readonly largest: number;
}

export interface SampleCounts {
  readonly rows: number;
  /** In the order of the columns asked for. */
  readonly columns: readonly ColumnCount[];
}

/** Declared columns by the names that DuckDB has for their types. */
export const asFileColumns = (columns: Schema): FileColumn[] =>
  Object.entries(columns).map(([name, type]) => ({ name, type: fileType(type) }));

/** Lists and bytes have no distribution that could be compared. */
export const isComparable = ({ type }: FileColumn): boolean => !['list', 'bytes', 'other'].includes(columnClass(type));

/** Compared as numbers, as times are. */
export const isNumeric = ({ type }: FileColumn): boolean => ['integer', 'float', 'time'].includes(columnClass(type));

/** Both samples hold their columns in the declared types, but for history from before a type was widened. */
export const cast = ({ name, type }: FileColumn): string => `(s.${id(name)})::${type}`;

/** SQL of the value to compare: a finite number (times in microseconds), or the value itself; null for what can't be compared. */
export const usable = (column: FileColumn): string => finiteNumber(cast(column), column.type) ?? cast(column);

/** One scan of a sample. */
export async function countSample(
  session: Session,
  { from, values }: Sample,
  columns: readonly FileColumn[],
  options: StatementOptions,
): Promise<SampleCounts> {
  const wanted = columns.flatMap((column, index) => {
    if (!isComparable(column)) return [`count(s.${id(column.name)}) AS present_${index}`];
    const number = finiteNumber(cast(column), column.type);
    return [
      `count(s.${id(column.name)}) AS present_${index}`,
      `count(${usable(column)}) AS usable_${index}`,
      ...(number === undefined ? [] : [`max(abs((${number})::DOUBLE)) AS largest_${index}`]),
    ];
  });
  const row = await session.one(
    `SELECT ${['count(*) AS rows', ...wanted].join(', ')} FROM ${from(1)} AS s`,
    values,
    options,
  );
  const count = (name: string): number => Number(row?.[name] ?? 0);
  return {
    rows: count('rows'),
    columns: columns.map((_, index) => ({
      present: count(`present_${index}`),
      usable: count(`usable_${index}`),
      largest: count(`largest_${index}`),
    })),
  };
}

/** How often each value came in either sample: `v`, `c` (current), `r` (reference). Each value once; nothing of it in JavaScript. */
export function countedValues({ current, reference }: SamplePair, column: FileColumn): string {
  const side = (relation: string, counts: string): string =>
    `SELECT ${usable(column)} AS v, ${counts} FROM ${relation} AS s`;
  return `SELECT v, sum(c)::BIGINT AS c, sum(r)::BIGINT AS r
    FROM (${side(current.from(1), '1 AS c, 0 AS r')} UNION ALL ${side(reference.from(1 + current.values.length), '0 AS c, 1 AS r')}) AS both_samples
    WHERE v IS NOT NULL GROUP BY v`;
}
