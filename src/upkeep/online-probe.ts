import { limits } from '../config.js';
import { eventTimestamp, type FeatureTable, tableName } from '../definitions/feature-table.js';
import { columnReader } from '../lake/chunk-values.js';
import { ids } from '../lake/index.js';
import { entityKeys } from '../online-store/entity-key.js';
import type { Stores } from '../sync/index.js';
import { headerOf } from '../sync/verify-look.js';

/** The newest event online among the keys that are newest in the lake: a lower bound for that of all keys. */
export async function newestSeenOnline(
  { lake, online }: Pick<Stores, 'lake' | 'online'>,
  table: FeatureTable,
  due: Date,
): Promise<Date | undefined> {
  const types = Object.values(table.joinKeys);
  const keys: Uint8Array[] = [];
  await lake.withSession(async (session) => {
    const chunks = session.chunks(
      `SELECT DISTINCT ${ids(Object.keys(table.joinKeys))} FROM (
         FROM ${lake.table(tableName(table))} WHERE ${eventTimestamp} <= $1::TIMESTAMPTZ
         ORDER BY ${eventTimestamp} DESC LIMIT ${limits.freshnessProbeRows})`,
      [due],
    );
    for await (const chunk of chunks) {
      const columns = types.map((type, index) => columnReader(type)(chunk, index));
      keys.push(...entityKeys(table.joinKeys, columns));
    }
  });
  const [rows = []] = keys.length === 0 ? [] : await online.read([{ table, keys }]);
  const events = rows
    .map((row) => Number(headerOf(row)?.eventUs ?? Number.NaN) / 1_000)
    .filter((ms) => ms <= due.getTime());
  return events.length === 0 ? undefined : new Date(Math.max(...events));
}
