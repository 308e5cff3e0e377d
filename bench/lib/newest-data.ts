import { type FeatureTable, tableName } from '../../src/definitions/feature-table.js';
import { type Lake, lit } from '../../src/lake/index.js';
import { float32, int64, type Schema } from '../../src/types.js';

const featureNames = Array.from({ length: 8 }, (_, n) => `f${n}`);
const features: Schema = Object.fromEntries(featureNames.map((name) => [name, float32()]));

/** A view with eight float features that never expire. */
export const newestTable = (view: string): FeatureTable => ({
  view,
  generation: 1,
  joinKeys: { driver_id: int64() },
  features,
  ttlMs: 0,
});

/**
 * `rowsPerKey` rows of each key, shuffled as they would arrive. Where there are several, the two newest of two keys in three have one
 * event time: of the first third the created time decides, of the second the ingest position alone ({@link decidedByPosition}), so an
 * answer that does not follow the tie order is wrong for many keys. One value in fifty is null. (No created time is: Feast's SQLite store
 * refuses such rows.)
 */
export async function insertRows(
  lake: Lake,
  table: FeatureTable,
  size: { keys: number; rowsPerKey: number },
): Promise<void> {
  const { keys, rowsPerKey } = size;
  const values = featureNames.map(
    (name, n) => `if(hash(i, 'null', ${n}) % 50 = 0, NULL, hash(i, ${n}) % 1000000 / 1000000)::FLOAT AS ${name}`,
  );
  const last = rowsPerKey - 1;
  await lake.transaction({ message: `${keys * rowsPerKey} rows` }, (session) =>
    session.run(
      `INSERT INTO ${lake.table(tableName(table))} BY NAME
       SELECT key AS driver_id,
         TIMESTAMPTZ '2024-01-01' + to_seconds(if(key % 3 < 2 AND n = ${last}, greatest(n - 1, 0), n) * 86400 + key % 86400) AS event_timestamp,
         TIMESTAMPTZ '2024-05-01' + to_microseconds(if(key % 3 = 1, 0, hash(i, 'created') % 1000000000)::BIGINT) AS created_timestamp,
         ${values.join(', ')}, TIMESTAMPTZ '2024-06-01' AS _ingest_time, (hash(i, 'position') % 1000000)::BIGINT * 100 + n AS _ingest_position
       FROM (SELECT i, i % ${keys} AS key, i // ${keys} AS n FROM range(${keys * rowsPerKey}) AS t(i))
       ORDER BY hash(i, 'arrival')`,
    ),
  );
}

/** Keys with two newest rows that only the ingest position tells apart, as a condition. */
export const decidedByPosition = 'driver_id % 3 = 1';

/** The newest row of each key as plain SQL, in the ways one would write it by hand. */
export function bareNewest(lake: Lake, table: FeatureTable): { readonly window: string; readonly aggregate: string } {
  const rows = lake.table(tableName(table));
  const columns = ['event_timestamp', ...featureNames];
  return {
    window: `SELECT driver_id, ${columns.join(', ')} FROM ${rows} QUALIFY row_number() OVER (PARTITION BY driver_id
      ORDER BY event_timestamp DESC, created_timestamp DESC NULLS LAST, _ingest_time DESC, _ingest_position DESC) = 1`,
    aggregate: `SELECT driver_id, newest.* FROM (SELECT driver_id,
        arg_max({${columns.map((name) => `'${name}': ${name}`).join(', ')}},
          (event_timestamp, coalesce(created_timestamp, '-infinity'::TIMESTAMPTZ), _ingest_time, _ingest_position)) AS newest
        FROM ${rows} GROUP BY driver_id)`,
  };
}

/** The table's rows as a file for others to read. */
export async function exportRows(lake: Lake, table: FeatureTable, file: string): Promise<void> {
  await lake.all(
    `COPY (SELECT driver_id, event_timestamp, created_timestamp, ${featureNames.join(', ')} FROM ${lake.table(tableName(table))})
     TO ${lit(file)} (FORMAT parquet)`,
  );
}
