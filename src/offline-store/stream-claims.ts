import { eventTimestamp, type FeatureTable, tableName } from '../definitions/feature-table.js';
import { DataError } from '../errors.js';
import { partitionTable } from '../lake/feature-tables.js';
import type { Lake, Session } from '../lake/index.js';
import { insertDeadLetters } from './dead-letters.js';
import type { ClaimRequest, EventCounts, PartitionClaim, PartitionProgress } from './offline-store.js';
import { meetPartitions, type PartitionRow, partitionRows } from './partition-rows.js';

type Range = ClaimRequest['ranges'][number];

/** See {@link OfflineStore.claimPartitions}. One transaction for all partitions of the consumer. */
export async function claimPartitions(lake: Lake, request: ClaimRequest): Promise<PartitionClaim[]> {
  const { table, topic, topicId, ranges } = request;
  if (ranges.length === 0) return [];
  const { result } = await lake.transaction({ message: `claim ${topic} for ${table.view}` }, async (session) => {
    const known = await ownRows(session, lake, request);
    const claims: Omit<PartitionClaim, keyof Newest>[] = [];
    for (const range of ranges) {
      const row = known.get(range.partition) as PartitionRow;
      const nextOffset = await goOnFrom(session, lake, request, range, row);
      const epoch = Number(row.epoch) + 1;
      await session.run(
        `UPDATE ${partitionTable(lake, table, range.partition)} SET epoch = $2, next_offset = $3, topic_id = $4
         WHERE topic = $1`,
        [topic, BigInt(epoch), BigInt(nextOffset), topicId],
      );
      await noteConsumer(session, lake, request, { partition: range.partition, epoch, nextOffset });
      claims.push({ partition: range.partition, nextOffset, epoch });
    }
    return claims;
  });
  return Promise.all(
    result.map(async (claim) => ({ ...claim, ...(await newestOf(lake, table, topic, claim.partition)) })),
  );
}

/** Part of the claim. Slices of one run follow each other every minute: only what differs from the line before is written. */
async function noteConsumer(
  session: Session,
  lake: Lake,
  { table, topic, consumer }: ClaimRequest,
  { partition, epoch, nextOffset }: { partition: number; epoch: number; nextOffset: number },
): Promise<void> {
  if (consumer === undefined) return;
  const { runId, registryVersion, code } = consumer;
  const claims = lake.system('stream_claims');
  await session.run(
    `INSERT INTO ${claims}
       (table_name, topic, "partition", epoch, from_offset, run_id, registry_version, code, recorded_at)
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, now() WHERE ($6, $7::BIGINT, $8) IS DISTINCT FROM (
       SELECT (run_id, registry_version, code) FROM ${claims}
       WHERE table_name = $1 AND topic = $2 AND "partition" = $3 ORDER BY epoch DESC LIMIT 1)`,
    [
      ...[tableName(table), topic, partition, BigInt(epoch), BigInt(nextOffset)],
      ...[runId, BigInt(registryVersion), code],
    ],
  );
}

/** The rows of the partitions to be claimed, in their own tables; those the view never met are set down with all others of the topic. */
async function ownRows(session: Session, lake: Lake, request: ClaimRequest): Promise<Map<number, PartitionRow>> {
  const { table, topic, topicId, ranges } = request;
  const known = await partitionRows(lake, session, table, topic);
  if (ranges.every(({ partition }) => known.get(partition)?.isOwn === true)) return known;
  const beginnings = [
    ...(request.beginnings ?? []),
    ...ranges.map(({ partition, start }) => ({ partition, offset: start, offsetLater: start })),
  ];
  await meetPartitions(lake, session, { table, topic, topicId, beginnings });
  return partitionRows(lake, session, table, topic);
}

async function goOnFrom(
  session: Session,
  lake: Lake,
  { table, topic, topicId, acceptGap = false }: ClaimRequest,
  { partition, start, end }: Range,
  known: PartitionRow,
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

function gapReason(now: { topicId: string; start: number; end: number }, known: PartitionRow): string | undefined {
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
  const rows = await partitionRows(lake, lake, table, topic);
  return new Map(
    [...rows].map(([partition, { next_offset, epoch }]) => [
      partition,
      { nextOffset: Number(next_offset), epoch: Number(epoch) },
    ]),
  );
}

/** See {@link OfflineStore.eventTotals}. */
export async function eventTotals(lake: Lake, table: FeatureTable, topic: string): Promise<EventCounts> {
  const rows = [...(await partitionRows(lake, lake, table, topic)).values()];
  const total = (count: (row: PartitionRow) => bigint): number =>
    rows.reduce((sum, row) => sum + Number(count(row)), 0);
  return {
    read: total((row) => row.events_read),
    written: total((row) => row.written),
    deadLetters: total((row) => row.dead_letters),
    dropped: total((row) => row.dropped),
    late: total((row) => row.late),
  };
}
