import { eventTimestamp, type FeatureTable, tableName } from '../definitions/feature-table.js';
import { DataError } from '../errors.js';
import { offsetsTable } from '../lake/feature-tables.js';
import type { Lake } from '../lake/index.js';
import { insertDeadLetters } from './dead-letters.js';
import type { EventCounts, PartitionClaim } from './offline-store.js';

interface ClaimRequest {
  readonly table: FeatureTable;
  readonly topic: string;
  readonly topicId: string;
  readonly ranges: readonly { partition: number; start: number; end: number }[];
  readonly acceptGap?: boolean;
}

interface OffsetRow {
  readonly partition: number;
  readonly topic_id: string;
  readonly next_offset: bigint;
  readonly epoch: bigint;
}

/** See {@link OfflineStore.claimPartitions}. One transaction for all partitions of the consumer. */
export async function claimPartitions(
  lake: Lake,
  { table, topic, topicId, ranges, acceptGap = false }: ClaimRequest,
): Promise<PartitionClaim[]> {
  const offsets = offsetsTable(lake, table);
  const { result } = await lake.transaction({ message: `claim ${topic} for ${table.view}` }, async (session) => {
    const claims: Omit<PartitionClaim, 'newestEventUs'>[] = [];
    for (const { partition, start, end } of ranges) {
      const known = await session.one<OffsetRow>(
        `SELECT "partition", topic_id, next_offset, epoch FROM ${offsets} WHERE topic = $1 AND "partition" = $2`,
        [topic, partition],
      );
      if (known === undefined) {
        await session.run(`INSERT INTO ${offsets} VALUES ($1, $2, $3, $4, 1, 0, 0, 0, 0, 0)`, [
          topic,
          topicId,
          partition,
          BigInt(start),
        ]);
        claims.push({ partition, nextOffset: start, epoch: 1 });
        continue;
      }
      const gap = gapReason({ topic, topicId, partition, start, end }, known);
      if (gap !== undefined && !acceptGap) {
        throw new DataError(gap, {
          where: `view ${table.view}, topic ${topic}, partition ${partition}`,
          mend: `if the missing events are really lost, go on from offset ${start} with --accept-gap; the gap is recorded`,
        });
      }
      const nextOffset = gap === undefined ? Number(known.next_offset) : start;
      const epoch = Number(known.epoch) + 1;
      await session.run(
        `UPDATE ${offsets} SET epoch = $3, next_offset = $4, topic_id = $5 WHERE topic = $1 AND "partition" = $2`,
        [topic, partition, BigInt(epoch), BigInt(nextOffset), topicId],
      );
      if (gap !== undefined)
        await insertDeadLetters(session, lake, table, topic, [
          { partition, offset: Number(known.next_offset), reason: `gap accepted: ${gap}`, payload: null },
        ]);
      claims.push({ partition, nextOffset, epoch });
    }
    return claims;
  });
  return Promise.all(
    result.map(async (claim) => ({ ...claim, newestEventUs: await newestEvent(lake, table, topic, claim.partition) })),
  );
}

function gapReason(
  now: { topic: string; topicId: string; partition: number; start: number; end: number },
  known: OffsetRow,
): string | undefined {
  const next = Number(known.next_offset);
  if (known.topic_id !== now.topicId) return `the topic was deleted and created again since offset ${next} was read`;
  if (next < now.start)
    return `events from offset ${next} to ${now.start - 1} are gone from the topic and were not read yet`;
  if (next > now.end) return `the topic ends at offset ${now.end}, before offset ${next} that was already read`;
  return undefined;
}

async function newestEvent(
  lake: Lake,
  table: FeatureTable,
  topic: string,
  partition: number,
): Promise<bigint | undefined> {
  const found = await lake.one<{ us: bigint | null }>(
    `SELECT epoch_us(max(${eventTimestamp})) AS us FROM ${lake.table(tableName(table))} WHERE _topic = $1 AND _partition = $2`,
    [topic, partition],
  );
  return found?.us ?? undefined;
}

/** See {@link OfflineStore.eventTotals}. */
export async function eventTotals(lake: Lake, table: FeatureTable, topic: string): Promise<EventCounts> {
  const [row] = await lake.all<Record<string, bigint | null>>(
    `SELECT sum(events_read)::BIGINT AS "read", sum(written)::BIGINT AS written, sum(dead_letters)::BIGINT AS dead_letters,
       sum(dropped)::BIGINT AS dropped, sum(late)::BIGINT AS late FROM ${offsetsTable(lake, table)} WHERE topic = $1`,
    [topic],
  );
  const count = (name: string): number => Number(row?.[name] ?? 0);
  return {
    read: count('read'),
    written: count('written'),
    deadLetters: count('dead_letters'),
    dropped: count('dropped'),
    late: count('late'),
  };
}
