import type { FeatureTable } from '../definitions/feature-table.js';
import { headTable, offsetsColumns, offsetsTable, partitionTable, partitionTableName } from '../lake/feature-tables.js';
import { catalog, type Lake, type Session, systemSchema } from '../lake/index.js';
import type { PartitionBeginning } from './offline-store.js';

/** A partition as the view has read it. */
export interface PartitionRow {
  readonly partition: number;
  readonly topic_id: string;
  readonly next_offset: bigint;
  /** 0 = never claimed. */
  readonly epoch: bigint;
  readonly events_read: bigint;
  readonly written: bigint;
  readonly dead_letters: bigint;
  readonly dropped: bigint;
  readonly late: bigint;
  /** Whether it is in the partition's own table, where it can be claimed. */
  readonly isOwn?: boolean;
}

/** All partitions of a topic that the view has met. */
export async function partitionRows(
  lake: Lake,
  session: Pick<Session, 'all'>,
  table: FeatureTable,
  topic: string,
): Promise<Map<number, PartitionRow>> {
  const met = await session.all<PartitionRow>(`SELECT * FROM ${offsetsTable(lake, table)} WHERE topic = $1`, [topic]);
  const known = new Map(met.map((row) => [row.partition, row]));
  const own = await ownTables(lake, session, table);
  if (own.length === 0) return known;
  const rows = await session.all<PartitionRow>(
    own
      .map((partition) => `SELECT * FROM ${partitionTable(lake, table, partition)} WHERE topic = $1`)
      .join(' UNION ALL '),
    [topic],
  );
  for (const row of rows) known.set(row.partition, { ...row, isOwn: true });
  return known;
}

/** Partitions that have a table of their own. */
async function ownTables(lake: Lake, session: Pick<Session, 'all'>, table: FeatureTable): Promise<number[]> {
  const prefix = partitionTableName(table, '');
  const rows = await session.all<{ name: string }>(
    `SELECT DISTINCT table_name AS name FROM duckdb_columns()
     WHERE database_name = $1 AND schema_name = $2 AND starts_with(table_name, $3)`,
    [catalog, systemSchema(lake.project), prefix],
  );
  return rows.map(({ name }) => Number(name.slice(prefix.length))).filter((partition) => Number.isInteger(partition));
}

/**
 * Part of a transaction: makes sure that all these partitions are met and have a table of their own.
 * @param beginnings of all partitions of the topic.
 */
export async function meetPartitions(
  lake: Lake,
  session: Session,
  {
    table,
    topic,
    topicId,
    beginnings,
  }: {
    readonly table: FeatureTable;
    readonly topic: string;
    readonly topicId: string;
    readonly beginnings: readonly PartitionBeginning[];
  },
): Promise<void> {
  // Two consumers that meet a partition at once must collide: Postgres would let both append a row for it.
  await session.run(`UPDATE ${headTable(lake, table)} SET publishes = publishes`);
  const offsets = offsetsTable(lake, table);
  const known = await partitionRows(lake, session, table, topic);
  const isNewTopic = known.size === 0;
  const made = new Set<number>();
  for (const { partition, offset, offsetLater } of beginnings) {
    if (made.has(partition)) continue;
    made.add(partition);
    if (!known.has(partition)) {
      await session.run(`INSERT INTO ${offsets} VALUES ($1, $2, $3, $4, 0, 0, 0, 0, 0, 0)`, [
        ...[topic, topicId, partition, BigInt(isNewTopic ? offset : offsetLater)],
      ]);
    }
    const own = partitionTable(lake, table, partition);
    await session.run(`CREATE TABLE IF NOT EXISTS ${own} (${offsetsColumns})`);
    await session.run(
      `INSERT INTO ${own} SELECT * FROM ${offsets} WHERE topic = $1 AND "partition" = $2
         AND NOT EXISTS (FROM ${own} WHERE topic = $1)`,
      [topic, partition],
    );
  }
}
