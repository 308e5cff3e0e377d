import { limits } from '../config.js';
import type { Rule } from '../definitions/expectations.js';
import { ids, type StatementOptions, sameIn } from '../lake/index.js';
import type { Batch } from './batch.js';
import type { Finding, Query } from './expectation-result.js';

type Unique = Pick<Rule<'unique'>, 'columns'>;

/** The values in which more than one row agrees, each once. `$1` is the file. */
export const twins = (e: Unique, select: string): string =>
  `SELECT ${select} FROM read_parquet($1) GROUP BY ${ids(e.columns)} HAVING count(*) > 1`;

export async function countTwins({ session, file }: Batch, e: Unique, options: StatementOptions): Promise<Finding> {
  const sql = `SELECT coalesce(sum(_rows), 0)::BIGINT AS failed FROM (${twins(e, 'count(*) AS _rows')})`;
  return { failed: Number((await session.one(sql, [file], options))?.['failed'] ?? 0) };
}

/** Rows that agree, side by side. */
export function twinRows(file: string, e: Unique): Query {
  const groups = `${twins(e, ids(e.columns))} ORDER BY ${ids(e.columns)} LIMIT ${limits.expectationExamples}`;
  const agree = sameIn(e.columns, 's', 't');
  return {
    sql: `SELECT s.* FROM read_parquet($1) AS s SEMI JOIN (${groups}) AS t ON ${agree} ORDER BY ${ids(e.columns, 's')}`,
    values: [file],
  };
}
