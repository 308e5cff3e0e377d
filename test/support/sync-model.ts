import fc from 'fast-check';
import { expect } from 'vitest';
import type { FeatureTable } from '../../src/definitions/feature-table.js';
import { DefinitionError } from '../../src/index.js';
import { dueNow } from '../../src/sync/online-ends.js';
import { newestInLake, type TestStore } from './store.js';
import type { TestStream } from './stream.js';

export const users = [1, 2, 3, 4];
const hour = (n: number): string => new Date(Date.UTC(2024, 0, 1, n)).toISOString();

const row = fc.record({
  user_id: fc.constantFrom(...users),
  at: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 0, max: 9 }).map(hour) },
    { weight: 1, arbitrary: fc.constant('later') },
  ),
  made: fc.option(fc.integer({ min: 10, max: 12 }).map(hour)),
  a: fc.integer({ min: 0, max: 3 }),
  b: fc.constantFrom('x', 'y'),
});
const rows = fc.array(row, { minLength: 1, maxLength: 4 });
const end = fc.option(fc.integer({ min: 0, max: 12 }).map(hour), { nil: undefined });

/** Something that happens to the view `scores`. */
export const step = fc.oneof(
  fc.record({ do: fc.constantFrom('publish', 'stream', 'push'), rows }),
  fc.record({ do: fc.constant('delete'), user: fc.constantFrom(...users), a: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ do: fc.constant('update'), user: fc.constantFrom(...users), a: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ do: fc.constantFrom('incremental', 'full'), end }),
  fc.record({ do: fc.constant('window'), from: fc.integer({ min: 0, max: 5 }), to: fc.integer({ min: 5, max: 9 }) }),
  fc.record({ do: fc.constant('empty') }),
);
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A row dated in the future is dated an hour from now: never due in this test. */
const dated = <T extends { at: string }>(given: readonly T[]): T[] =>
  given.map((one) => (one.at === 'later' ? { ...one, at: new Date(Date.now() + 3_600_000).toISOString() } : one));

/** A project whose view `scores` goes through steps, each of which is checked against the rows of the lake, slowly and obviously. */
export class SyncModel {
  readonly #t: TestStore;
  readonly #stream: TestStream;
  #pushes = 0;

  constructor(t: TestStore, stream: TestStream) {
    this.#t = t;
    this.#stream = stream;
  }

  async expectOnline(table: FeatureTable, upTo: Date, of: readonly number[] = users): Promise<void> {
    expect(await this.#t.online('scores', of)).toEqual(await newestInLake(this.#t, table, of, upTo));
  }

  /** Keys with rows in the window get their newest row up to the run's end, which is after all that was online; others keep theirs. */
  async #takeWindow(table: FeatureTable, start: string, end: string): Promise<void> {
    const inWindow = await this.#t.store.lake.all<{ user_id: number }>(
      `SELECT DISTINCT user_id::INTEGER AS user_id FROM ${this.#t.store.lake.table('scores')}
       WHERE event_timestamp BETWEEN $1::TIMESTAMPTZ AND $2::TIMESTAMPTZ`,
      [start, end],
    );
    const named = inWindow.map(({ user_id }) => user_id);
    const others = users.filter((user) => !named.includes(user));
    const [all, kept] = [await this.#t.online('scores', users), await this.#t.online('scores', others)];
    const mode = { type: 'window', start: new Date(start), end: new Date(end) } as const;
    const [result] = await this.#t.store.materialize({ views: ['scores'], mode });
    expect(result).toMatchObject({ mode: 'window', keys: named.length });
    const upTo = new Date(result?.end ?? 0);
    for (const row of all) expect(Date.parse((row?.['at'] as string | undefined) ?? start)).toBeLessThanOrEqual(+upTo);
    await this.expectOnline(table, upTo, named);
    expect(await this.#t.online('scores', others)).toEqual(kept);
  }

  async take(table: FeatureTable, one: Step): Promise<void> {
    if ('rows' in one) {
      const given = dated(one.rows);
      const named = [...new Set(given.map(({ user_id }) => user_id))];
      if (one.do === 'publish') await this.#t.publish('scores', given);
      if (one.do === 'push') {
        await this.#t.store.steps.push('scores', this.#t.writeData('push.ndjson', given), `p${++this.#pushes}`);
        await this.expectOnline(table, dueNow(), named);
      }
      if (one.do === 'stream') {
        await this.#stream.send(...given);
        expect(await this.#stream.consume()).toMatchObject({ read: given.length, written: given.length });
      }
      return;
    }
    if (one.do === 'empty') return (await this.#t.store.online()).dropView('scores');
    if ('user' in one) {
      const where = `WHERE user_id = ${one.user} AND a = ${one.a}`;
      return this.#t.change(
        'scores',
        one.do === 'delete' ? `DELETE FROM {} ${where}` : `UPDATE {} SET b = 'z' ${where}`,
      );
    }
    if ('from' in one) return this.#takeWindow(table, hour(one.from), hour(one.to));
    const upTo = 'end' in one && one.end !== undefined ? new Date(one.end) : undefined;
    const run = this.#t.store.materialize({
      views: ['scores'],
      mode: { type: one.do as 'full' },
      ...(upTo && { end: upTo }),
    });
    const failure = await run.then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined) return this.expectOnline(table, upTo ?? dueNow());
    // Only an incremental run may refuse, and only an end that was asked for.
    expect(failure).toBeInstanceOf(DefinitionError);
    expect([one.do, upTo]).not.toContain('full');
    expect(upTo).toBeDefined();
  }
}
