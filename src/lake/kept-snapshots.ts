import type { Lake } from './lake.js';
import type { Session } from './session.js';

/** Those that were let go (see letGoOf) and are still there. */
async function going(lake: Lake): Promise<string> {
  const runs = (await lake.everywhere('expiring_snapshots')).map((table) => `FROM ${table}`).join(' UNION ALL ');
  return `SELECT DISTINCT snapshot_id FROM ${lake.metadata('ducklake_snapshot')} JOIN (${runs}) AS run
    ON snapshot_id BETWEEN run."first" AND run."last"`;
}

/** A relation of the snapshots that may be read and pinned: `snapshot_id`, `snapshot_time` and what else the catalog keeps. */
export const keptSnapshots = async (lake: Lake): Promise<string> =>
  `(FROM ${lake.metadata('ducklake_snapshot')} WHERE snapshot_id NOT IN (${await going(lake)}))`;

/** Snapshots that were let go and are still there, by id. */
export async function listLetGo(lake: Lake, from: Pick<Session, 'all'> = lake): Promise<number[]> {
  const rows = await from.all<{ snapshot_id: bigint }>(`${await going(lake)} ORDER BY snapshot_id`);
  return rows.map(({ snapshot_id }) => Number(snapshot_id));
}
