import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { FeatureTable } from '../../src/definitions/feature-table.js';
import type { BenchLake } from './bench-lake.js';
import { type Measured, median } from './measure.js';
import { decidedByPosition, exportRows } from './newest-data.js';
import { assertSameRows } from './online-answer.js';

const script = fileURLToPath(new URL('../feast_materialize.py', import.meta.url));

/**
 * Materializes the same rows with Feast into its SQLite online store, if ASOF_BENCH_FEAST_PYTHON names a Python with
 * feast[duckdb]==0.67. Only `materialize` is timed there, not the start of Python nor the reading back. Feast knows of no ingest
 * position, so keys that need it are not compared.
 */
export async function compareWithFeast(
  { lake, folder }: BenchLake,
  table: FeatureTable,
  answer: string,
  asof: Measured,
): Promise<void> {
  const python = process.env['ASOF_BENCH_FEAST_PYTHON'];
  if (python === undefined) {
    console.log('  Feast: skipped, ASOF_BENCH_FEAST_PYTHON names no Python with feast[duckdb]==0.67');
    return;
  }
  const rows = path.join(folder, 'feast-rows.parquet');
  const theirs = path.join(folder, 'feast-answer.parquet');
  await exportRows(lake, table, rows);
  const { stdout } = await promisify(execFile)(python, [script, rows, theirs, Object.keys(table.features).join(',')], {
    maxBuffer: 1 << 24,
  });
  const figures = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as {
    seconds: number[];
    keys: number;
    version: string;
    peakMegabytes: number;
  };
  const compared = await assertSameRows(lake, answer, theirs, `NOT (${decidedByPosition})`);
  const seconds = median(figures.seconds);
  const rate = Math.round(figures.keys / seconds).toLocaleString('en');
  console.log(
    `  Feast ${figures.version} (DuckDB to its SQLite online store): ${figures.seconds.map((s) => s.toFixed(2)).join(', ')} s, ${rate} entities/s, peak ${figures.peakMegabytes} MB (answers equal for ${compared.toLocaleString('en')} keys)`,
  );
  console.log(`  ratio Feast to asof: ${(seconds / median(asof.wall)).toFixed(1)}`);
}
