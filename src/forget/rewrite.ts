import path from 'node:path';
import { StoreUnavailableError } from '../errors.js';
import { catalog, expireLetGo, type Lake, letGoOf, lit, type Session, systemSchema } from '../lake/index.js';
import { lookAtCatalog } from './catalog-rows.js';
import type { FileHit } from './data-files.js';
import type { ForgottenKey } from './key.js';

interface Registered {
  readonly schema: string;
  readonly table: string;
  /** Of the newest snapshot. */
  readonly isLive: boolean;
}

/** What the lake knows of data files, by name: names are never used twice. */
export async function registeredFiles(lake: Lake): Promise<ReadonlyMap<string, Registered>> {
  const meta = (name: string): string => lake.metadata(`ducklake_${name}`);
  const rows = await lake.all<{ path: string; schema: string; table: string; live: boolean }>(
    `SELECT f.path, s.schema_name AS schema, t.table_name AS "table",
       f.end_snapshot IS NULL AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL AS live
     FROM ${meta('data_file')} AS f JOIN ${meta('table')} AS t USING (table_id) JOIN ${meta('schema')} AS s USING (schema_id)
     WHERE s.schema_name IN ($1, $2)`,
    [lake.project, systemSchema(lake.project)],
  );
  const files = new Map<string, Registered>();
  for (const { path: file, schema, table, live } of rows) {
    const name = path.basename(file);
    files.set(name, { schema, table, isLive: live || (files.get(name)?.isLive ?? false) });
  }
  return files;
}

/**
 * Writes the files anew that hold rows of the keys, which are deleted by now; rows kept in the catalog become files first.
 * @param hits files that hold a key. @returns how many tables were written anew.
 */
export async function rewriteTables(
  lake: Lake,
  keys: readonly ForgottenKey[],
  hits: readonly FileHit[],
  signal?: AbortSignal,
): Promise<number> {
  const known = await registeredFiles(lake);
  const tables = new Map<string, { schema: string; table: string }>();
  const add = (schema: string, table: string): unknown => tables.set(`${schema}.${table}`, { schema, table });
  for (const { file } of hits) {
    const found = known.get(path.basename(file));
    if (found?.isLive === true) add(found.schema, found.table);
  }
  for (const { schema, table } of await lookAtCatalog(lake, keys)) add(schema, table);
  const there = await lake.all<{ schema: string; table: string }>(
    'SELECT DISTINCT schema_name AS schema, table_name AS "table" FROM duckdb_columns() WHERE database_name = $1',
    [catalog],
  );
  let written = 0;
  for (const { schema, table } of tables.values()) {
    // A table that was dropped goes with its snapshots.
    if (!there.some((one) => one.schema === schema && one.table === table)) continue;
    await upkeep(
      lake,
      `flush ${table}`,
      `CALL ducklake_flush_inlined_data(${lit(catalog)}, schema_name => ${lit(schema)}, table_name => ${lit(table)})`,
      signal,
    );
    await upkeep(
      lake,
      `rewrite ${table}`,
      `CALL ducklake_rewrite_data_files(${lit(catalog)}, ${lit(table)}, schema => ${lit(schema)}, delete_threshold => 0)`,
      signal,
    );
    written += 1;
  }
  await clearStatistics(lake, keys);
  return written;
}

/**
 * The least and greatest values that the catalog keeps of a whole table only ever grow apart. Unknown ones are fine: each file has its
 * own. Processes that know the old ones ask again once a file was added, which the record of the request does.
 */
async function clearStatistics(lake: Lake, keys: readonly ForgottenKey[]): Promise<void> {
  for (const { place, tableId, columnIds } of await lookAtCatalog(lake, keys)) {
    if (place !== 'statistics of the table') continue;
    for (const column of columnIds)
      await lake.all(
        `UPDATE ${lake.metadata('ducklake_table_column_stats')} SET min_value = NULL, max_value = NULL
         WHERE table_id = $1 AND column_id = $2`,
        [tableId, column],
      );
  }
}

