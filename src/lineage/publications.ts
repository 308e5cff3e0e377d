import type { Provenance } from '../batch-source/index.js';
import type { CodeVersion } from '../feature-repo/index.js';
import type { Lake } from '../lake/index.js';

/** What one run brought into one table, as it is kept with the rows. */
export interface Publication {
  readonly runId: string;
  readonly tableName: string;
  /** The snapshot that holds its rows. */
  readonly snapshot: number;
  /** The snapshot its rows were compared with; those of older versions lack it, and the next two. */
  readonly baseSnapshot: number | undefined;
  readonly registryVersion: number | undefined;
  readonly code: CodeVersion | undefined;
  /** ISO time. */
  readonly recordedAt: string;
  readonly published: number;
  readonly alreadyThere: number;
  /** Where its rows came from; what other writers than pipelines keep differs. */
  readonly provenance: Partial<Provenance> & {
    readonly push?: boolean;
    readonly quality?: string;
    readonly clean?: object;
  };
}

export interface PublicationFilter {
  readonly tableName?: string | undefined;
  readonly runId?: string | undefined;
  /** Only what the lake held at this snapshot. */
  readonly upToSnapshot?: number | undefined;
  /** Also those that added no row. */
  readonly empty?: boolean | undefined;
  readonly last?: number | undefined;
}

interface Row {
  readonly run_id: string;
  readonly table_name: string;
  readonly held_by: bigint;
  readonly recorded_at: Date;
  readonly counts: string;
  readonly provenance: string;
  readonly base_snapshot: bigint | null;
  readonly registry_version: bigint | null;
  readonly code: string | null;
  readonly total: bigint;
}

/** The newest first. @returns also how many there are in all. */
export async function readPublications(
  lake: Lake,
  { tableName, runId, upToSnapshot, empty = false, last = 1_000 }: PublicationFilter,
): Promise<{ publications: Publication[]; total: number }> {
  const rows = await lake.all<Row>(
    `SELECT *, count(*) OVER () AS total FROM (
       SELECT run_id, table_name, coalesce(snapshot, snapshot_id) AS held_by, recorded_at, counts, provenance, base_snapshot,
         registry_version, code FROM ${lake.system('publications')}
       WHERE table_name = coalesce($1, table_name) AND run_id = coalesce($2, run_id)
         AND ($3 OR json_extract_string(counts, '$.published') <> '0'))
     WHERE held_by <= $4 ORDER BY held_by DESC, table_name LIMIT $5`,
    [...[tableName ?? null, runId ?? null, empty], BigInt(upToSnapshot ?? Number.MAX_SAFE_INTEGER), BigInt(last)],
  );
  return { publications: rows.map(publicationOf), total: Number(rows[0]?.total ?? 0) };
}

function publicationOf(row: Row): Publication {
  const { published = 0, alreadyThere = 0 } = JSON.parse(row.counts) as Record<string, number>;
  return {
    runId: row.run_id,
    tableName: row.table_name,
    snapshot: Number(row.held_by),
    baseSnapshot: row.base_snapshot === null ? undefined : Number(row.base_snapshot),
    registryVersion: row.registry_version === null ? undefined : Number(row.registry_version),
    code: row.code === null ? undefined : (JSON.parse(row.code) as CodeVersion),
    recordedAt: row.recorded_at.toISOString(),
    published,
    alreadyThere,
    provenance: JSON.parse(row.provenance) as Publication['provenance'],
  };
}
