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
  /** Whether every snapshot after it is there as well: the change feed can't see what came and went in a missing one. */
  readonly unbroken: boolean;
}

export async function snapshotHistory(lake: Lake, from: number, to: number): Promise<SnapshotHistory> {
  // Of the catalog's own table: snapshots() reads every change of every snapshot.
  const found = await lake.one<{ count: bigint; at: string | null }>(
    `SELECT count(*) AS count, max(snapshot_time::VARCHAR) FILTER (snapshot_id = $1) AS at
     FROM ${lake.metadata('ducklake_snapshot')} WHERE snapshot_id BETWEEN $1 AND $2`,
    [BigInt(from), BigInt(to)],
  );
  return { committedAt: found?.at ?? undefined, unbroken: Number(found?.count ?? 0) === to - from + 1 };
}