const upkeep = (lake: Lake, message: string, sql: string, signal?: AbortSignal): Promise<unknown> =>
  lake.transaction({ message: `upkeep: ${message}`, upkeep: true, signal }, (session) =>
    session.all(sql, [], { signal }),
  );

export interface Expired {
  readonly snapshots: number;
  /** Everything before it is gone. */
  readonly before: number;
  readonly trainingSets: readonly string[];
  readonly pins: number;
  readonly removedFiles: number;
}

/**
 * Expires every snapshot but the newest ones, of before the files were written anew, whoever needs them: pins go, training sets are
 * marked as ones that can't be made again. Then removes the files that no snapshot names any more.
 * @param noted part of the transaction in which they are let go.
 */
export async function expireAll(
  lake: Lake,
  keys: readonly ForgottenKey[],
  noted: (session: Session, before: number) => Promise<void>,
  signal?: AbortSignal,
): Promise<Expired> {
  const before = await lake.currentSnapshot();
  const { sets, pins } = await letGo(lake, before, noted, signal);
  const snapshots = await expire(lake, signal);
  await upkeep(
    lake,
    'flush forgets',
    `CALL ducklake_flush_inlined_data(${lit(catalog)}, schema_name => ${lit(systemSchema(lake.project))}, table_name => 'forgets')`,
    signal,
  );
  // The pins that went had statistics that this process knew from before.
  await clearStatistics(lake, keys);
  return { snapshots, before, trainingSets: sets, pins, removedFiles: await cleanUp(lake, signal) };
}

/** Pins go, training sets are marked: nobody counts on the snapshots any more, and nobody can from now on. */
async function letGo(
  lake: Lake,
  before: number,
  noted: (session: Session, before: number) => Promise<void>,
  signal?: AbortSignal,
): Promise<{ sets: string[]; pins: number }> {
  const { result } = await lake.transaction(
    { message: 'upkeep: let go of snapshots', upkeep: true, signal },
    async (session) => {
      await letGoOf(session, lake, [{ first: 0, last: before - 1 }]);
      const sets: string[] = [];
      for (const table of await lake.everywhere('training_sets'))
        sets.push(...(await markSets(session, table, before)));
      let pins = 0;
      for (const table of await lake.everywhere('pins'))
        pins += await session.run(`DELETE FROM ${table} WHERE id <> '' AND snapshot < $1 AND expires_at > now()`, [
          BigInt(before),
        ]);
      await noted(session, before);
      return { sets, pins };
    },
  );
  return result;
}

/** @returns how many went. */
async function expire(lake: Lake, signal?: AbortSignal): Promise<number> {
  const options = { message: 'upkeep: expire snapshots', upkeep: true, signal };
  const { expired, left } = await expireLetGo(lake, (step) => lake.transaction(options, step).then(() => true));
  if (left > 0)
    throw new StoreUnavailableError(`${left} snapshots of before could not be expired`, {
      mend: 'make the same request again; it goes on from there',
    });
  return expired;
}

async function markSets(session: Session, table: string, before: number): Promise<string[]> {
  const where = 'snapshot < $1 AND forgotten_at IS NULL';
  // A project that an older version opened last lacks the column.
  const columns = await session.all<{ column_name: string }>(`DESCRIBE SELECT * FROM ${table}`);
  if (!columns.some(({ column_name }) => column_name === 'forgotten_at')) return [];
  const found = await session.all<{ name: string }>(`SELECT name FROM ${table} WHERE ${where}`, [BigInt(before)]);
  if (found.length > 0) await session.run(`UPDATE ${table} SET forgotten_at = now() WHERE ${where}`, [BigInt(before)]);
  return found.map(({ name }) => name);
}

/** Only files the lake itself gave up: those of writers at work it does not know yet, and leaves. */
async function cleanUp(lake: Lake, signal?: AbortSignal): Promise<number> {
  const { result } = await lake.transaction({ message: 'upkeep: remove files', upkeep: true, signal }, (session) =>
    session.all(`CALL ducklake_cleanup_old_files(${lit(catalog)}, cleanup_all => true)`, [], { signal }),
  );
  return result.length;
}
