import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { FeatureTable } from '../../src/definitions/feature-table.js';
import { createFeatureTable } from '../../src/lake/feature-tables.js';
import { type CatalogOptions, Lake } from '../../src/lake/index.js';

export interface BenchLake {
  readonly lake: Lake;
  /** A folder for files of the benchmark, removed with the lake. */
  readonly folder: string;
  close(): void;
}

/** A fresh lake in a temporary folder, or under ASOF_BENCH_DIR where the temporary one is small or slow. */
export async function openBenchLake(catalog?: CatalogOptions): Promise<BenchLake> {
  const folder = mkdtempSync(path.join(process.env['ASOF_BENCH_DIR'] ?? os.tmpdir(), 'asof-bench-'));
  const lake = await Lake.open({ stateDir: folder, project: 'bench', catalog });
  return {
    lake,
    folder,
    close: () => {
      lake.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function createBenchView(lake: Lake, table: FeatureTable): Promise<void> {
  await lake.transaction({ message: `create ${table.view}` }, (session) => createFeatureTable(session, lake, table));
}
