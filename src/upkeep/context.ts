import { limits } from '../config.js';
import type { FeatureTable } from '../definitions/feature-table.js';
import type { UpkeepRules } from '../definitions/upkeep-settings.js';
import { isConflict, type Lake, type Session } from '../lake/index.js';
import type { OnlineStore } from '../online-store/online-store.js';

/** What upkeep works on. */
export interface UpkeepContext {
  readonly lake: Lake;
  readonly rules: UpkeepRules;
  /** The views as applied. */
  tables(): Promise<readonly FeatureTable[]>;
  online(): Promise<OnlineStore>;
}

/** One run of it. */
export interface UpkeepWork extends UpkeepContext {
  readonly signal: AbortSignal | undefined;
  /** Only looks, and says what would be done. */
  readonly dryRun: boolean;
  /** What was left undone, and why. */
  readonly notes: string[];
}

/**
 * One short marked commit. Other writers come first: when they get in between too often, it is left to the next run and noted.
 * @returns nothing when it was left.
 */
export async function upkeepCommit<T>(
  { lake, signal, notes }: UpkeepWork,
  message: string,
  work: (session: Session) => Promise<T>,
): Promise<T | undefined> {
  signal?.throwIfAborted();
  try {
    const options = { message: `upkeep: ${message}`, upkeep: true, attempts: limits.upkeepAttemptsMax, signal };
    return (await lake.transaction(options, work)).result;
  } catch (error) {
    if (!(error instanceof Error && isConflict(error.cause))) throw error;
    notes.push(`${message}: other writers were faster; the next upkeep does it`);
    return undefined;
  }
}
