import { describeError, StoreUnavailableError } from '../errors.js';
import { expireLetGo, letGoOf, listLetGo, runRows, runsOf, type Session } from '../lake/index.js';
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
  const choose = async (session: Pick<Session, 'all'>): Promise<ChosenSnapshots> => {
    const snapshots = await snapshotFacts(lake);
    return chooseSnapshots(snapshots, await snapshotNeeds(work, session, snapshots, { cursors, others }), Date.now());
  };
  if (dryRun) {
    const { expired, kept } = await choose(lake);
    return { expired: new Set([...expired, ...(await listLetGo(lake))]).size, kept, cursors };
  }
  // What an earlier upkeep could not finish: nobody was able to pin it since.
  const before = await expire(work);
  const looked = await choose(lake);
  if (looked.expired.length === 0) return { expired: before, kept: looked.kept, cursors };
  const chosen = await upkeepCommit(work, 'let go of snapshots', async (session) => {
    // Chosen again: a pin may have been taken since. One that is taken from here on makes this commit fail, and start again.
    const now = await choose(session);
    const going = new Set(await listLetGo(lake, session));
    const isNew = (id: number): boolean => !going.has(id);
    // Noted before they go, so that nobody ever finds one gone and not noted.
    const thinned = runsOf(now.thinned.filter(isNew));
    if (thinned.length > 0)
      await session.run(`INSERT INTO ${lake.system('thinned_snapshots')} VALUES ${runRows(thinned)}`);
    await letGoOf(session, lake, runsOf(now.expired.filter(isNew)));
    return now;
  });
  return { expired: before + (await expire(work)), kept: (chosen ?? looked).kept, cursors };
}

async function expire(work: UpkeepWork): Promise<number> {
  const { lake, notes } = work;
  const noted = notes.length;
  const { expired, left } = await expireLetGo(
    lake,
    async (step) =>
      (await upkeepCommit(work, 'expire snapshots', (session) => step(session).then(() => true))) ?? false,
  );
  if (left > 0 && notes.length === noted)
    notes.push(`expire snapshots: ${left} that are to go are still there; the next upkeep takes them out`);
  return expired;
}
