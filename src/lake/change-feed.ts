import { catalog } from './catalog.js';
import type { Lake } from './lake.js';
import { lit } from './sql.js';

/**
 * The rows of a table that came, went or changed in some snapshots (both ends inclusive), those of upkeep left out: it writes rows
 * anew that are the same. A relation with the table's columns; `to` has to be there, of the others some may have been taken out by
 * upkeep, which leaves what they brought.
 */
export async function changeFeed(lake: Lake, table: string, from: number, to: number): Promise<string> {
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
  const place = [catalog, lake.project, table].map(lit).join(', ');
  const skipped = upkeep.map(({ snapshot_id }) => snapshot_id).join(', ');
  return `(SELECT * FROM ducklake_table_changes(${place}, ${bound?.first ?? BigInt(from)}, ${to})
    WHERE snapshot_id >= ${from}${skipped === '' ? '' : ` AND snapshot_id NOT IN (${skipped})`})`;
}
