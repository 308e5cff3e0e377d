import { limits } from '../config.js';
import { describeError, StoreUnavailableError } from '../errors.js';
import { catalog, holdPins, lit } from '../lake/index.js';
import { type ChosenSnapshots, chooseSnapshots } from './choose-snapshots.js';
import { type UpkeepWork, upkeepCommit } from './context.js';
import { onlineCursors, otherProjects, snapshotNeeds } from './needs.js';
import { snapshotFacts } from './snapshot-facts.js';

export interface ExpiredSnapshots {
  readonly expired: number;
  /** How many stay, by reason. */
  readonly kept: Readonly<Record<string, number>>;
  /** Of this project's views; unknown when the online store can't be reached. */
  readonly cursors: readonly number[] | undefined;
}

/** Expires the snapshots that nobody needs. When that can't be known, it expires none and notes why. */
export async function expireSnapshots(work: UpkeepWork): Promise<ExpiredSnapshots> {
  const { lake, dryRun, notes } = work;
  const cursors = await onlineCursors(work).catch((error: unknown) => {
    if (!(error instanceof StoreUnavailableError)) throw error;
    notes.push(
      `no snapshot was expired, because the online store can't be asked what it needs: ${describeError(error)}`,
    );
    return undefined;
  });
  const others = await otherProjects(lake);
  if (others.silent.length > 0) {
    notes.push(
      `no snapshot was expired: run \`asof maintain\` in project ${others.silent.join(', ')} of the same lake, to hear what it needs`,
    );
  }
  if (cursors === undefined || others.silent.length > 0) return { expired: 0, kept: {}, cursors };
  const choose = async (session: Parameters<typeof snapshotNeeds>[1]): Promise<ChosenSnapshots> => {
    const snapshots = await snapshotFacts(lake);
    return chooseSnapshots(snapshots, await snapshotNeeds(work, session, snapshots, { cursors, others }), Date.now());
  };
  let expired = 0;
  for (;;) {
    const { kept, ...chosen } = await choose(lake);
    if (dryRun || chosen.expired.length === 0)
      return { expired: dryRun ? chosen.expired.length : expired, kept, cursors };
    const count = await upkeepCommit(work, 'expire snapshots', async (session) => {
      await holdPins(session, lake);
      // Chosen again: a pin may have been taken since.
      const now = await choose(session);
      const batch = now.expired.slice(0, limits.expireSnapshotsAtOnce);
      if (batch.length === 0) return 0;
      const thinned = new Set(now.thinned);
      const runs = runsOf(batch.filter((id) => thinned.has(id)));
      const rows = runs.map(({ first, last }) => `(${first}, ${last})`).join(', ');
      if (rows !== '') await session.run(`INSERT INTO ${lake.system('thinned_snapshots')} VALUES ${rows}`);
      await session.run(`CALL ducklake_expire_snapshots(${lit(catalog)}, versions => [${batch.join(', ')}])`);
      return batch.length;
    });
    expired += count ?? 0;
    if (count === undefined) return { expired, kept, cursors };
  }
}

/** `1, 2, 3, 7` → 1 to 3 and 7 to 7. */
export function runsOf(ids: readonly number[]): { first: number; last: number }[] {
  const runs: { first: number; last: number }[] = [];
  for (const id of ids) {
    const run = runs.at(-1);
    if (run !== undefined && run.last === id - 1) run.last = id;
    else runs.push({ first: id, last: id });
  }
  return runs;
}
