import { catalog } from './catalog.js';
import type { Lake } from './lake.js';
import { lit } from './sql.js';

/**
 * The rows of a table that came, went or changed in some snapshots (both ends inclusive), those of upkeep left out: it writes rows
 * anew that are the same. A relation of some of the table's columns; `to` has to be there, of the others some may have been taken out
 * by upkeep, which leaves what they brought.
 * @param columns quoted, separated by commas.
 */
export async function changeFeed(
  lake: Lake,
  table: string,
  { columns, from, to }: { columns: string; from: number; to: number },
): Promise<string> {
  const [bound, upkeep] = await Promise.all([
    // The feed wants bounds that are there; its rows know their snapshot all the same.
    lake.one<{ first: bigint | null }>(
      `SELECT max(snapshot_id) AS first FROM ${lake.metadata('ducklake_snapshot')} WHERE snapshot_id <= $1`,
      [BigInt(from)],
    ),
    lake.all<{ snapshot_id: bigint }>(
      `SELECT snapshot_id FROM ${lake.metadata('ducklake_snapshot_changes')}
       WHERE snapshot_id BETWEEN $1 AND $2 AND commit_extra_info LIKE '%"upkeep":true%'`,
      [BigInt(from), BigInt(to)],
    ),
  ]);
  const first = Number(bound?.first ?? from);
  const feed = `ducklake_table_changes(${[catalog, lake.project, table].map(lit).join(', ')}, ${first}, ${to})`;
  const conditions = [
    ...(first < from ? [`snapshot_id >= ${from}`] : []),
    ...(upkeep.length > 0 ? [`snapshot_id NOT IN (${upkeep.map(({ snapshot_id }) => snapshot_id).join(', ')})`] : []),
  ];
  if (conditions.length === 0) return `(SELECT ${columns} FROM ${feed})`;
  // Materialized: a condition on the snapshot that reaches the scan is taken for one on when the row came, and deletions are lost.
  return `(WITH feed AS MATERIALIZED (SELECT ${columns}, snapshot_id FROM ${feed})
    SELECT ${columns} FROM feed WHERE ${conditions.join(' AND ')})`;
}
