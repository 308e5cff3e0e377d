import { seededRandom } from './seeded-random.js';

/** One message of the proof: what is sent, and what must become of it. */
export interface ProofEvent {
  readonly partition: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly expected: Expected;
}

export type Expected =
  | { readonly type: 'row'; readonly user: number; readonly at: number; readonly score: number; readonly note: string }
  | { readonly type: 'dead letter'; readonly reason: RegExp };

type Row = Extract<Expected, { type: 'row' }>;

const partitions = 4;
const users = 3_000;
export const watermarkMs = 10 * 60_000;
const start = Date.UTC(2024, 0, 1);
const largest = 1024 * 1024;

/**
 * A topic's worth of events, the same for a seed: out of order in time, some of them sent twice, some too late, some unusable in
 * every way there is, one of almost and one of more than 1 MB. A user's events are in one partition, so that their order is one.
 */
export function proofEvents(seed: number, count: number): ProofEvent[] {
  const random = seededRandom(seed);
  const chance = (share: number): boolean => random() < share;
  const below = (n: number): number => Math.floor(random() * n);
  const newest = new Map<number, number>();
  const events: ProofEvent[] = [];
  const usable: (ProofEvent & { readonly row: Row })[] = [];

  /** By the watermark of its partition, as a reader sees it who reads in order. */
  const judged = (partition: number, row: Row): Expected => {
    const before = newest.get(partition);
    if (before !== undefined && row.at < before - watermarkMs) return { type: 'dead letter', reason: /^late/ };
    newest.set(partition, Math.max(before ?? 0, row.at));
    return row;
  };

  for (let n = 0; events.length < count; n += 1) {
    if (usable.length > 0 && chance(0.03)) {
      const again = usable[below(usable.length)] as (typeof usable)[number];
      events.push({ ...again, expected: judged(again.partition, again.row) });
      continue;
    }
    const user = below(users);
    const partition = user % partitions;
    const backMs = chance(0.05) ? below(60 * 60_000) : below(3 * 60_000);
    // Whole seconds: many rows of one user tie, and then the later offset wins.
    const at = Math.floor((start + n * 60 - backMs) / 1_000) * 1_000;
    const score = below(1_000_000) / 8;
    const note = events.length === Math.floor(count / 3) ? 'x'.repeat(largest - 200) : `n${n}`;
    const event = { user_id: user, at: new Date(at).toISOString(), score, note };
    const bad = spoiled(event, chance, below);
    if (events.length === Math.floor(count / 2)) {
      const value = JSON.stringify({ ...event, note: 'x'.repeat(largest) });
      events.push({ partition, key: String(user), value, expected: { type: 'dead letter', reason: /more than the/ } });
    } else if (bad !== undefined) {
      events.push({ partition, key: chance(0.3) ? null : String(user), ...bad });
    } else {
      const row: Row = { type: 'row', user, at, score, note };
      const key = chance(0.02) ? null : String(user);
      const made = { partition, key, value: JSON.stringify(event), expected: judged(partition, row) };
      events.push(made);
      if (note.length < 100) usable.push({ ...made, row });
    }
  }
  return events;
}

/** One in thirty is unusable. */
function spoiled(
  event: Record<string, unknown>,
  chance: (share: number) => boolean,
  below: (n: number) => number,
): Pick<ProofEvent, 'value' | 'expected'> | undefined {
  if (!chance(1 / 30)) return undefined;
  const letter = (value: string | null, reason: RegExp) => ({
    value,
    expected: { type: 'dead letter', reason } as const,
  });
  const text = JSON.stringify(event);
  switch (below(6)) {
    case 0:
      return letter(text.slice(0, 10 + below(20)), /not valid JSON/);
    case 1:
      return letter(JSON.stringify({ ...event, score: 'many' }), /"score" is a string/);
    case 2:
      return letter(JSON.stringify({ ...event, user_id: null }), /"user_id" is null/);
    case 3:
      return letter(JSON.stringify({ ...event, at: '2024-02-31T00:00:00Z' }), /not a possible ISO time/);
    case 4:
      return letter(JSON.stringify([event]), /a list, not an object/);
    default:
      return letter(null, /empty/);
  }
}

/** What must be online for each user: the newest of the usable events, of several at one time the one sent last. */
export function newestByUser(events: readonly ProofEvent[]): Map<number, { at: number; score: number; note: string }> {
  const newest = new Map<number, { at: number; score: number; note: string }>();
  for (const { expected } of events) {
    if (expected.type !== 'row') continue;
    const { user, at, score, note } = expected;
    if (at >= (newest.get(user)?.at ?? 0)) newest.set(user, { at, score, note });
  }
  return newest;
}
