import { limits } from '../config.js';

export interface SnapshotFacts {
  readonly id: number;
  readonly at: Date;
  /** Something of a feature table went or was written anew: the change feed needs it and the one before it. */
  readonly isSharp: boolean;
}

/** What must stay readable, by whom. */
export interface SnapshotNeeds {
  /** Each of these, with who needs it. */
  readonly exact: ReadonlyMap<number, string>;
  /** The oldest online cursor: from here on the change feed must stay whole. */
  readonly chainFrom: number | undefined;
  /** Everything that was committed since an open run began. */
  readonly sinceRun: number | undefined;
  readonly keepMs: number;
}

export interface ChosenSnapshots {
  /** To be expired. */
  readonly expired: readonly number[];
  /** Of these, the ones whose loss leaves no gap in the change feed; to be noted. */
  readonly thinned: readonly number[];
  /** How many stay, by reason. */
  readonly kept: Readonly<Record<string, number>>;
}

/**
 * Which snapshots may go. Young ones all stay; older ones within the keep time, the last of each stretch, so that the lake can be read
 * as it was at any time without a snapshot for every second; what somebody needs stays in any case.
 * @param snapshots all there are, by id.
 */
export function chooseSnapshots(
  snapshots: readonly SnapshotFacts[],
  needs: SnapshotNeeds,
  now: number,
): ChosenSnapshots {
  const expired: number[] = [];
  const thinned: number[] = [];
  const kept: Record<string, number> = {};
  for (const [index, snapshot] of snapshots.entries()) {
    const next = snapshots[index + 1];
    const reason = next === undefined ? 'newest' : reasonToKeep(snapshot, next, needs, now);
    if (reason !== undefined) {
      kept[reason] = (kept[reason] ?? 0) + 1;
      continue;
    }
    expired.push(snapshot.id);
    if (isInFeed(snapshot, needs, now)) thinned.push(snapshot.id);
  }
  return { expired, thinned, kept };
}

const stretch = ({ at }: SnapshotFacts): number => Math.floor(at.getTime() / limits.snapshotStretchMs);

function reasonToKeep(
  snapshot: SnapshotFacts,
  next: SnapshotFacts,
  needs: SnapshotNeeds,
  now: number,
): string | undefined {
  const age = now - snapshot.at.getTime();
  const exact = needs.exact.get(snapshot.id);
  if (exact !== undefined) return exact;
  if (needs.sinceRun !== undefined && snapshot.id >= needs.sinceRun) return 'open run';
  if (age < limits.everySnapshotMs) return 'young';
  if (age < needs.keepMs && stretch(snapshot) !== stretch(next)) return 'keep time';
  if (isInFeed(snapshot, needs, now) && (snapshot.isSharp || next.isSharp)) return 'change feed';
  return undefined;
}

const isInFeed = ({ id, at }: SnapshotFacts, { chainFrom, keepMs }: SnapshotNeeds, now: number): boolean =>
  now - at.getTime() < keepMs || (chainFrom !== undefined && id > chainFrom);
