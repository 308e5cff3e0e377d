import {
  columnDefinitions,
  eventTimestamp,
  type FeatureTable,
  tableColumns,
  tableName,
} from '../definitions/feature-table.js';
import { sqlType, type ValueType } from '../types.js';
import type { Lake } from './lake.js';
import type { Session } from './session.js';
import { id } from './sql.js';

/** One row that every publish of the view updates: publishers of one view come one after the other. */
export const headTable = (lake: Lake, table: Pick<FeatureTable, 'view' | 'generation'>): string =>
  lake.system(`head_${tableName(table)}`);

/** The partitions of a topic as the view met them, and where their reading begins. Only added to. */
export const offsetsTable = (lake: Lake, table: Pick<FeatureTable, 'view' | 'generation'>): string =>
  lake.system(`offsets_${tableName(table)}`);

/**
 * How far one partition was read into the view, and under which epoch it may be written. A table of its own: on a Postgres catalog
 * updates of two rows of one small table collide, and the consumers of a topic commit a few times a second each. (Three of them that
 * want 12 commits/s on two busy cores: on one table 5, almost each of them lost once, the slowest took 5 to 8 s; on tables of
 * their own 9, none lost, 1.1 s. One consumer of four partitions commits as fast either way.)
 */
export const partitionTable = (
  lake: Lake,
  table: Pick<FeatureTable, 'view' | 'generation'>,
  partition: number,
): string => lake.system(partitionTableName(table, partition));

/** No name of a view contains `__`. */
export const partitionTableName = (table: Pick<FeatureTable, 'view' | 'generation'>, partition: number | ''): string =>
  `offsets_${tableName(table)}__p${partition}`;

/** Of both: the view may read one topic after another. */
export const offsetsColumns = `topic VARCHAR, topic_id VARCHAR, "partition" INTEGER, next_offset BIGINT, epoch BIGINT,
      events_read BIGINT, written BIGINT, dead_letters BIGINT, dropped BIGINT, late BIGINT`;

/** Which run works on which interval of a pipeline; its head row (no run) makes two openers collide. */
export const leaseTable = (lake: Lake, pipeline: string): string => lake.system(`lease_${pipeline}`);

/** Creates the table of a view's generation, sorted the way it is read, with its head row and offsets. */
export async function createFeatureTable(session: Session, lake: Lake, table: FeatureTable): Promise<void> {
  const name = lake.table(tableName(table));
  await session.run(`CREATE TABLE IF NOT EXISTS ${name} (${columnDefinitions(tableColumns(table))})`);
  const order = [...Object.keys(table.joinKeys), eventTimestamp].map((column) => `${id(column)} ASC`);
  await session.run(`ALTER TABLE ${name} SET SORTED BY (${order.join(', ')})`);
  await session.run(`CREATE TABLE IF NOT EXISTS ${headTable(lake, table)} (publishes BIGINT)`);
  await session.run(`INSERT INTO ${headTable(lake, table)} VALUES (0)`);
  await session.run(`CREATE TABLE IF NOT EXISTS ${offsetsTable(lake, table)} (${offsetsColumns})`);
}

/** Rows written before are null in the new column. */
export async function addFeature(
  session: Session,
  lake: Lake,
  table: FeatureTable,
  name: string,
  type: ValueType,
): Promise<void> {
  await session.run(`ALTER TABLE ${lake.table(tableName(table))} ADD COLUMN ${id(name)} ${sqlType(type)}`);
}

export async function widenFeature(
  session: Session,
  lake: Lake,
  table: FeatureTable,
  name: string,
  type: ValueType,
): Promise<void> {
  await session.run(
    `ALTER TABLE ${lake.table(tableName(table))} ALTER COLUMN ${id(name)} SET DATA TYPE ${sqlType(type)}`,
  );
}

export async function createLeaseTable(session: Session, lake: Lake, pipeline: string): Promise<void> {
  const lease = leaseTable(lake, pipeline);
  await session.run(
    `CREATE TABLE IF NOT EXISTS ${lease}
     (run_id VARCHAR, workflow_id VARCHAR, interval_start TIMESTAMPTZ, interval_end TIMESTAMPTZ, turn BIGINT)`,
  );
  await session.run(`INSERT INTO ${lease} VALUES (NULL, NULL, NULL, NULL, 0)`);
}
