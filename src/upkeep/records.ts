import type { Session, SystemTable } from '../lake/index.js';
import { isEnd } from '../runs/index.js';
import { type UpkeepWork, upkeepCommit } from './context.js';
import { lastingRuns } from './lasting-runs.js';

/** Files with deleted rows are written anew, and then no longer know with which snapshot a row came. */
const keepSnapshots = (session: Session, publications: string): Promise<number> =>
  session.run(
    `UPDATE ${publications} AS p SET snapshot = k.snapshot_id
     FROM (SELECT run_id, table_name, snapshot_id FROM ${publications}) AS k
     WHERE p.snapshot IS NULL AND k.run_id = p.run_id AND k.table_name = p.table_name`,
  );

/**
 * Removes records that nobody will ask for any more: of runs that ended long ago, pins and training sets whose time has passed. Never
 * dead letters and quarantined rows, which are data. Publications of rows stay: they tell where what is in the lake came from. Of those
 * of none the newest of each source stays: the next run begins where it ended.
 * @returns how many rows.
 */
export async function removeRecords(work: UpkeepWork): Promise<number> {
  const { lake, rules } = work;
  const cutoff = [new Date(Date.now() - rules.keepRunsMs)];
  const events = lake.system('run_events');
  const open = `SELECT run_id FROM ${events} GROUP BY run_id HAVING count(*) FILTER (${isEnd}) = 0`;
  const old = `recorded_at < $1::TIMESTAMPTZ AND run_id NOT IN (${open})`;
  const source = ['source', 'cursor.column', 'table', 'query', 'reading'].map(
    (field) => `json_extract_string(provenance, '$.${field}')`,
  );
  const newest = `SELECT run_id || ' ' || table_name FROM ${lake.system('publications')}
    QUALIFY row_number() OVER (PARTITION BY table_name, ${source.join(', ')} ORDER BY recorded_at DESC) = 1`;
  const nothing = `json_extract_string(counts, '$.published') = '0'`;
  const outdated: Partial<Record<SystemTable, { readonly where: string; readonly values: readonly Date[] }>> = {
    validation_results: { where: old, values: cutoff },
    expectation_results: { where: old, values: cutoff },
    publications: { where: `${old} AND ${nothing} AND run_id || ' ' || table_name NOT IN (${newest})`, values: cutoff },
    run_events: {
      where: `run_id IN (SELECT run_id FROM ${events} WHERE ${isEnd} AND recorded_at < $1::TIMESTAMPTZ)
        AND run_id NOT IN (${lastingRuns(lake)})`,
      values: cutoff,
    },
    // What was published goes before what was started by it, so that nothing is started again.
    outbox: { where: 'recorded_at < $1::TIMESTAMPTZ', values: cutoff },
    dispatches: { where: 'recorded_at < $1::TIMESTAMPTZ', values: cutoff },
    pins: { where: `id <> '' AND expires_at < now()`, values: [] },
    training_sets: { where: 'expires_at < now()', values: [] },
    thinned_snapshots: {
      where: `"last" < (SELECT min(snapshot_id) FROM ${lake.metadata('ducklake_snapshot')} WHERE snapshot_id > 0)`,
      values: [],
    },
    upkeep_runs: {
      where: `recorded_at < (SELECT max(recorded_at) - INTERVAL 7 DAYS FROM ${lake.system('upkeep_runs')})`,
      values: [],
    },
  };
  let removed = 0;
  for (const [table, { where, values }] of Object.entries(outdated)) {
    const name = lake.system(table);
    // Asked first: a delete of nothing would be a commit all the same.
    const found = await lake.one<{ n: bigint }>(`SELECT count(*) AS n FROM ${name} WHERE ${where}`, values);
    const count = Number(found?.n ?? 0);
    if (count === 0) continue;
    removed += work.dryRun
      ? count
      : ((await upkeepCommit(work, `remove old rows of ${table}`, async (session) => {
          const count = await session.run(`DELETE FROM ${name} WHERE ${where}`, values);
          if (table === 'publications') await keepSnapshots(session, name);
          return count;
        })) ?? 0);
  }
  return removed;
}
