import { eventTimestamp, type FeatureTable, tableName } from '../definitions/feature-table.js';
import type { Lake } from '../lake/index.js';

/** What the lake holds of a view, as far as its age goes. */
export interface LakeAge {
  /** The newest event that is due. */
  readonly newest: Date | undefined;
  readonly lastWritten: Date | undefined;
  /** Rows with later events. */
  readonly notDue: number;
}

/** One pass over two columns. @param due event times up to which a row counts as having happened. */
export async function readLakeAge(lake: Lake, table: FeatureTable, due: Date): Promise<LakeAge> {
  const found = await lake.one<{ newest: Date | null; ingested: Date | null; early: bigint }>(
    `SELECT max(${eventTimestamp}) FILTER (${eventTimestamp} <= $1::TIMESTAMPTZ) AS newest,
       max(_ingest_time) AS ingested, count(*) FILTER (${eventTimestamp} > $1::TIMESTAMPTZ) AS early
     FROM ${lake.table(tableName(table))}`,
    [due],
  );
  // A run that found nothing new published all the same.
  const published = await lake.one<{ at: Date | null }>(
    `SELECT max(recorded_at) AS at FROM ${lake.system('publications')} WHERE table_name = $1`,
    [tableName(table)],
  );
  const times = [found?.ingested, published?.at].filter((time) => time != null).map((time) => time.getTime());
  return {
    newest: found?.newest ?? undefined,
    lastWritten: times.length === 0 ? undefined : new Date(Math.max(...times)),
    notDue: Number(found?.early ?? 0),
  };
}
