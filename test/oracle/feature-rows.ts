import { columnDefinitions, type FeatureTable, tableColumns, tableName } from '../../src/definitions/feature-table.js';
import { appendColumns } from '../../src/lake/append-columns.js';
import { type Lake, tempTable } from '../../src/lake/index.js';
import type { OracleRow } from './point-in-time-oracle.js';

/** Puts rows into a view's table in one commit, as they are. @returns its snapshot. */
export async function insertRows(lake: Lake, table: FeatureTable, rows: readonly OracleRow[]): Promise<number> {
  const schema = tableColumns(table);
  const cells = rows.map((row): Record<string, unknown> => {
    return {
      ...row.keys,
      ...row.values,
      event_timestamp: new Date(row.event),
      created_timestamp: row.created === null ? null : new Date(row.created),
      _ingest_time: new Date(row.ingestTime),
      _ingest_position: row.ingestPosition,
    };
  });
  const columns = Object.keys(schema).map((name) => cells.map((cell) => cell[name] ?? null));
  return lake.withSession(async (session) => {
    const staged = tempTable('oracle_rows');
    await session.run(`CREATE TEMP TABLE ${staged} (${columnDefinitions(schema)})`);
    await appendColumns(session, 'oracle_rows', schema, columns);
    const { snapshot } = await lake.transactionOn(session, { message: `rows of ${table.view}` }, async () => {
      await session.run(`INSERT INTO ${lake.table(tableName(table))} SELECT * FROM ${staged}`);
    });
    return snapshot;
  });
}
