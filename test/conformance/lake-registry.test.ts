import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import { type CatalogOptions, Lake } from '../../src/lake/index.js';
import { openLakeRegistry } from '../../src/registry/index.js';
import { withTempLake } from '../support/lake.js';
import { lacks, startPostgres, type TestPostgres } from '../support/services.js';
import { type RegistryUnderTest, registryConformance } from './registry.js';

const openOn = async (catalog?: CatalogOptions): Promise<RegistryUnderTest> => {
  const { lake, stateDir, close } = await withTempLake(catalog);
  const open = async (project: string) => {
    const opened = await Lake.open({ stateDir, project, catalog });
    return { project, registry: openLakeRegistry(opened), close: () => opened.close() };
  };
  const find = async (table: string): Promise<string | undefined> => {
    const found = await lake.one<{ schema_name: string }>(
      "SELECT schema_name FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name IN ('test', 'test_asof') AND table_name = $1",
      [table],
    );
    return found && `lake.${found.schema_name}."${table}"`;
  };
  return {
    registry: openLakeRegistry(lake),
    project: 'test',
    another: () => open('test'),
    otherProject: () => open('test2'),
    reopen: () => open('test'),
    snapshot: () => lake.currentSnapshot(),
    columns: async (table) => {
      const name = await find(table);
      if (name === undefined) return undefined;
      const rows = await lake.all<{ column_name: string; column_type: string }>(`DESCRIBE ${name}`);
      return Object.fromEntries(rows.map((row) => [row.column_name, row.column_type]));
    },
    insert: async (table, row) => {
      await lake.transaction({ message: 'insert' }, async (session) => {
        await session.run(
          `INSERT INTO ${await find(table)} (event_timestamp, ${Object.keys(row).join(', ')}) VALUES (now(), ${Object.values(row).join(', ')})`,
        );
      });
    },
    sql: async (statement) => {
      await lake.transaction({ message: 'sql' }, async (session) => void (await session.run(statement)));
    },
    rows: async (table) => lake.all(`SELECT * FROM ${await find(table)} ORDER BY ALL`),
    close,
  };
};

registryConformance('DuckLake on SQLite', () => openOn());

describe.skipIf(lacks('postgres'))('on Postgres', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());
  registryConformance('DuckLake on Postgres', async () =>
    openOn({ type: 'postgres', url: await server.createDatabase(randomUUID()) }),
  );
});
