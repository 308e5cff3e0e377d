import path from 'node:path';
import { tableName } from '../../src/definitions/feature-table.js';
import { headTable, offsetsTable } from '../../src/lake/feature-tables.js';
import { Lake } from '../../src/lake/index.js';
import { DuckLakeOfflineStore } from '../../src/offline-store/ducklake-offline-store.js';
import { createView, withTempLake } from '../support/lake.js';
import { offlineStoreConformance } from './offline-store.js';

offlineStoreConformance('DuckLake on SQLite', async () => {
  const { lake, stateDir, close } = await withTempLake();
  return {
    store: new DuckLakeOfflineStore(lake),
    lake,
    directory: path.join(stateDir, 'staging'),
    createView: (table) => createView(lake, table),
    dropView: async (table) => {
      await lake.transaction({ message: 'drop' }, async (session) => {
        for (const name of [lake.table(tableName(table)), headTable(lake, table), offsetsTable(lake, table)]) {
          await session.run(`DROP TABLE ${name}`);
        }
      });
    },
    another: async () => {
      const other = await Lake.open({ stateDir, project: 'test' });
      return { store: new DuckLakeOfflineStore(other), close: () => other.close() };
    },
    close,
  };
});
