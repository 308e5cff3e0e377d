import { openFeatureStore } from '../../src/index.js';
import type { BigProject } from './big-project.js';

/** Counts rows that only one of two projects holds, as a multiset: a row that is there twice counts as well. */
export async function compareProjects(
  first: BigProject,
  second: BigProject,
  view: 'stats' | 'scores',
  where: 'offline' | 'online' = 'offline',
): Promise<{ onlyFirst: number; onlySecond: number }> {
  const [a, b] = [await rowsOf(first, view, where), await rowsOf(second, view, where)];
  let onlyFirst = 0;
  for (const [row, count] of a) {
    const others = b.get(row) ?? 0;
    if (count > others) onlyFirst += count - others;
    b.set(row, others - count);
  }
  const onlySecond = [...b.values()].reduce((sum, left) => sum + Math.max(0, left), 0);
  return { onlyFirst, onlySecond };
}

async function rowsOf({ repo }: BigProject, view: string, where: 'offline' | 'online'): Promise<Map<string, number>> {
  const store = await openFeatureStore(repo);
  try {
    const keys = await store.lake.all<{ user_id: bigint }>(`SELECT DISTINCT user_id FROM ${store.lake.table(view)}`);
    const rows =
      where === 'offline'
        ? await store.lake.all<{ row: string }>(
            `SELECT to_json(t)::VARCHAR AS "row" FROM (SELECT COLUMNS(c -> c NOT LIKE '\\_ingest%' ESCAPE '\\') FROM ${store.lake.table(view)}) t`,
          )
        : (
            await store.getOnlineFeatures(
              [`${view}:*`],
              keys.map(({ user_id }) => ({ user_id: Number(user_id) })),
            )
          ).map((row) => ({ row: JSON.stringify(row) }));
    const counts = new Map<string, number>();
    for (const { row } of rows) counts.set(row, (counts.get(row) ?? 0) + 1);
    return counts;
  } finally {
    await store.close();
  }
}
