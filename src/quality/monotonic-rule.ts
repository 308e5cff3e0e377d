import type { Rule } from '../definitions/expectations.js';
import { createdTimestamp, eventTimestamp } from '../definitions/feature-table.js';
import { id, ids, type StatementOptions } from '../lake/index.js';
import type { Batch } from './batch.js';
import type { Finding, Query } from './expectation-result.js';
import { columnClass, typeOf } from './value-json.js';

type Monotonic = Pick<Rule<'monotonic'>, 'column' | 'strict'>;

/**
 * The rows whose value is lower than the one before of the same entity; NaN, which no order holds, too. Rows of one entity and one
 * time have no order of their own, so they stand in that of their values.
 */
export function decreasing({ file, found }: Batch, e: Monotonic, joinKeys: readonly string[], select = 's.*'): Query {
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
  const ordered = `SELECT r.*, r.file_row_number AS _row, ${window} AS _before, ${odd} AS _is_nan
    FROM read_parquet($1) AS r`;
  const worse = `s.${id(e.column)} ${e.strict === true ? '<=' : '<'} s._before`;
  return {
    sql: `SELECT ${select} FROM (${ordered}) AS s WHERE s._is_nan OR ${worse}`,
    values: [file],
  };
}

export async function countDecreasing(
  batch: Batch,
  e: Monotonic,
  joinKeys: readonly string[],
  options: StatementOptions,
): Promise<Finding> {
  const { sql, values } = decreasing(batch, e, joinKeys, 'count(*) AS failed');
  return { failed: Number((await batch.session.one(sql, values, options))?.['failed'] ?? 0) };
}
