import { catalog, id, type Lake, systemSchema } from '../lake/index.js';
import { newestEntries } from './entries.js';
import type { TeardownCounts } from './registry.js';
import { type ObjectKind, objectKinds } from './spec.js';

/**
 * Drops both schemas of the lake's project in one transaction; other projects of the same lake keep theirs. The files go when
 * upkeep expires the snapshots that still name them.
 */
export async function dropProject(lake: Lake): Promise<TeardownCounts> {
  const schemas = [lake.project, systemSchema(lake.project)];
  const { result } = await lake.transaction({ message: `tear down project ${lake.project}` }, async (session) => {
    const entries = (await newestEntries(session, lake)).filter(({ removed }) => !removed);
    const objects = Object.fromEntries(
      objectKinds.map((kind) => [kind, entries.filter((entry) => entry.kind === kind).length]),
    ) as Record<ObjectKind, number>;
    const tables = await session.one<{ n: bigint }>(
      `SELECT count(DISTINCT (schema_name, table_name)) AS n FROM duckdb_columns()
       WHERE database_name = $1 AND schema_name IN ($2, $3)`,
      [catalog, ...schemas],
    );
    for (const schema of schemas) await session.run(`DROP SCHEMA ${catalog}.${id(schema)} CASCADE`);
    return { objects, tables: Number(tables?.n ?? 0) };
  });
  return result;
}
