import { limits } from '../config.js';
import { catalog, type Lake, listPins, lit } from '../lake/index.js';
import { type UpkeepWork, upkeepCommit } from './context.js';

/**
 * Removes files of the lake that no snapshot names any more, once no read that began before they were replaced is still at work.
 * @returns how many.
 */
export async function removeReplacedFiles(work: UpkeepWork): Promise<number> {
  const began = (await listPins(work.lake)).map(({ takenAt }) => takenAt.getTime());
  const before = new Date(Math.min(Date.now() - limits.replacedFileKeepMs, ...began));
  if ((await replacedBefore(work.lake, before)) === 0) return 0;
  return removeFiles(work, 'remove replaced files', 'ducklake_cleanup_old_files', before);
}

const replacedBefore = async (lake: Lake, time: Date): Promise<number> => {
  const found = await lake.one<{ n: bigint }>(
    `SELECT count(*) AS n FROM ${lake.metadata('ducklake_files_scheduled_for_deletion')}
     WHERE schedule_start::TIMESTAMPTZ < $1::TIMESTAMPTZ`,
    [time],
  );
  return Number(found?.n ?? 0);
};

/**
 * Removes files that a writer left which was killed or lost: no snapshot names them, and no transaction that still might is allowed to
 * be so old. (Never all such files at once: DuckLake would take those of writers at work too.)
 * @returns how many.
 */
export async function removeOrphans(work: UpkeepWork): Promise<number> {
  const ageMs = Math.max(limits.orphanAgeMinMs, 2 * limits.transactionMaxMs);
  return removeFiles(work, 'remove orphaned files', 'ducklake_delete_orphaned_files', new Date(Date.now() - ageMs));
}

async function removeFiles(work: UpkeepWork, message: string, procedure: string, before: Date): Promise<number> {
  const { dryRun, signal } = work;
  const options = `older_than => ${lit(before.toISOString())}::TIMESTAMPTZ${dryRun ? ', dry_run => true' : ''}`;
  const sql = `CALL ${procedure}(${lit(catalog)}, ${options})`;
  const rows = dryRun
    ? await work.lake.all(sql, [], { signal })
    : await upkeepCommit(work, message, (session) => session.all(sql, [], { signal }));
  return rows?.length ?? 0;
}
