import { limits } from '../config.js';
import type { FeatureTable } from '../definitions/feature-table.js';
import { decodeHeader } from '../online-store/row-codec.js';
import type { VerifyFacts } from './verify-facts.js';
import { headerOf, type Judged } from './verify-look.js';
import { type Wrong, wrongs } from './verify-verdict.js';

/** A key that is wrong. Holds no values of features: only which ones differ. */
export interface VerifyExample {
  readonly is: Wrong;
  readonly key: Readonly<Record<string, unknown>>;
  /** Features and times that differ; `(unreadable)` = the online row can't be read, `snapshot` = it claims one the lake has not. */
  readonly fields: readonly string[];
  /** Event time (ISO) of the row that should be online; undefined = none should. */
  readonly expected: string | undefined;
  /** Event time (ISO) of the row that is online, the snapshot that holds it and up to which it was the newest. */
  readonly found: { readonly at: string; readonly committed: number; readonly reflects: number } | undefined;
}

/** Keys by what was found of them; each key counts once. */
export interface VerifyCounts {
  readonly same: number;
  /** Values or times differ from the answer at the cursor, or the lake never held such a row. */
  readonly different: number;
  /** The lake has a row up to the cursor, the online store has none. */
  readonly missing: number;
  /** The online store has a row, the lake none. */
  readonly unexpected: number;
  /** The online row is older than the answer at the cursor. */
  readonly stale: number;
  /** As they were at the cursor or since; the lake has something newer that is not online yet. */
  readonly pending: number;
  /** Not online, and older than the view's ttl. */
  readonly expired: number;
}

export interface VerifyResult extends VerifyCounts {
  readonly view: string;
  /** Whether what is online is right: nothing different, missing, unexpected or stale, and pending only behind a cursor. */
  readonly agrees: boolean;
  readonly keys: number;
  /** The snapshot of the last look. */
  readonly snapshot: number;
  /** What the online rows were compared at; undefined = there is no cursor to go by, `reason` says why. */
  readonly cursor: { readonly snapshot: number; readonly end: string } | undefined;
  readonly reason: string | undefined;
  /** Since when (ISO) the oldest pending row could have been online; undefined when all that is pending are removals. */
  readonly pendingSince: string | undefined;
  /** How the keys were chosen; undefined = all of them. */
  readonly sample: { readonly size: number; readonly seed: number } | undefined;
  readonly examples: readonly VerifyExample[];
  readonly tookMs: number;
  readonly keysPerSecond: number;
}

/** Counts judgements and keeps a few examples. */
export class Tally {
  readonly #table: FeatureTable;
  readonly #counts = { same: 0, different: 0, missing: 0, unexpected: 0, stale: 0, pending: 0, expired: 0 };
  readonly #examples: VerifyExample[] = [];
  #pendingSinceUs: bigint | undefined;

  constructor(table: FeatureTable) {
    this.#table = table;
  }

  same(count: number): void {
    this.#counts.same += count;
  }

  add(judged: Judged): void {
    const { verdict, sight } = judged;
    if (verdict.is === 'gone') return;
    this.#counts[verdict.is] += 1;
    if (verdict.is === 'pending' && sight.newest !== undefined) this.#pendingFrom(sight.newest);
    if (!('fields' in verdict)) return;
    if (this.#examples.filter(({ is }) => is === verdict.is).length < limits.verifyExamples)
      this.#examples.push(this.#example(judged, verdict));
  }

  #pendingFrom(row: Uint8Array): void {
    const { eventUs, ingestUs } = decodeHeader(row);
    const dueUs = eventUs - BigInt(limits.allowedClockSkewMs) * 1_000n;
    const since = ingestUs > dueUs ? ingestUs : dueUs;
    if (this.#pendingSinceUs === undefined || since < this.#pendingSinceUs) this.#pendingSinceUs = since;
  }

  #example(
    { key, sight }: Judged,
    { is, fields, expected }: { is: Wrong; fields: readonly string[]; expected: Uint8Array | undefined },
  ): VerifyExample {
    const names = Object.keys(this.#table.joinKeys);
    const found = headerOf(sight.online);
    return {
      is,
      key: Object.fromEntries(names.map((name, index) => [name, this.#shown(name, key[index])])),
      fields,
      expected: expected === undefined ? undefined : isoTime(decodeHeader(expected).eventUs),
      found: found && { at: isoTime(found.eventUs), committed: found.committed, reflects: found.reflects },
    };
  }

  #shown(name: string, value: unknown): unknown {
    if (this.#table.joinKeys[name]?.kind === 'timestamp') return isoTime(value as bigint);
    if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`;
    return typeof value === 'bigint' ? value.toString() : value;
  }

  result({ cursor, reason, snapshot }: VerifyFacts, sample: VerifyResult['sample'], tookMs: number): VerifyResult {
    const counts = this.#counts;
    const keys = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const wrong = wrongs.some((is) => counts[is] > 0);
    return {
      view: this.#table.view,
      // Without a cursor nobody ever promised that the pending keys would be online; but then nothing was compared either.
      agrees: !wrong && (cursor !== undefined || counts.pending === 0),
      keys,
      ...counts,
      snapshot,
      cursor: cursor && { snapshot: cursor.snapshot, end: cursor.end.toISOString() },
      reason,
      pendingSince: this.#pendingSinceUs === undefined ? undefined : isoTime(this.#pendingSinceUs),
      sample,
      examples: [...this.#examples],
      tookMs,
      keysPerSecond: Math.round((keys * 1_000) / Math.max(1, tookMs)),
    };
  }
}

function isoTime(us: bigint): string {
  const ms = Number(us / 1_000n) - (us % 1_000n < 0n ? 1 : 0);
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${us} µs` : date.toISOString();
}
