import { limits } from '../../config.js';
import { connectPostgres } from './postgres-client.js';
import type { PostgresAddress } from './postgres-url.js';

/**
 * Writes DuckLake's tables anew, without what deleted rows left in their pages. Each is locked meanwhile, for milliseconds: they are
 * small. What the server keeps elsewhere (its log of changes, backups, replicas that lag) is its owner's.
 */
export async function scrubPostgres(address: PostgresAddress): Promise<void> {
  const client = await connectPostgres(address, undefined, limits.scrubMaxMs);
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname = $1 AND starts_with(tablename, 'ducklake_') ORDER BY tablename`,
      [address.schema],
    );
    for (const { name } of rows) await client.query(`VACUUM (FULL) ${name}`);
  } finally {
    void client.end().catch(() => undefined);
  }
}
