import path from 'node:path';
import { type FeatureTable, tableName } from '../../src/definitions/feature-table.js';
import { lit } from '../../src/lake/index.js';
import type { BenchLake } from './bench-lake.js';
import { listSeconds, runFeast } from './feast.js';

/**
 * Asks Feast's DuckDB store the same question, if ASOF_BENCH_FEAST_PYTHON names a Python with feast[duckdb]==0.67. Only the
 * retrieval is timed there, not the start of Python. Rows are matched by label: Feast keeps no order.
 */
export async function compareWithFeast(
  { lake, folder }: BenchLake,
  table: FeatureTable,
  entities: string,
  answer: string,
): Promise<void> {
  const rows = path.join(folder, 'feast-rows.parquet');
  const theirs = path.join(folder, 'feast-answer.parquet');
  const names = Object.keys(table.features);
  await lake.all(
    `COPY (SELECT driver_id, event_timestamp, created_timestamp, ${names.join(', ')} FROM ${lake.table(tableName(table))}) TO ${lit(rows)} (FORMAT parquet)`,
  );
  const figures = await runFeast('feast_history.py', [
    rows,
    entities,
    theirs,
    String(table.ttlMs / 1_000),
    names.join(','),
  ]);
  if (figures === undefined) return;
  const different = names.map((name) => `a.${name} IS DISTINCT FROM b.${name}`).join(' OR ');
  const compared = await lake.one<{ both: bigint; different: bigint; ours: bigint; theirs: bigint }>(
    `SELECT count(*) AS both, count(*) FILTER (${different}) AS different,
       (SELECT count(*) FROM read_parquet(${lit(answer)})) AS ours, (SELECT count(*) FROM read_parquet(${lit(theirs)})) AS theirs
     FROM read_parquet(${lit(answer)}) AS a JOIN read_parquet(${lit(theirs)}) AS b USING (label)`,
  );
  const agreement =
    compared?.different === 0n && compared.both === compared.ours && compared.ours === compared.theirs
      ? 'answers equal'
      : `ANSWERS DIFFER: ${compared?.ours} and ${compared?.theirs} rows, ${compared?.different} of ${compared?.both} common ones unlike`;
  console.log(
    `  Feast ${figures.version} (DuckDB store): ${listSeconds(figures)} s, peak ${figures.peakMegabytes} MB (${agreement})`,
  );
}
