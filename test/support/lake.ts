import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { FeatureTable } from '../../src/definitions/feature-table.js';
import { createFeatureTable } from '../../src/lake/feature-tables.js';
import { type CatalogOptions, Lake } from '../../src/lake/index.js';

export interface TempLake {
  readonly lake: Lake;
  readonly stateDir: string;
  close(): void;
}

/** A fresh lake of project `test` in a folder of its own, removed by `close`. @param catalog default: SQLite. */
export async function withTempLake(catalog?: CatalogOptions): Promise<TempLake> {
  const stateDir = mkdtempSync(path.join(os.tmpdir(), 'asof-lake-'));
  const lake = await Lake.open({ stateDir, project: 'test', catalog });
  return {
    lake,
    stateDir,
    close: () => {
      lake.close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

/** The tables of a view, as `apply` would make them. */
export async function createView(lake: Lake, table: FeatureTable): Promise<void> {
  await lake.transaction({ message: `create ${table.view}` }, (session) => createFeatureTable(session, lake, table));
}
