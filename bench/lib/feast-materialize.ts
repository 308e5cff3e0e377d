import path from 'node:path';
import type { FeatureTable } from '../../src/definitions/feature-table.js';
import type { BenchLake } from './bench-lake.js';
import { type FeastFigures, listSeconds, runFeast } from './feast.js';
import { type Measured, median } from './measure.js';
import { decidedByPosition, exportRows } from './newest-data.js';
import { assertSameRows } from './online-answer.js';

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
  const rows = path.join(folder, 'feast-rows.parquet');
  const theirs = path.join(folder, 'feast-answer.parquet');
  await exportRows(lake, table, rows);
  const figures = await runFeast<FeastFigures & { keys: number }>('feast_materialize.py', [
    rows,
    theirs,
    Object.keys(table.features).join(','),
  ]);
  if (figures === undefined) return;
  const compared = await assertSameRows(lake, answer, theirs, `NOT (${decidedByPosition})`);
  const seconds = median(figures.seconds);
  const rate = Math.round(figures.keys / seconds).toLocaleString('en');
  console.log(
    `  Feast ${figures.version} (DuckDB to its SQLite online store): ${listSeconds(figures)} s, ${rate} entities/s, peak ${figures.peakMegabytes} MB (answers equal for ${compared.toLocaleString('en')} keys)`,
  );
  console.log(`  ratio Feast to asof: ${(seconds / median(asof.wall)).toFixed(1)}`);
}
