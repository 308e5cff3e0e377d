import { type FeatureTable, tableName } from '../definitions/feature-table.js';
import type { CodeVersion } from '../feature-repo/index.js';
import type { Lake } from '../lake/index.js';
import { partitionProgress } from '../offline-store/stream-claims.js';

/** Which events one run read for a view, under one version of definitions and code. */
export interface StreamRead {
  readonly topic: string;
  readonly runId: string;
  readonly registryVersion: number;
  readonly code: CodeVersion;
  /** ISO time. */
  readonly startedAt: string;
  /** Offsets in [from, to). */
  readonly partitions: readonly { readonly partition: number; readonly from: number; readonly to: number }[];
}

interface Row {
  readonly topic: string;
  readonly partition: number;
  readonly from_offset: bigint;
  readonly to_offset: bigint | null;
  readonly run_id: string;
  readonly registry_version: bigint;
  readonly code: string;
  readonly recorded_at: Date;
}

/**
 * What the consumers of a view read, the newest first; a run is told again where definitions or code changed under it.
 * @param filter.upToSnapshot only events whose rows the lake held at this snapshot.
 */
export async function readStreamReads(
  lake: Lake,
  table: FeatureTable,
  { runId, upToSnapshot }: { readonly runId?: string | undefined; readonly upToSnapshot?: number | undefined },
): Promise<StreamRead[]> {
  const rows = await lake.all<Row>(
    `SELECT topic, "partition", from_offset, run_id, registry_version, code, recorded_at,
       lead(from_offset) OVER (PARTITION BY topic, "partition" ORDER BY epoch) AS to_offset
     FROM ${lake.system('stream_claims')} WHERE table_name = $1
     QUALIFY run_id = coalesce($2, run_id) ORDER BY recorded_at DESC, topic, "partition"`,
    [tableName(table), runId ?? null],
  );
  const ends = new Map<string, (partition: number) => number>();
  for (const topic of new Set(rows.map((row) => row.topic)))
    ends.set(topic, await endOf(lake, table, topic, upToSnapshot));
  const reads = new Map<string, StreamRead & { partitions: { partition: number; from: number; to: number }[] }>();
  for (const row of rows) {
    const end = ends.get(row.topic)?.(row.partition) ?? 0;
    const from = Number(row.from_offset);
    const to = Math.min(row.to_offset === null ? end : Number(row.to_offset), end);
    if (to <= from) continue;
    const key = JSON.stringify([row.topic, row.run_id, Number(row.registry_version), row.code]);
    const read = reads.get(key) ?? {
      topic: row.topic,
      runId: row.run_id,
      registryVersion: Number(row.registry_version),
      code: JSON.parse(row.code) as CodeVersion,
      startedAt: row.recorded_at.toISOString(),
      partitions: [],
    };
    reads.set(key, { ...read, startedAt: row.recorded_at.toISOString() });
    read.partitions.push({ partition: row.partition, from, to });
  }
  return [...reads.values()];
}

/** Where reading ended in each partition: as committed now, or behind the last row that a snapshot held. */
async function endOf(
  lake: Lake,
  table: FeatureTable,
  topic: string,
  upToSnapshot: number | undefined,
): Promise<(partition: number) => number> {
  if (upToSnapshot === undefined) {
    const progress = await partitionProgress(lake, table, topic);
    return (partition) => progress.get(partition)?.nextOffset ?? 0;
  }
  const rows = await lake.all<{ partition: number; next: bigint }>(
    `SELECT _partition AS "partition", max(_offset) + 1 AS next FROM ${lake.table(tableName(table))}
     WHERE _topic = $1 AND snapshot_id <= $2 GROUP BY ALL`,
    [topic, BigInt(upToSnapshot)],
  );
  const next = new Map(rows.map((row) => [row.partition, Number(row.next)]));
  return (partition) => next.get(partition) ?? 0;
}
