import { eventTimestamp, type FeatureTable, tableName } from '../definitions/feature-table.js';
import { DataError } from '../errors.js';
import { headTable, offsetsTable } from '../lake/feature-tables.js';
import type { Lake, Session } from '../lake/index.js';
import { insertDeadLetters } from './dead-letters.js';
import type { ClaimRequest, EventCounts, PartitionClaim, PartitionProgress } from './offline-store.js';

interface OffsetRow {
  readonly partition: number;
  readonly topic_id: string;
  readonly next_offset: bigint;
  readonly epoch: bigint;
}

type Range = ClaimRequest['ranges'][number];

/** See {@link OfflineStore.claimPartitions}. One transaction for all partitions of the consumer. */
export async function claimPartitions(lake: Lake, request: ClaimRequest): Promise<PartitionClaim[]> {
  const { table, topic, topicId, ranges } = request;
  if (ranges.length === 0) return [];
  const { result } = await lake.transaction({ message: `claim ${topic} for ${table.view}` }, async (session) => {
    const known = await knownOrNew(session, lake, request);
    const claims: Omit<PartitionClaim, keyof Newest>[] = [];
    for (const range of ranges) {
      const row = known.get(range.partition) as OffsetRow;
      const nextOffset = await goOnFrom(session, lake, request, range, row);
      const epoch = Number(row.epoch) + 1;
      await session.run(
        `UPDATE ${offsetsTable(lake, table)} SET epoch = $3, next_offset = $4, topic_id = $5
         WHERE topic = $1 AND "partition" = $2`,
        [topic, range.partition, BigInt(epoch), BigInt(nextOffset), topicId],
      );
      claims.push({ partition: range.partition, nextOffset, epoch });
    }
    return claims;
  });
  return Promise.all(
    result.map(async (claim) => ({ ...claim, ...(await newestOf(lake, table, topic, claim.partition)) })),
  );
}

/** The topic's partitions as the view has them, those it never met set down where their reading begins. */
async function knownOrNew(session: Session, lake: Lake, request: ClaimRequest): Promise<Map<number, OffsetRow>> {
  const { table, topic, topicId, ranges } = request;
  const offsets = offsetsTable(lake, table);
  const rows = await session.all<OffsetRow>(
    `SELECT "partition", topic_id, next_offset, epoch FROM ${offsets} WHERE topic = $1`,
    [topic],
  );
  const known = new Map(rows.map((row) => [row.partition, row]));
  if (ranges.every(({ partition }) => known.has(partition))) return known;
  // Two consumers that meet a partition at once must collide: Postgres would let both append a row for it.
  await session.run(`UPDATE ${headTable(lake, table)} SET publishes = publishes`);
  const beginnings = [
    ...(request.beginnings ?? []),
    ...ranges.map(({ partition, start }) => ({ partition, offset: start, offsetLater: start })),
  ];
  for (const { partition, offset, offsetLater } of beginnings) {
    if (known.has(partition)) continue;
    const next = BigInt(rows.length === 0 ? offset : offsetLater);
    await session.run(`INSERT INTO ${offsets} VALUES ($1, $2, $3, $4, 0, 0, 0, 0, 0, 0)`, [
      ...[topic, topicId, partition, next],
    ]);
    known.set(partition, { partition, topic_id: topicId, next_offset: next, epoch: 0n });
  }
  return known;
}

async function goOnFrom(
  session: Session,
  lake: Lake,
  { table, topic, topicId, acceptGap = false }: ClaimRequest,
  { partition, start, end }: Range,
  known: OffsetRow,
): Promise<number> {
  const gap = gapReason({ topicId, start, end }, known);
  if (gap === undefined) return Number(known.next_offset);
  // Nothing was read yet, so nothing is missed between what was read and what is there.
  if (known.epoch === 0n) return start;
  if (!acceptGap) {
    throw new DataError(gap, {
      where: `view ${table.view}, topic ${topic}, partition ${partition}`,
      mend: `if the missing events are really lost, go on from offset ${start}: asof run <pipeline> --accept-gap; the gap is recorded`,
    });
  }
  await insertDeadLetters(session, lake, table, topic, [
    { partition, offset: Number(known.next_offset), reason: `gap accepted: ${gap}`, payload: null },
  ]);
  return start;
}

function gapReason(now: { topicId: string; start: number; end: number }, known: OffsetRow): string | undefined {
  const next = Number(known.next_offset);
  if (known.topic_id !== now.topicId) return `the topic was deleted and created again since offset ${next} was read`;
  if (next < now.start)
    return `events from offset ${next} to ${now.start - 1} are gone from the topic and were not read yet`;
  if (next > now.end) return `the topic ends at offset ${now.end}, before offset ${next} that was already read`;
  return undefined;
}

type Newest = Pick<PartitionClaim, 'newestEventUs' | 'newestIngestUs'>;

async function newestOf(lake: Lake, table: FeatureTable, topic: string, partition: number): Promise<Newest> {
  const found = await lake.one<{ event: bigint | null; ingest: bigint | null }>(
    `SELECT epoch_us(max(${eventTimestamp})) AS event, epoch_us(max(_ingest_time)) AS ingest
     FROM ${lake.table(tableName(table))} WHERE _topic = $1 AND _partition = $2`,
    [topic, partition],
  );
  return { newestEventUs: found?.event ?? undefined, newestIngestUs: found?.ingest ?? undefined };
}

/** See {@link OfflineStore.partitionProgress}. */
export async function partitionProgress(
  lake: Lake,
  table: FeatureTable,
  topic: string,
): Promise<Map<number, PartitionProgress>> {
  const rows = await lake.all<OffsetRow>(
    `SELECT "partition", next_offset, epoch FROM ${offsetsTable(lake, table)} WHERE topic = $1`,
    [topic],
  );
  return new Map(
    rows.map(({ partition, next_offset, epoch }) => [
      partition,
      { nextOffset: Number(next_offset), epoch: Number(epoch) },
    ]),
  );
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
