import {
  columnDefinitions,
  eventTimestamp,
  type FeatureTable,
  tableColumns,
  tableName,
} from '../definitions/feature-table.js';
import { DataError, FencedError } from '../errors.js';
import { appendColumns } from '../lake/append-columns.js';
import { offsetsTable } from '../lake/feature-tables.js';
import { type Lake, type Session, tempTable } from '../lake/index.js';
import type { DeadLetter, PartitionClaim, StreamBatch } from './offline-store.js';

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
        await session.run(
          `INSERT INTO ${offsets} (topic, topic_id, "partition", next_offset, epoch) VALUES ($1, $2, $3, $4, 1)`,
          [topic, topicId, partition, BigInt(start)],
        );
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

/**
 * See {@link OfflineStore.appendStreamBatch}. The fence is a conditional UPDATE: a read-and-check would pass on SQLite, which lets
 * one writer in at a time, and fail on Postgres, where two transactions that only read one row both commit.
 */
export async function appendStreamBatch(lake: Lake, batch: StreamBatch): Promise<{ snapshot: number }> {
  const { table, topic, progress, columns, deadLetters, signal } = batch;
  const schema = tableColumns(table);
  return lake.withSession(async (session) => {
    const staged = tempTable('stream_batch');
    await session.run(`CREATE TEMP TABLE ${staged} (${columnDefinitions(schema)})`);
    if ((columns[0]?.length ?? 0) > 0) await appendColumns(session, 'stream_batch', schema, columns);
    const { snapshot } = await lake.transactionOn(
      session,
      { message: `stream ${topic} into ${table.view}`, signal },
      async () => {
        for (const { claim, nextOffset } of progress) {
          const updated = await session.run(
            `UPDATE ${offsetsTable(lake, table)} SET next_offset = $5
           WHERE topic = $1 AND "partition" = $2 AND epoch = $3 AND next_offset = $4`,
            [topic, claim.partition, BigInt(claim.epoch), BigInt(claim.nextOffset), BigInt(nextOffset)],
          );
          if (updated !== 1) {
            throw new FencedError(`partition ${claim.partition} of topic ${topic} was taken over by another consumer`, {
              where: `view ${table.view}, epoch ${claim.epoch}, offset ${claim.nextOffset}`,
              mend: 'nothing to do: the other consumer goes on from the last committed offset',
            });
          }
        }
        await session.run(`INSERT INTO ${lake.table(tableName(table))} SELECT * FROM ${staged}`);
        await insertDeadLetters(session, lake, table, topic, deadLetters);
      },
    );
    return { snapshot };
  });
}

async function insertDeadLetters(
  session: Session,
  lake: Lake,
  { view }: FeatureTable,
  topic: string,
  letters: readonly DeadLetter[],
): Promise<void> {
  if (letters.length === 0) return;
  const staged = tempTable('dead_letters');
  const schema = {
    partition: { kind: 'int32' },
    offset: { kind: 'int64' },
    reason: { kind: 'string' },
    payload: { kind: 'bytes' },
  } as const;
  await session.run(`CREATE OR REPLACE TEMP TABLE ${staged} (${columnDefinitions(schema)})`);
  await appendColumns(session, 'dead_letters', schema, [
    letters.map((l) => l.partition),
    letters.map((l) => l.offset),
    letters.map((l) => l.reason),
    letters.map((l) => l.payload),
  ]);
  await session.run(
    `INSERT INTO ${lake.system('dead_letters')} SELECT $1, $2, "partition", "offset", now(), reason, payload FROM ${staged}`,
    [view, topic],
  );
}
