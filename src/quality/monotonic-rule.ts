import type { Rule } from '../definitions/expectations.js';
import { createdTimestamp, eventTimestamp } from '../definitions/feature-table.js';
import { id, ids, type SqlValue, type StatementOptions, sameIn } from '../lake/index.js';
import type { Batch } from './batch.js';
import type { Finding, Query } from './expectation-result.js';
import { previousOf } from './previous-values.js';
import { columnClass, typeOf } from './value-json.js';

type Monotonic = Pick<Rule<'monotonic'>, 'column' | 'strict'>;

/** Which events follow each other. */
export interface EventOrder {
  /** Of whose events the order is; without any, all rows are of one entity. */
  readonly joinKeys?: readonly string[] | undefined;
  /** What came before the file's rows, see `writePrevious`; without it the first row of an entity is compared with nothing. */
  readonly previousFile?: string | undefined;
}

/**
 * The rows whose value is lower than the one before of the same entity; NaN, which no order holds, too. Rows of one entity and one
 * time have no order of their own, so they stand in that of their values.
 */
export function decreasing(
  { file, found }: Batch,
  e: Monotonic,
  { joinKeys = [], previousFile }: EventOrder,
  select = 's.*',
): Query {
  const column = `r.${id(e.column)}`;
  const odd = columnClass(typeOf(found, e.column)) === 'float' ? `isnan(${column})` : 'false';
  const value = `CASE WHEN NOT ${odd} THEN ${column} END`;
  const has = (name: string): boolean => found.some((known) => known.name === name);
  const order = [
    `r.${id(eventTimestamp)}`,
    ...(has(createdTimestamp) ? [`r.${id(createdTimestamp)} NULLS FIRST`] : []),
    column,
  ];
  const partition = joinKeys.length === 0 ? '' : `PARTITION BY ${ids(joinKeys, 'r')}`;
  const window = `lag(${value} IGNORE NULLS) OVER (${partition} ORDER BY ${order.join(', ')})`;
  const values: SqlValue[] = [file];
  const [before, previous] =
    previousFile === undefined
      ? [window, '']
      : [
          `coalesce(${window}, p.${id(previousOf(e.column))})`,
          `LEFT JOIN read_parquet($${values.push(previousFile)}) AS p ON ${sameIn(joinKeys, 'r', 'p')}`,
        ];
  const ordered = `SELECT r.*, r.file_row_number AS _row, ${before} AS _before, ${odd} AS _is_nan
    FROM read_parquet($1) AS r ${previous}`;
  const worse = `s.${id(e.column)} ${e.strict === true ? '<=' : '<'} s._before`;
  return {
    sql: `SELECT ${select} FROM (${ordered}) AS s WHERE s._is_nan OR ${worse}`,
    values,
  };
}

export async function countDecreasing(
  batch: Batch,
  e: Monotonic,
  order: EventOrder,
  options: StatementOptions,
): Promise<Finding> {
  const { sql, values } = decreasing(batch, e, order, 'count(*) AS failed');
  return { failed: Number((await batch.session.one(sql, values, options))?.['failed'] ?? 0) };
}
