import { type Lake, lit } from '../../src/lake/index.js';

/**
 * Whether two Parquet files hold the same rows in the same order, column by column (null equals null).
 * @throws Error with the number of differing rows: times of different answers can't be compared.
 */
export async function assertSameAnswer(lake: Lake, a: string, b: string): Promise<number> {
  const found = await lake.one<{ left: bigint; right: bigint; different: bigint }>(
    `SELECT (SELECT count(*) FROM read_parquet(${lit(a)})) AS left, (SELECT count(*) FROM read_parquet(${lit(b)})) AS right,
       (SELECT count(*) FROM (SELECT row(*COLUMNS(*)) AS r FROM read_parquet(${lit(a)})) AS x
        POSITIONAL JOIN (SELECT row(*COLUMNS(*)) AS r FROM read_parquet(${lit(b)})) AS y WHERE x.r IS DISTINCT FROM y.r) AS different`,
  );
  if (found === undefined || found.left !== found.right || found.different !== 0n) {
    throw new Error(
      `the answers differ: ${found?.left} and ${found?.right} rows, ${found?.different} of them unlike (${a}, ${b})`,
    );
  }
  return Number(found.left);
}
