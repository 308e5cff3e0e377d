import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { tableName } from '../../src/definitions/feature-table.js';
import { headTable, offsetsTable } from '../../src/lake/feature-tables.js';
import { type CatalogOptions, Lake } from '../../src/lake/index.js';
import { DuckLakeOfflineStore } from '../../src/offline-store/ducklake-offline-store.js';
import { createView, withTempLake } from '../support/lake.js';
import { lacks, startPostgres, type TestPostgres } from '../support/services.js';
import { type OfflineStoreUnderTest, offlineStoreConformance } from './offline-store.js';

const open = async (catalog?: CatalogOptions): Promise<OfflineStoreUnderTest> => {
  const { lake, stateDir, close } = await withTempLake(catalog);
  return {
    store: new DuckLakeOfflineStore(lake),
    lake,
    directory: path.join(stateDir, 'staging'),
    createView: (table) => createView(lake, table),
    dropView: async (table) => {
      await lake.transaction({ message: 'drop' }, async (session) => {
        // No stream ever fed it: it has no tables of partitions.
        for (const name of [lake.table(tableName(table)), headTable(lake, table), offsetsTable(lake, table)]) {
          await session.run(`DROP TABLE ${name}`);
        }
      });
    },
    another: async () => {
      const other = await Lake.open({ stateDir, project: 'test', catalog });
      return { store: new DuckLakeOfflineStore(other), close: () => other.close() };
    },
    close,
  };
};

offlineStoreConformance('DuckLake on SQLite', () => open());

describe.skipIf(lacks('postgres'))('on Postgres', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());
  offlineStoreConformance('DuckLake on Postgres', async () =>
    open({ type: 'postgres', url: await server.createDatabase(randomUUID()) }),
  );
});
