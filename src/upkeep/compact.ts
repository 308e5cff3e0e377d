import { limits } from '../config.js';
import { catalog, lit } from '../lake/index.js';
import { type UpkeepWork, upkeepCommit } from './context.js';
import { type TableState, tableArguments, tableStates } from './counts.js';

export interface Compacted {
  readonly flushedRows: number;
  readonly mergedFiles: number;
  readonly rewrittenFiles: number;
}

/** Rows of own tables that stay in the catalog: they are few, and a file for each would be no gain. */
const inlinedRowsKept = 100;

/**
 * Writes rows kept in the catalog to files, files with many deleted rows anew, and small files together; sorted tables stay sorted.
 * One commit for each thing done, and none where there is nothing to do.
 */
export async function compact(work: UpkeepWork): Promise<Compacted> {
  const done = { flushedRows: 0, mergedFiles: 0, rewrittenFiles: 0 };
  for (const table of await tableStates(work.lake)) {
    if (table.inlinedRows > (table.isSystem ? inlinedRowsKept : 0)) done.flushedRows += await flush(work, table);
  }
  // What was flushed counts from here on.
  for (const table of await tableStates(work.lake)) {
    if (table.deletedShare > limits.rewriteAboveShare) done.rewrittenFiles += await rewrite(work, table);
    for (const [tier, files] of table.tiers.entries()) {
      const least = tier === 0 && !table.isSystem ? 2 : limits.mergeTierFiles;
      if (files >= least) done.mergedFiles += await merge(work, table, tier);
    }
  }
  return done;
}

async function flush(work: UpkeepWork, { schema, name, inlinedRows }: TableState): Promise<number> {
  if (work.dryRun) return inlinedRows;
  const sql = `CALL ducklake_flush_inlined_data(${lit(catalog)}, schema_name => ${lit(schema)}, table_name => ${lit(name)})`;
  const rows = await call<{ rows_flushed: bigint }>(work, `flush ${name}`, sql);
  return rows.reduce((sum, { rows_flushed }) => sum + Number(rows_flushed), 0);
}

async function rewrite(work: UpkeepWork, table: TableState): Promise<number> {
  if (work.dryRun) return 1;
  const threshold = limits.rewriteAboveShare;
  const sql = `CALL ducklake_rewrite_data_files(${lit(catalog)}, ${tableArguments(table)}, delete_threshold => ${threshold})`;
  const rows = await call<{ files_processed: bigint }>(work, `rewrite ${table.name}`, sql);
  return rows.reduce((sum, { files_processed }) => sum + Number(files_processed), 0);
}

/** Only files of about one size: each row is written a few times in all, however often upkeep runs. */
async function merge(work: UpkeepWork, table: TableState, tier: number): Promise<number> {
  if (work.dryRun) return table.tiers[tier] ?? 0;
  const [least, most] = [tier === 0 ? 0 : limits.mergeTiersBytes[tier - 1], limits.mergeTiersBytes[tier]];
  const sizes = `min_file_size => ${least}, max_file_size => ${most}`;
  const sql = `CALL ducklake_merge_adjacent_files(${lit(catalog)}, ${tableArguments(table)}, ${sizes})`;
  const rows = await call<{ files_processed: bigint }>(work, `merge ${table.name}`, sql);
  return rows.reduce((sum, { files_processed }) => sum + Number(files_processed), 0);
}

const call = async <T>(work: UpkeepWork, message: string, sql: string): Promise<T[]> =>
  (await upkeepCommit(work, message, (session) => session.all<T>(sql, [], { signal: work.signal }))) ?? [];
