import { limits } from '../config.js';
import { catalog } from './catalog.js';
import { listLetGo } from './kept-snapshots.js';
import type { Lake } from './lake.js';
import { holdPins } from './pins.js';
import type { Session } from './session.js';
import { lit } from './sql.js';

/** Snapshots one after the other; both ends are included. */
export interface SnapshotRun {
  readonly first: number;
  readonly last: number;
}

/**
 * The first of the two steps in which snapshots go: from its commit on nobody can pin them. Part of a transaction, with whatever else
 * is noted of them; whoever is killed after it leaves them to the next one that expires.
 */
export async function letGoOf(session: Session, lake: Lake, runs: readonly SnapshotRun[]): Promise<void> {
  await holdPins(session, lake);
  const own = lake.system('expiring_snapshots');
  const snapshots = lake.metadata('ducklake_snapshot');
  await session.run(
    `DELETE FROM ${own} WHERE NOT EXISTS (SELECT 1 FROM ${snapshots} WHERE snapshot_id BETWEEN "first" AND "last")`,
  );
  if (runs.length > 0) await session.run(`INSERT INTO ${own} VALUES ${runRows(runs)}`);
}

/** How it went; `left`: snapshots that were let go and are still there. */
export interface Expiry {
  readonly expired: number;
  readonly left: number;
}

/**
 * The second step: expires what was let go, by whom ever. In transactions that change no row: beside changes of rows DuckLake, on a
 * Postgres catalog, commits those again under another number when a writer took theirs, and what was to be expired stays.
 * @param commit one commit that is marked as upkeep's; resolves with false when it was left to a later time, which ends the work.
 */
export async function expireLetGo(
  lake: Lake,
  commit: (work: (session: Session) => Promise<void>) => Promise<boolean>,
): Promise<Expiry> {
  let expired = 0;
  let left = await listLetGo(lake);
  for (let inVain = 0; left.length > 0 && inVain < limits.transactionAttemptsMax; ) {
    let batch: number[] = [];
    const isDone = await commit(async (session) => {
      // Asked at each attempt: another process may be at the same ones.
      batch = (await listLetGo(lake, session)).slice(0, limits.expireSnapshotsAtOnce);
      if (batch.length > 0)
        await session.run(`CALL ducklake_expire_snapshots(${lit(catalog)}, versions => [${batch.join(', ')}])`);
    });
    // What counts is what is there afterwards.
    const there = await listLetGo(lake);
    expired += isDone ? batch.filter((id) => !there.includes(id)).length : 0;
    inVain = there.length < left.length ? 0 : inVain + 1;
    left = there;
    if (!isDone) break;
  }
  return { expired, left: left.length };
}

/** `1, 2, 3, 7` → 1 to 3 and 7 to 7. */
export function runsOf(ids: readonly number[]): SnapshotRun[] {
  const runs: { first: number; last: number }[] = [];
  for (const id of ids) {
    const run = runs.at(-1);
    if (run !== undefined && run.last === id - 1) run.last = id;
    else runs.push({ first: id, last: id });
  }
  return runs;
}

/** As rows of a table of runs: `(1, 3), (7, 7)`. */
export const runRows = (runs: readonly SnapshotRun[]): string =>
  runs.map(({ first, last }) => `(${first}, ${last})`).join(', ');
