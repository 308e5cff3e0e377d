import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type FeatureTable, tableName } from '../../src/definitions/feature-table.js';
import { lit } from '../../src/lake/index.js';
import type { BenchLake } from './bench-lake.js';

const script = fileURLToPath(new URL('../feast_history.py', import.meta.url));

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
  const python = process.env['ASOF_BENCH_FEAST_PYTHON'];
  if (python === undefined) {
    console.log('  Feast: skipped, ASOF_BENCH_FEAST_PYTHON names no Python with feast[duckdb]==0.67');
    return;
  }
  const rows = path.join(folder, 'feast-rows.parquet');
  const theirs = path.join(folder, 'feast-answer.parquet');
  const names = Object.keys(table.features);
  await lake.all(
    `COPY (SELECT driver_id, event_timestamp, created_timestamp, ${names.join(', ')} FROM ${lake.table(tableName(table))}) TO ${lit(rows)} (FORMAT parquet)`,
  );
  const { stdout } = await promisify(execFile)(
    python,
    [script, rows, entities, theirs, String(table.ttlMs / 1_000), names.join(',')],
    { maxBuffer: 1 << 24 },
  );
  const figures = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as {
    seconds: number[];
    cpuSeconds: number[];
    version: string;
    peakMegabytes: number;
  };
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
  const list = figures.seconds.map((s) => s.toFixed(2)).join(', ');
  console.log(`  Feast ${figures.version} (DuckDB store): ${list} s, peak ${figures.peakMegabytes} MB (${agreement})`);
}
