import { randomUUID } from 'node:crypto';
import type { Lake, Session } from '../lake/index.js';
import { type Digest, digestOf, type ForgottenKey } from './key.js';

export type ForgetState = 'opened' | 'removed' | 'expired' | 'proved' | 'incomplete';

/** What the lake remembers of a request: never the key. */
export interface ForgetRecord {
  readonly id: string;
  readonly state: ForgetState;
  /** ISO times. */
  readonly openedAt: string;
  readonly changedAt: string;
  /** Names of the join keys. */
  readonly joinKeys: readonly string[];
  readonly reason: string | undefined;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** All requests, the newest first. */
export async function listForgets(lake: Lake): Promise<ForgetRecord[]> {
  const rows = await lake.all<Row>(`SELECT * FROM ${lake.system('forgets')} ORDER BY recorded_at`);
  return [...new Set(rows.map(({ id }) => id))]
    .map((id) => rows.filter((row) => row.id === id))
    .map((states) => {
      const first = states[0] as Row;
      const last = states.at(-1) as Row;
      return {
        id: first.id,
        state: last.state,
        openedAt: first.recorded_at.toISOString(),
        changedAt: last.recorded_at.toISOString(),
        joinKeys: first.join_keys.split(', '),
        reason: first.reason ?? undefined,
        detail: JSON.parse(last.detail) as Record<string, unknown>,
      };
    })
    .reverse();
}

interface Row {
  readonly id: string;
  readonly recorded_at: Date;
  readonly state: ForgetState;
  readonly digest: string;
  readonly join_keys: string;
  readonly reason: string | null;
  readonly detail: string;
}

/** The record of one request, each state a row of its own. */
export class Requested {
  readonly id: string;
  /** When it was asked for first, where it is gone on with. */
  readonly since: Date | undefined;
  readonly #lake: Lake;
  readonly #digest: Digest;
  readonly #joinKeys: string;

  private constructor(lake: Lake, id: string, since: Date | undefined, digest: Digest, joinKeys: string) {
    this.#lake = lake;
    this.id = id;
    this.since = since;
    this.#digest = digest;
    this.#joinKeys = joinKeys;
  }

  /** Goes on with a request of the same keys that was not proved yet, or opens one. */
  static async open(
    lake: Lake,
    keys: readonly ForgottenKey[],
    { reason, env }: { reason?: string | undefined; env: NodeJS.ProcessEnv },
  ): Promise<Requested> {
    const joinKeys = [...new Set(keys.flatMap((key) => key.map(({ name }) => name)))].join(', ');
    const rows = await lake.all<Row>(`SELECT * FROM ${lake.system('forgets')} ORDER BY recorded_at`);
    for (const id of [...new Set(rows.map((row) => row.id))].reverse()) {
      const states = rows.filter((row) => row.id === id);
      const first = states[0] as Row;
      const known = JSON.parse(first.digest) as Digest;
      const digest = digestOf(keys, env, known.salt);
      if (digest.hash !== known.hash || states.at(-1)?.state === 'proved') continue;
      return new Requested(lake, id, first.recorded_at, digest, joinKeys);
    }
    const request = new Requested(lake, randomUUID(), undefined, digestOf(keys, env), joinKeys);
    await request.note('opened', {}, { reason });
    return request;
  }

  async note(
    state: ForgetState,
    detail: object,
    { reason, snapshot }: { reason?: string | undefined; snapshot?: number } = {},
  ): Promise<void> {
    await this.#lake.transaction({ message: `forget: ${state}` }, (session) =>
      this.noteIn(session, state, detail, { reason, snapshot }),
    );
  }

  /** Part of a transaction. */
  async noteIn(
    session: Session,
    state: ForgetState,
    detail: object,
    { reason, snapshot }: { reason?: string | undefined; snapshot?: number | undefined } = {},
  ): Promise<void> {
    await session.run(
      `INSERT INTO ${this.#lake.system('forgets')} (id, recorded_at, state, digest, join_keys, reason, snapshot, detail)
       VALUES ($1, now(), $2, $3, $4, $5, $6, $7)`,
      [
        ...[this.id, state, JSON.stringify(this.#digest), this.#joinKeys, reason ?? null],
        ...[snapshot === undefined ? null : BigInt(snapshot), JSON.stringify(detail)],
      ],
    );
  }
}
