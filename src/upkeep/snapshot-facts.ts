import type { Lake } from '../lake/index.js';
import type { SnapshotFacts } from './choose-snapshots.js';

/** Changes that only add rows, or put those that are there into other files with the snapshot each came with. */
const plain = new Set(['inserted_into_table', 'inlined_insert', 'merge_adjacent', 'inline_flush']);

/** All snapshots of the lake, by id. */
export async function snapshotFacts(lake: Lake): Promise<SnapshotFacts[]> {
  const meta = (name: string): string => lake.metadata(`ducklake_${name}`);
  const [rows, own] = await Promise.all([
    lake.all<{ id: bigint; at: Date; changes: string | null }>(
      `SELECT s.snapshot_id AS id, s.snapshot_time::TIMESTAMPTZ AS at, c.changes_made AS changes
       FROM ${meta('snapshot')} AS s LEFT JOIN ${meta('snapshot_changes')} AS c USING (snapshot_id) ORDER BY id`,
    ),
    // Of all projects of the lake, also those that were dropped since.
    lake.all<{ id: bigint }>(
      `SELECT DISTINCT t.table_id AS id FROM ${meta('table')} AS t JOIN ${meta('schema')} AS s USING (schema_id)
       WHERE ends_with(s.schema_name, '_asof')`,
    ),
  ]);
  const system = new Set(own.map(({ id }) => String(id)));
  return rows.map(({ id, at, changes }) => ({ id: Number(id), at, isSharp: isSharp(changes ?? '', system) }));
}

/** @param changes as DuckLake notes them: `inserted_into_table:3,deleted_from_table:4,created_table:"main"."t"`. */
export function isSharp(changes: string, systemTables: ReadonlySet<string>): boolean {
  if (changes === '') return false;
  return changes.split(',').some((change) => {
    const [, kind = '', table = ''] = /^(\w+):(\d+)$/.exec(change.trim()) ?? [];
    return !plain.has(kind) && !(table !== '' && systemTables.has(table));
  });
}
