import { createdTimestamp, eventTimestamp } from '../definitions/feature-table.js';
import { id, type Session, type StatementOptions } from '../lake/index.js';
import type { Lateness } from './profile-types.js';
import { type FileColumn, micros } from './value-json.js';

/** How long after their events rows were made; `undefined` where no row has both times. */
export async function latenessOf(
  session: Session,
  file: string,
  columns: readonly FileColumn[],
  { approximate, signal }: StatementOptions & { readonly approximate: boolean },
): Promise<Lateness | undefined> {
  const event = columns.find(({ name }) => name === eventTimestamp);
  const created = columns.find(({ name }) => name === createdTimestamp);
  if (event === undefined || created === undefined) return undefined;
  // As doubles, because the times that DuckDB knows lie too far apart for the difference of two integers.
  const [at, made] = [event, created].map(({ name, type }) => `(${micros(`s.${id(name)}`, type)})::DOUBLE`);
  const quantile = approximate ? 'approx_quantile' : 'quantile_cont';
  const row = await session.one<{ rows: bigint; min: number; max: number; p50: number; p95: number; p99: number }>(
    `SELECT count(late) AS rows, min(late) AS min, max(late) AS max, ${quantile}(late, 0.5) AS p50,
       ${quantile}(late, 0.95) AS p95, ${quantile}(late, 0.99) AS p99
     FROM (SELECT (${made} - ${at}) / 1e6 AS late FROM read_parquet($1) AS s)`,
    [file],
    { signal },
  );
  return row === undefined || row.rows === 0n ? undefined : { ...row, rows: Number(row.rows) };
}
