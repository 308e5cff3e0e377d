import path from 'node:path';
import { type FeatureTable, tableName } from '../../src/definitions/feature-table.js';
import { type Lake, lit } from '../../src/lake/index.js';
import { float32, int64, type Schema } from '../../src/types.js';

const featureNames = Array.from({ length: 8 }, (_, n) => `f${n}`);
const features: Schema = Object.fromEntries(featureNames.map((name) => [name, float32()]));

/** A view of `view` with eight float features and rows that expire after twelve hours, so that some entity rows get nothing. */
export const historyTable = (view: string): FeatureTable => ({
  view,
  generation: 1,
  joinKeys: { driver_id: int64() },
  features,
  ttlMs: 12 * 3_600_000,
});

/** Minutes over which event times are spread. */
const minutes = 100 * 24 * 60;
const moment = (seconds: string): string => `TIMESTAMPTZ '2024-01-01' + to_seconds(${seconds})`;

/**
 * Rows of evenly spread keys and times. One in nine has a twin of the same key and event time but another created time, one in
 * twenty no created time (and an event time of its own, so that created times decide every tie, as Feast needs it): an answer that does not follow the tie order is wrong in many rows.
 */
export async function insertHistory(lake: Lake, table: FeatureTable, rows: number, keys: number): Promise<void> {
  const twins = Math.round(rows / 10);
  const values = featureNames.map((name, n) => `(hash(i, twin, ${n}) % 1000000 / 1000000)::FLOAT AS ${name}`);
  await lake.transaction({ message: `${rows} rows` }, (session) =>
    session.run(
      `INSERT INTO ${lake.table(tableName(table))} BY NAME
       SELECT (hash(i) % ${keys})::BIGINT AS driver_id, ${moment(`hash(i, 'event') % ${minutes} * 60`)} + to_microseconds(if(hash(i, 'null') % 20 = 0, i, 0)) AS event_timestamp,
         CASE WHEN twin OR hash(i, 'null') % 20 > 0 THEN event_timestamp + to_microseconds(i * 2 + twin::BIGINT) END AS created_timestamp,
         ${values.join(', ')}, TIMESTAMPTZ '2024-06-01' AS _ingest_time, i * 2 + twin::BIGINT AS _ingest_position
       FROM (SELECT i, false AS twin FROM range(${rows - twins}) AS t(i) UNION ALL SELECT i * 9, true FROM range(${twins}) AS t(i))
       ORDER BY driver_id, event_timestamp`,
    ),
  );
}

/** Entity rows with a label, as a Parquet file. @returns its path. */
export async function writeEntities(lake: Lake, folder: string, rows: number, keys: number): Promise<string> {
  const file = path.join(folder, `entities-${rows}.parquet`);
  await lake.all(
    `COPY (SELECT (hash(i, 'entity') % ${keys})::BIGINT AS driver_id, ${moment(`hash(i, 'time') % ${minutes * 60}`)} AS event_timestamp, i AS label
           FROM range(${rows}) AS t(i)) TO ${lit(file)} (FORMAT parquet)`,
  );
  return file;
}

/**
 * The same question as plain SQL, two ways. `usual`: ties removed from the view by `row_number`, then one ASOF join. `tuned`: what
 * somebody who measures arrives at (ASOF join of keys and times, then the rows it found). Both keep the order of the entity rows.
 */
export function bareSql(lake: Lake, table: FeatureTable, entities: string): { usual: string; tuned: string } {
  const rows = lake.table(tableName(table));
  const columns = (alias: string) => featureNames.map((name) => `${alias}.${name}`).join(', ');
  const given = `(SELECT *, row_number() OVER () AS n FROM read_parquet(${lit(entities)}))`;
  const ttl = `to_seconds(${table.ttlMs / 1_000})`;
  const newest = 'created_timestamp DESC NULLS LAST, _ingest_time DESC, _ingest_position DESC';
  return {
    usual: `SELECT e.* EXCLUDE (n), ${featureNames.map((name) => `CASE WHEN f.ts >= e.event_timestamp - ${ttl} THEN f.${name} END AS ${name}`).join(', ')}
      FROM ${given} AS e ASOF LEFT JOIN (
        SELECT driver_id, event_timestamp AS ts, ${featureNames.join(', ')} FROM ${rows}
        QUALIFY row_number() OVER (PARTITION BY driver_id, event_timestamp ORDER BY ${newest}) = 1) AS f
      ON f.driver_id = e.driver_id AND e.event_timestamp >= f.ts ORDER BY e.n`,
    tuned: `WITH m AS MATERIALIZED (
        SELECT e.*, f.ts FROM ${given} AS e ASOF LEFT JOIN (SELECT driver_id, event_timestamp AS ts FROM ${rows}) AS f
        ON f.driver_id = e.driver_id AND e.event_timestamp >= f.ts),
      c AS (SELECT f.driver_id, w.ts, ${columns('f')} FROM ${rows} AS f JOIN (SELECT DISTINCT driver_id, ts FROM m) AS w
        ON w.driver_id = f.driver_id AND w.ts = f.event_timestamp
        QUALIFY row_number() OVER (PARTITION BY f.driver_id, w.ts ORDER BY ${newest}) = 1)
      SELECT m.* EXCLUDE (n, ts), ${columns('c')} FROM m LEFT JOIN c
      ON c.driver_id = m.driver_id AND c.ts = m.ts AND c.ts >= m.event_timestamp - ${ttl} ORDER BY m.n`,
  };
}
