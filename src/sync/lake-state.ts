import type { FeatureTable } from '../definitions/feature-table.js';
import { DefinitionError } from '../errors.js';
import type { Lake } from '../lake/index.js';
import type { Stores } from './stores.js';

/** Where the lake is now, for one view. */
export interface LakeState {
  readonly lakeId: string;
  readonly tableId: string;
  readonly snapshot: number;
}

/** @throws DefinitionError when the view was not applied to this lake. */
export async function readLakeState({ offline }: Pick<Stores, 'offline'>, table: FeatureTable): Promise<LakeState> {
  const [lakeId, tableId, snapshot] = await Promise.all([
    offline.lakeId(),
    offline.tableId(table),
    offline.currentSnapshot(),
  ]);
  if (tableId === undefined) {
    throw new DefinitionError(`view "${table.view}" has no table in the lake`, { mend: 'run `asof apply`' });
  }
  return { lakeId, tableId, snapshot };
}

/** What the lake remembers of its snapshots from one on. */
export interface SnapshotHistory {
  /** When it was committed; numbers alone are used again by a lake that was set back. `undefined` = it was expired. */
  readonly committedAt: string | undefined;
  /**
   * Whether the change feed sees all that happened since: every snapshot is there as well, or upkeep took it out because nothing went
   * in the one behind it.
   */
  readonly unbroken: boolean;
  /** Whether the first of them only wrote anew what was there: rows of a table that was rewritten since they came name it. */
  readonly isUpkeep: boolean;
}

export async function snapshotHistory(lake: Lake, from: number, to: number): Promise<SnapshotHistory> {
  // Of the catalog's own table: snapshots() reads every change of every snapshot.
  const found = await lake.one<{ count: bigint; at: string | null; upkeep: boolean }>(
    `SELECT count(*) AS count, max(snapshot_time::VARCHAR) FILTER (snapshot_id = $1) AS at,
       (SELECT count(*) > 0 FROM ${lake.metadata('ducklake_snapshot_changes')}
        WHERE snapshot_id = $1 AND commit_extra_info LIKE '%"upkeep":true%') AS upkeep
     FROM ${lake.metadata('ducklake_snapshot')} WHERE snapshot_id BETWEEN $1 AND $2`,
    [BigInt(from), BigInt(to)],
  );
  const missing = to - from + 1 - Number(found?.count ?? 0);
  const committedAt = found?.at ?? undefined;
  const isUpkeep = found?.upkeep ?? false;
  return { committedAt, isUpkeep, unbroken: missing === 0 || missing === (await countThinned(lake, from, to)) };
}

async function countThinned(lake: Lake, from: number, to: number): Promise<number> {
  const counts = (await lake.everywhere('thinned_snapshots')).map(
    (table) =>
      `SELECT greatest(0, least("last", $2) - greatest("first", $1) + 1) AS n FROM ${table} WHERE "last" >= $1 AND "first" <= $2`,
  );
  const found = await lake.one<{ n: bigint | null }>(
    `SELECT sum(n)::BIGINT AS n FROM (${counts.join(' UNION ALL ')})`,
    [BigInt(from), BigInt(to)],
  );
  return Number(found?.n ?? 0);
}
