import { eventTimestamp, type FeatureTable } from '../../src/definitions/feature-table.js';
import { appendColumns } from '../../src/lake/append-columns.js';
import { type Lake, lit } from '../../src/lake/index.js';
import { writeParquet } from '../../src/lake/parquet-file.js';
import type { OnlineStore } from '../../src/online-store/online-store.js';
import { readOnlineFeatures } from '../../src/online-store/read-features.js';
import { type Schema, sqlType, timestamp } from '../../src/types.js';

const batchKeys = 10_000;

/**
 * Reads the keys 0 .. `keys` - 1 from the online store as a client would, into a Parquet file of key, event time and features.
 * @throws Error when a row is missing: then it must not become a row of nulls.
 */
export async function writeOnlineAnswer(
  lake: Lake,
  store: OnlineStore,
  table: FeatureTable,
  keys: number,
  file: string,
): Promise<void> {
  const [key = ''] = Object.keys(table.joinKeys);
  const names = Object.keys(table.features);
  const columns = Object.fromEntries(names.map((name) => [name, name]));
  const schema: Schema = { ...table.joinKeys, [eventTimestamp]: timestamp(), ...table.features };
  const definitions = Object.entries(schema).map(([name, type]) => `${name} ${sqlType(type)}`);
  await lake.withSession(async (session) => {
    await session.run(`CREATE TEMP TABLE online_answer (${definitions.join(', ')})`);
    for (let from = 0; from < keys; from += batchKeys) {
      const asked = Array.from({ length: Math.min(batchKeys, keys - from) }, (_, index) => ({ [key]: from + index }));
      const { rows, statuses, eventTimestamps } = await readOnlineFeatures(
        store,
        [{ table, columns }],
        asked,
        new Date(),
      );
      const missing = statuses.findIndex((status) => status[names[0] as string] === 'NOT_FOUND');
      if (missing >= 0) throw new Error(`key ${from + missing} is not online`);
      await appendColumns(session, 'online_answer', schema, [
        rows.map((row) => row[key]),
        eventTimestamps.map((times) => times[names[0] as string]),
        ...names.map((name) => rows.map((row) => row[name])),
      ]);
    }
    await writeParquet(session, 'FROM temp.main.online_answer', [], file);
  });
}

/**
 * Whether two Parquet files hold the same row for every key, in whatever order (null equals null).
 * @param where leaves keys out of the comparison.
 * @throws Error with the number of unlike keys: times of different answers can't be compared.
 */
export async function assertSameRows(lake: Lake, a: string, b: string, where = 'true'): Promise<number> {
  const found = await lake.one<{ both: bigint; different: bigint }>(
    `SELECT count(*) AS both, count(*) FILTER (a IS DISTINCT FROM b) AS different
     FROM (SELECT driver_id, row(*COLUMNS(*)) AS a FROM read_parquet(${lit(a)}) WHERE ${where}) AS a
     FULL JOIN (SELECT driver_id, row(*COLUMNS(*)) AS b FROM read_parquet(${lit(b)}) WHERE ${where}) AS b USING (driver_id)`,
  );
  if (found === undefined || found.different !== 0n)
    throw new Error(`the answers differ for ${found?.different} of ${found?.both} keys (${a}, ${b})`);
  return Number(found.both);
}
