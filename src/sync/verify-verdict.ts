import { decodeHeader, type RowHeader } from '../online-store/row-codec.js';
import { compareTies } from '../online-store/row-header.js';
import { type RowComparer, unreadable } from './verify-rows.js';

/** What is wrong with a key. */
export const wrongs = ['different', 'missing', 'unexpected', 'stale'] as const;
export type Wrong = (typeof wrongs)[number];

/** What was found of one key, the online row read before the snapshot was pinned. Rows are packed. */
export interface Sight {
  readonly online: Uint8Array | undefined;
  /** The answer at the cursor: the newest row at its snapshot up to its end. */
  readonly atCursor: Uint8Array | undefined;
  /** The newest row of the pinned snapshot that may be online by now. */
  readonly newest: Uint8Array | undefined;
  /** Whether the lake held the online row, equal in all values, at the cursor's snapshot or since. */
  readonly held: boolean;
  /** Whether the row at the cursor is still in the lake. */
  readonly cursorRowThere: boolean;
  /** The snapshot that brought the row at the cursor; undefined = there is no such row. */
  readonly cursorRowCommitted: number | undefined;
}

/** What a sight is judged by. Times are microseconds. */
export interface SightFacts {
  /** The pinned snapshot. */
  readonly snapshot: number;
  /** Of the cursor; -1 = there is none to go by. */
  readonly cursorSnapshot: number;
  /** Event times up to which rows were brought online, by whomever. */
  readonly reachedUs: bigint;
  /** Event times up to which rows count as having happened. */
  readonly dueUs: bigint;
  /** Rows before this are older than the view's ttl; undefined = none ever is. */
  readonly oldestUs: bigint | undefined;
}

export type Verdict =
  | { readonly is: 'same' | 'expired' }
  /** Neither store has a row of the key (any more). */
  | { readonly is: 'gone' }
  /** What is online was right at the cursor, or since, and the lake has something newer. */
  | { readonly is: 'pending' }
  /** `expected` = the row that should be online, `fields` what of it is not so. */
  | { readonly is: Wrong; readonly expected: Uint8Array | undefined; readonly fields: readonly string[] };

/**
 * Judges one key. What must hold: the online row is the answer at the cursor, or a row the lake has had since then, that somebody
 * could rightly have brought online: newer than that answer, or written by a run that looked at a later snapshot. Whatever a
 * stream, a push or a run at work writes keeps to this at every moment.
 */
export function judge(sight: Sight, facts: SightFacts, comparer: RowComparer): Verdict {
  const { online, atCursor, newest } = sight;
  if (online === undefined) return judgeAbsence(sight, facts);
  const expected = atCursor ?? newest;
  const header = headerOf(online);
  if (header === undefined) return { is: 'different', expected, fields: [unreadable] };
  if (Math.max(header.committed, header.reflects) > facts.snapshot)
    return { is: 'different', expected, fields: ['snapshot'] };
  const equals = (row: Uint8Array | undefined): boolean =>
    row !== undefined && comparer.differences(row, online).length === 0;
  if (isTooEarly(header, facts)) {
    return expected === undefined
      ? { is: 'unexpected', expected, fields: [] }
      : { is: 'different', expected, fields: ['event_timestamp'] };
  }
  if (equals(newest)) return { is: 'same' };
  if (equals(atCursor)) return { is: 'pending' };
  if (sight.held && isAhead(online, header, sight, facts, comparer)) return { is: 'pending' };
  if (expected === undefined) return { is: 'unexpected', expected, fields: [] };
  const order = compareTies(online, expected);
  const nearest = newest !== undefined && compareTies(online, newest) === 0 ? newest : expected;
  return { is: order < 0 ? 'stale' : 'different', expected: nearest, fields: comparer.differences(nearest, online) };
}

function judgeAbsence({ atCursor, newest, cursorRowThere }: Sight, { oldestUs }: SightFacts): Verdict {
  const isExpired = (row: Uint8Array): boolean => oldestUs !== undefined && decodeHeader(row).eventUs < oldestUs;
  if (newest === undefined) return { is: 'gone' };
  if (isExpired(newest)) return { is: 'expired' };
  // A run ahead of the cursor may have deleted the row before the key came back.
  if (atCursor === undefined || !cursorRowThere || isExpired(atCursor)) return { is: 'pending' };
  return { is: 'missing', expected: atCursor, fields: [] };
}

/** Dated after all that was brought online; what came since the cursor may be as new as the clock. */
export function isTooEarly(
  { eventUs, committed, reflects }: Pick<RowHeader, 'eventUs' | 'committed' | 'reflects'>,
  { reachedUs, dueUs, cursorSnapshot }: SightFacts,
): boolean {
  if (eventUs <= reachedUs) return false;
  return eventUs > dueUs || Math.max(committed, reflects) <= cursorSnapshot;
}

function isAhead(
  online: Uint8Array,
  { committed, reflects }: RowHeader,
  { atCursor, newest, cursorRowCommitted }: Sight,
  { cursorSnapshot }: SightFacts,
  comparer: RowComparer,
): boolean {
  if (atCursor === undefined || compareTies(online, atCursor) > 0) return true;
  // Older: a run that looked later found it the newest, which needs a key that changed since the cursor.
  if (reflects > cursorSnapshot) return newest === undefined || comparer.differences(atCursor, newest).length > 0;
  // Or a stream wrote it when the row at the cursor was not online yet, and the run that brought the cursor left it alone.
  return committed > cursorSnapshot && (cursorRowCommitted ?? 0) > reflects;
}

function headerOf(row: Uint8Array): RowHeader | undefined {
  try {
    return decodeHeader(row);
  } catch {
    return undefined;
  }
}
