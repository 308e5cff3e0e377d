import { eventTimestamp, type FeatureTable, tableName } from '../definitions/feature-table.js';
import type { PartitionClaim } from '../offline-store/offline-store.js';
import { dueNow } from './online-ends.js';
import type { Stores } from './stores.js';

/**
 * How far event time has come in each partition, microseconds. Where one event of the past is dated in the future the newest other one
 * is looked for: that event must not make all that follow late.
 */
export async function newestEvents(
  { lake }: Stores,
  table: FeatureTable,
  topic: string,
  claims: readonly PartitionClaim[],
): Promise<Map<number, bigint>> {
  const due = dueNow();
  const newest = new Map<number, bigint>();
  for (const { partition, newestEventUs } of claims) {
    const found =
      newestEventUs === undefined || newestEventUs <= BigInt(due.getTime()) * 1_000n
        ? newestEventUs
        : (
            await lake.one<{ us: bigint | null }>(
              `SELECT epoch_us(max(${eventTimestamp})) AS us FROM ${lake.table(tableName(table))}
               WHERE _topic = $1 AND _partition = $2 AND ${eventTimestamp} <= $3::TIMESTAMPTZ`,
              [topic, partition, due],
            )
          )?.us;
    if (found != null) newest.set(partition, found);
  }
  return newest;
}
