import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { limits } from '../../config.js';
import { connectPostgres } from './postgres-client.js';
import type { PostgresAddress } from './postgres-url.js';

/**
 * Writes DuckLake's tables anew, without what deleted rows left in their pages. Each is locked meanwhile, for milliseconds: they are
 * small. What the server keeps elsewhere (its log of changes, backups, replicas that lag) is its owner's.
 *
 * Whoever asks for a table's lock makes all others wait behind, while DuckDB reads one table on several connections, each in a
 * transaction that ends with the others: one that has the table and one that waits for it would wait for good. So it asks for a moment
 * only, again and again; and by a limit of the server's, which does not go on asking for one who has given up.
 */
export async function scrubPostgres(address: PostgresAddress): Promise<void> {
  const client = await connectPostgres(address, undefined, limits.scrubMaxMs);
  try {
    await client.query(`SET lock_timeout = ${limits.scrubLockMs}`);
    await client.query(`SET statement_timeout = ${limits.scrubMaxMs}`);
    const { rows } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname = $1 AND starts_with(tablename, 'ducklake_') ORDER BY tablename`,
      [address.schema],
    );
    const giveUpAt = Date.now() + limits.scrubMaxMs;
    for (const { name } of rows) await writeAnew(client, name, giveUpAt);
  } finally {
    void client.end().catch(() => undefined);
  }
}

/** Who has the lock, or wanted it at the same time in another order. */
const isLocked = (error: unknown): boolean => ['55P03', '40P01'].includes((error as { code?: string }).code ?? '');

async function writeAnew(client: pg.Client, name: string, giveUpAt: number): Promise<void> {
  for (;;) {
    try {
      await client.query(`VACUUM (FULL) ${name}`);
      return;
    } catch (error) {
      if (!isLocked(error) || Date.now() > giveUpAt) throw error;
    }
    await sleep(limits.scrubLockMs * (0.5 + Math.random()));
  }
}
