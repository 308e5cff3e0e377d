import path from 'node:path';
import { type FeatureTable, tableName } from '../../src/definitions/feature-table.js';
import { type Lake, lit } from '../../src/lake/index.js';
import { float32, int64, type Schema } from '../../src/types.js';

const featureNames = Array.from({ length: 8 }, (_, n) => `f${n}`);
const features: Schema = Object.fromEntries(featureNames.map((name) => [name, float32()]));

/** A view with eight float features. */
export const historyTable = (view: string, ttlMs: number): FeatureTable => ({
  view,
  generation: 1,
  joinKeys: { driver_id: int64() },
  features,
  ttlMs,
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

/** The same question as plain SQL, in the ways one would write it by hand; all keep the order of the entity rows. */
export interface BareSql {
  /** Ties removed from the view by `row_number`, then one ASOF join. */
  readonly deduplicated: string;
  /** An ASOF join of keys and times, then the rows it found: what somebody who measures arrives at. */
  readonly twoSteps: string;
  /** A join on the range of times that counts, then `row_number`: for views with a ttl, otherwise it joins everything before. */
  readonly range: string | undefined;
}

export function bareSql(lake: Lake, table: FeatureTable, entities: string): BareSql {
  const rows = lake.table(tableName(table));
  const columns = (alias: string) => featureNames.map((name) => `${alias}.${name}`).join(', ');
  const given = `(SELECT *, row_number() OVER () AS n FROM read_parquet(${lit(entities)}))`;
  const ttl = table.ttlMs === 0 ? undefined : `to_seconds(${table.ttlMs / 1_000})`;
  const unexpired = (time: string) => (ttl === undefined ? 'true' : `${time} >= e.event_timestamp - ${ttl}`);
  const newest = 'created_timestamp DESC NULLS LAST, _ingest_time DESC, _ingest_position DESC';
  const checked = featureNames.map((name) => `CASE WHEN ${unexpired('f.ts')} THEN f.${name} END AS ${name}`);
  return {
    deduplicated: `SELECT e.* EXCLUDE (n), ${checked.join(', ')}
      FROM ${given} AS e ASOF LEFT JOIN (
        SELECT driver_id, event_timestamp AS ts, ${featureNames.join(', ')} FROM ${rows}
        QUALIFY row_number() OVER (PARTITION BY driver_id, event_timestamp ORDER BY ${newest}) = 1) AS f
      ON f.driver_id = e.driver_id AND e.event_timestamp >= f.ts ORDER BY e.n`,
    twoSteps: `WITH m AS MATERIALIZED (
        SELECT e.*, f.ts FROM ${given} AS e ASOF LEFT JOIN (SELECT driver_id, event_timestamp AS ts FROM ${rows}) AS f
        ON f.driver_id = e.driver_id AND e.event_timestamp >= f.ts),
      c AS (SELECT f.driver_id, w.ts, ${columns('f')} FROM ${rows} AS f JOIN (SELECT DISTINCT driver_id, ts FROM m) AS w
        ON w.driver_id = f.driver_id AND w.ts = f.event_timestamp
        QUALIFY row_number() OVER (PARTITION BY f.driver_id, w.ts ORDER BY ${newest}) = 1)
      SELECT e.* EXCLUDE (n, ts), ${columns('c')} FROM m AS e LEFT JOIN c
      ON c.driver_id = e.driver_id AND c.ts = e.ts AND ${unexpired('c.ts')} ORDER BY e.n`,
    range:
      ttl === undefined
        ? undefined
        : `SELECT e.* EXCLUDE (n), ${columns('f')} FROM ${given} AS e LEFT JOIN ${rows} AS f
      ON f.driver_id = e.driver_id AND f.event_timestamp <= e.event_timestamp AND ${unexpired('f.event_timestamp')}
      QUALIFY row_number() OVER (PARTITION BY e.n ORDER BY f.event_timestamp DESC, ${newest}) = 1 ORDER BY e.n`,
  };
}
