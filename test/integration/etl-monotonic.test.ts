import { randomUUID } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { DataError } from '../../src/index.js';
import { onBothCatalogs } from '../support/catalogs.js';
import { TestStore } from '../support/store.js';

type Event = readonly [user: number, hour: number, a: number | null];

const time = (hour: number): string => new Date(Date.UTC(2024, 0, 1, hour)).toISOString();

onBothCatalogs('monotonic across runs', (engines) => {
  let t: TestStore;
  afterEach(() => t.close());

  const open = async (expect: string, features?: string) => {
    t = await TestStore.open({ expect, ...(features === undefined ? {} : { features }) }, await engines());
  };

  /** Loads events. @returns how many were bad and how many were set aside. */
  async function load(...events: readonly Event[]): Promise<{ bad: number; aside: number }> {
    t.writeData(
      'stats.ndjson',
      events.map(([user_id, hour, a]) => ({ user_id, at: time(hour), made: time(hour), a, b: 'x' })),
    );
    const target = { runId: randomUUID(), view: 'stats', pipeline: 'load' };
    const pipeline = t.store.repo.pipelines.get('load');
    if (pipeline === undefined) throw new Error('no pipeline');
    const { runId } = target;
    const run = { pipeline, runId, workflowId: runId, nominalTime: time(24), registryVersion: 1 };
    await t.store.runs.open(run, async () => false);
    await t.store.steps.ingest(target);
    await t.store.steps.clean(target);
    const explored = await t.store.steps.exploreAndValidate(target).catch((error: unknown) => {
      if (error instanceof DataError) return undefined;
      throw error;
    });
    if (explored !== undefined) await t.store.steps.publish(target);
    const status = explored === undefined ? ('failed' as const) : ('completed' as const);
    await t.store.runs.close({ pipeline: 'load', runId, workflowId: runId, status, steps: [], published: 0 });
    const [found] = await t.store.steps.validationResults(runId);
    return { bad: found?.expectations[0]?.failed ?? -1, aside: explored?.quarantined ?? 0 };
  }

  it('compares the first event of an entity with the last one that was published before it', async () => {
    await open("[asof.monotonic('a', { severity: 'warn' }), asof.monotonic('a', { strict: true, severity: 'warn' })]");
    expect(await load([1, 1, 10], [1, 2, 20], [2, 1, 5])).toEqual({ bad: 0, aside: 0 });
    // Lower than the 20 of before; another entity has its own order, a new one none.
    expect(await load([1, 3, 19], [1, 4, 21], [2, 3, 6], [3, 3, 1])).toEqual({ bad: 1, aside: 0 });
    // A value that is missing is passed over, here and there.
    expect(await load([1, 5, null])).toEqual({ bad: 0, aside: 0 });
    expect(await load([1, 6, null], [1, 7, 20])).toEqual({ bad: 1, aside: 0 });
  });

  it('rows that are read again, or late, are compared with what came before them and not with what came after', async () => {
    await open("[asof.monotonic('a', { severity: 'warn' })]");
    await load([1, 1, 10]);
    await load([1, 5, 50], [1, 6, 60]);
    await load([1, 9, 90]);
    expect(await load([1, 5, 50], [1, 6, 60])).toEqual({ bad: 0, aside: 0 });
    // The same interval with other values: not compared with its own rows of before.
    expect(await load([1, 5, 20], [1, 6, 30])).toEqual({ bad: 0, aside: 0 });
    expect(await load([1, 5, 9], [1, 6, 30])).toEqual({ bad: 1, aside: 0 });
    // Late.
    expect(await load([1, 3, 11])).toEqual({ bad: 0, aside: 0 });
    expect(await load([1, 4, 10])).toEqual({ bad: 1, aside: 0 });
    // Nothing came before it.
    expect(await load([1, 0, 99])).toEqual({ bad: 0, aside: 0 });
  });

  it('what a run refused or set aside is no part of the order', async () => {
    await open("[asof.monotonic('a', { severity: 'quarantine' }), asof.between('a', 0, 1000)]");
    const many = (hour: number, a: number): Event[] => Array.from({ length: 20 }, (_, n) => [100 + n, hour, a]);
    await load([1, 1, 10], ...many(1, 1));
    expect(await load([1, 2, 9], ...many(2, 2))).toEqual({ bad: 1, aside: 1 });
    // Refused: 2000 is beyond the bounds.
    await load([1, 3, 2000], ...many(3, 3));
    expect(await load([1, 4, 10], ...many(4, 4))).toEqual({ bad: 0, aside: 0 });
    // Judged again, the row that was set aside still follows the 10.
    expect(await t.store.quarantine.release({}, { recheck: true })).toMatchObject({ released: 0 });
    await t.define({ expect: '[asof.monotonic("a", { tolerate: 0.5 })]' });
    expect(await t.store.quarantine.release({}, { recheck: true })).toMatchObject({
      stillHeld: [{ why: 'breaks monotonic(a), of which only runs tolerate 50%', rows: 1 }],
    });
  });

  it('knows NaN and other types', async () => {
    await open(
      "[asof.monotonic('a', { severity: 'warn' }), asof.monotonic('created_timestamp', { severity: 'warn' })]",
      'a: float32(), b: string()',
    );
    await load([1, 1, 1.5]);
    const file = t.store.lake.table('stats');
    await t.store.lake.withSession((session) =>
      session.run(
        `INSERT INTO ${file} (user_id, event_timestamp, created_timestamp, a, b, _ingest_time, _ingest_position)
       VALUES (1, '${time(2)}', '${time(8)}', 'NaN'::FLOAT, 'x', now(), 1)`,
      ),
    );
    expect(await load([1, 3, 1.25])).toEqual({ bad: 1, aside: 0 });
    const [newest] = await t.store.lake.all<{ failed: bigint }>(
      `SELECT failed FROM ${t.store.lake.system('expectation_results')} WHERE "position" = 1 ORDER BY recorded_at DESC LIMIT 1`,
    );
    expect(Number(newest?.failed)).toBe(1);
  });
});
