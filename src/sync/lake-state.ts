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
   * Whether the change feed sees all that happened since: each snapshot is there, or noted as one that upkeep takes out because nothing
   * went in it and the one behind it.
   */
  readonly unbroken: boolean;
  /** Whether the first of them only wrote anew what was there: rows of a table that was rewritten since they came name it. */
  readonly isUpkeep: boolean;
}

export async function snapshotHistory(lake: Lake, from: number, to: number): Promise<SnapshotHistory> {
  // Of the catalog's own table: snapshots() reads every change of every snapshot.
  const snapshots = lake.metadata('ducklake_snapshot');
  const runs = [
    `SELECT snapshot_id AS "first", snapshot_id AS "last" FROM ${snapshots}`,
    ...(await lake.everywhere('thinned_snapshots')).map((table) => `SELECT "first", "last" FROM ${table}`),
  ].join(' UNION ALL ');
  // From one end to the other, each begins at the latest where those before it ended. Some are noted as thinned and still there.
  const found = await lake.one<{ at: string | null; upkeep: boolean; unbroken: boolean | null }>(
    `SELECT (SELECT max(snapshot_time::VARCHAR) FROM ${snapshots} WHERE snapshot_id = $1) AS at,
       (SELECT count(*) > 0 FROM ${lake.metadata('ducklake_snapshot_changes')}
        WHERE snapshot_id = $1 AND commit_extra_info LIKE '%"upkeep":true%') AS upkeep,
       bool_and("first" <= reached + 1) AND max("last") >= $2 AS unbroken
     FROM (SELECT "first", "last",
         coalesce(max("last") OVER (ORDER BY "first" ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), $1 - 1) AS reached
       FROM (${runs}) WHERE "last" >= $1 AND "first" <= $2)`,
    [BigInt(from), BigInt(to)],
  );
  return {
    committedAt: found?.at ?? undefined,
    unbroken: found?.unbroken ?? false,
    isUpkeep: found?.upkeep ?? false,
  };
}
