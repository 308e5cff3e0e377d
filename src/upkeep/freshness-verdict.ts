/**
 * `unknown` = there is no row yet whose event time has come, `not promised` = the view promises nothing, `not judged` = the view is
 * kept offline.
 */
export type FreshnessVerdict = 'fresh' | 'stale' | 'unknown' | 'not promised' | 'not judged';

/** How old the newest event of one store is. */
export interface StoreFreshness {
  readonly verdict: FreshnessVerdict;
  /** ISO time; null = there is none. Events dated later than now, with the allowed skew, don't count. */
  readonly newestEvent: string | null;
  readonly ageMs: number | null;
}

/** How old a view is against what it promises. Small and plain: crosses to workflows and to `--json`. */
export interface ViewFreshness {
  readonly view: string;
  /** How old the newest event may be; null = nothing is promised. */
  readonly promiseMs: number | null;
  /** `stale` when one of both is. */
  readonly verdict: FreshnessVerdict;
  readonly lake: StoreFreshness & {
    /** When rows were last published, pushed or streamed (ISO); null = never. */
    readonly lastWritten: string | null;
    /** Rows whose event time has not come yet. */
    readonly notDue: number;
  };
  readonly online: StoreFreshness & {
    /** The snapshot of the lake the last materialize brought online, and the event time it went up to (ISO). */
    readonly snapshot: number | null;
    readonly end: string | null;
    /** Why there is no such snapshot. */
    readonly reason: string | null;
  };
}

/**
 * Judges one store.
 * @param newest its newest event that is due; `newestInLake` the same of the lake, as there is nothing to be had online before.
 */
export function judgeStore(
  newest: Date | undefined,
  newestInLake: Date | undefined,
  promiseMs: number | undefined,
  now: Date,
): StoreFreshness {
  // Within the allowed skew an event may be of the future.
  const ageMs = newest === undefined ? null : Math.max(0, now.getTime() - newest.getTime());
  const newestEvent = newest?.toISOString() ?? null;
  return { verdict: verdictOf(ageMs, newestInLake, promiseMs), newestEvent, ageMs };
}

function verdictOf(
  ageMs: number | null,
  newestInLake: Date | undefined,
  promiseMs: number | undefined,
): FreshnessVerdict {
  if (promiseMs === undefined) return 'not promised';
  if (newestInLake === undefined) return 'unknown';
  return ageMs !== null && ageMs <= promiseMs ? 'fresh' : 'stale';
}

/** Of both stores together: the worst of the two. */
export function worst(verdicts: readonly FreshnessVerdict[]): FreshnessVerdict {
  const order: readonly FreshnessVerdict[] = ['stale', 'unknown', 'fresh', 'not promised', 'not judged'];
  return order.find((verdict) => verdicts.includes(verdict)) ?? 'not judged';
}
