import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createdTimestamp, eventTimestamp, tableName, valueColumns } from '../definitions/feature-table.js';
import { StoreUnavailableError } from '../errors.js';
import { headTable } from '../lake/feature-tables.js';
import { catalog, ids, type Lake, lit, type Session, sameIn } from '../lake/index.js';
import { isTooOld, writeParquet } from '../lake/parquet-file.js';
import { ingestTimeUs } from './ingest-time.js';
import type { PublishRequest, PublishResult } from './offline-store.js';

/** Another publisher of the view committed since our rows were compared with the table, or the file grew too old meanwhile. */
class StartOver extends Error {}

/** How often the comparison is done again because another publisher of the view was faster. */
const comparisonsMax = 20;

/**
 * The heavy part (finding the rows that are new, writing them sorted) happens at a pinned snapshot outside any transaction; the
 * transaction only registers the file, and fails over to the start when the view's head row moved in between.
 */
export async function publish(lake: Lake, request: PublishRequest): Promise<PublishResult> {
  const before = await findPublication(lake, request);
  if (before !== undefined) return before;
  for (let attempt = 1; attempt <= comparisonsMax; attempt += 1) {
    try {
      return await comparePublish(lake, request);
    } catch (error) {
      if (!(error instanceof StartOver)) throw error;
      const again = await findPublication(lake, request);
      if (again !== undefined) return again;
    }
  }
  throw new StoreUnavailableError(`view ${request.table.view}: other publishers were faster ${comparisonsMax} times`, {
    mend: 'it is tried again; run fewer pipelines for one view at once',
  });
}

async function comparePublish(
  lake: Lake,
  { table, file, runId, provenance, madeBy, alongside, signal }: PublishRequest,
): Promise<PublishResult> {
  const head = await lake.one<{ publishes: bigint }>(`SELECT publishes FROM ${headTable(lake, table)}`);
  const snapshot = await lake.currentSnapshot();
  const dataFile = path.join(lake.dataDirectory(tableName(table)), `${randomUUID()}.parquet`);
  mkdirSync(path.dirname(dataFile), { recursive: true });
  let registered = false;
  try {
    const { total, fresh } = await lake.withSession((session) =>
      writeNewRows(session, lake, { table, file, signal }, snapshot, dataFile),
    );
    const writtenAt = Date.now();
    const committed = await lake.transaction(
      { message: `publish ${table.view} (run ${runId})`, signal },
      async (session) => {
        if (isTooOld(writtenAt)) throw new StartOver();
        const moved = await session.run(
          `UPDATE ${headTable(lake, table)} SET publishes = publishes + 1 WHERE publishes = $1`,
          [head?.publishes ?? 0n],
        );
        if (moved !== 1) throw new StartOver();
        await alongside?.(session);
        const detail = JSON.stringify({ published: fresh, alreadyThere: total - fresh });
        await session.run(
          `INSERT INTO ${lake.system('publications')}
             (run_id, table_name, recorded_at, counts, provenance, base_snapshot, registry_version, code)
           VALUES ($1, $2, now(), $3, $4, $5, $6, $7)`,
          [
            ...[runId, tableName(table), detail, provenance, BigInt(snapshot)],
            madeBy === undefined ? null : BigInt(madeBy.registryVersion),
            madeBy?.code ?? null,
          ],
        );
        if (fresh > 0) {
          await session.run(
            `CALL ducklake_add_data_files(${lit(catalog)}, ${lit(tableName(table))}, ${lit(dataFile)}, schema => ${lit(lake.project)}, allow_missing => true)`,
          );
        }
      },
    );
    registered = fresh > 0;
    return { published: fresh, alreadyThere: total - fresh, snapshot: committed.snapshot };
  } finally {
    if (!registered) rmSync(dataFile, { force: true });
  }
}

/** Rows of the staging file that the table does not hold in all their values, sorted as the table is. */
async function writeNewRows(
  session: Session,
  lake: Lake,
  { table, file, signal }: Pick<PublishRequest, 'table' | 'file' | 'signal'>,
  snapshot: number,
  dataFile: string,
): Promise<{ total: number; fresh: number }> {
  const keys = Object.keys(table.joinKeys);
  const same = sameIn(valueColumns(table), 't', 'n');
  const range = await session.one<{ total: bigint; first: Date | null; last: Date | null }>(
    `SELECT count(*) AS total, min(${eventTimestamp}) AS first, max(${eventTimestamp}) AS last FROM read_parquet($1)`,
    [file],
    { signal },
  );
  // The range spares files of the table that can't hold an equal row; a millisecond on both sides covers the rounding of Date.
  const from = new Date((range?.first?.getTime() ?? 0) - 1);
  const to = new Date((range?.last?.getTime() ?? 0) + 1);
  const { rows } = await writeParquet(
    session,
    `SELECT ${ids(keys, 'n')}, n.${eventTimestamp}, n.${createdTimestamp}, ${ids(Object.keys(table.features), 'n')},
       make_timestamptz($2::BIGINT) AS _ingest_time, n._ingest_position,
       NULL::VARCHAR AS _topic, NULL::INTEGER AS _partition, NULL::BIGINT AS _offset
     FROM read_parquet($1) AS n
     ANTI JOIN (SELECT * FROM ${lake.table(tableName(table))} AT (VERSION => ${snapshot})
       WHERE ${eventTimestamp} BETWEEN $3::TIMESTAMPTZ AND $4::TIMESTAMPTZ) AS t ON ${same}
     ORDER BY ${ids(keys, 'n')}, n.${eventTimestamp}`,
    [file, ingestTimeUs(), from, to],
    dataFile,
    { signal },
  );
  return { total: Number(range?.total ?? 0), fresh: rows };
}

async function findPublication(lake: Lake, { table, runId }: PublishRequest): Promise<PublishResult | undefined> {
  const found = await lake.one<{ counts: string; snapshot: bigint }>(
    `SELECT counts, coalesce(snapshot, snapshot_id) AS snapshot FROM ${lake.system('publications')} WHERE run_id = $1 AND table_name = $2`,
    [runId, tableName(table)],
  );
  if (found === undefined) return undefined;
  return {
    ...(JSON.parse(found.counts) as { published: number; alreadyThere: number }),
    snapshot: Number(found.snapshot),
  };
}
