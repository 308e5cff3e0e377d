import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DefinitionError } from '../../src/errors.js';
import { type Lake, listLetGo, type Session, takePin } from '../../src/lake/index.js';
import { checkSnapshot, readAsOf } from '../../src/lake/snapshots.js';
import { ageStore } from '../support/age-lake.js';
import { onBothCatalogs } from '../support/catalogs.js';
import { newestInLake, TestStore } from '../support/store.js';

const hour = 3_600_000;
const at = (n: number): string => new Date(Date.UTC(2024, 0, 1, n)).toISOString();
const users = Array.from({ length: 20 }, (_, n) => n + 1);
/** Few enough for a run that looks at nothing else. */
const changed = users.slice(0, 6);

onBothCatalogs('upkeep, when others come in between', (engines, catalog) => {
  let t: TestStore;
  let lake: Lake;
  beforeEach(async () => {
    t = await TestStore.open({}, await engines());
    lake = t.store.lake;
    const change = (user_id: number, n: number) => t.publish('stats', [{ user_id, at: at(n), a: n, b: 'x' }]);
    await t.publish(
      'stats',
      users.map((user_id) => ({ user_id, at: at(0), a: 0, b: 'x' })),
    );
    await t.store.materialize({ views: ['stats'] });
    await age();
    for (const user of changed) await change(user, user);
    await age();
    await change(1, 30);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await t.close();
  });

  const age = (): Promise<void> => ageStore(t, 'stats', 3 * hour);
  const snapshots = async (): Promise<number[]> =>
    (
      await lake.all<{ id: bigint }>(`SELECT snapshot_id AS id FROM ${lake.metadata('ducklake_snapshot')} ORDER BY id`)
    ).map(({ id }) => Number(id));
  /** Each as often as it is noted. */
  const listed = async (table: 'thinned_snapshots' | 'expiring_snapshots'): Promise<number[]> =>
    (
      await lake.all<{ id: bigint }>(
        `SELECT unnest(range("first", "last" + 1)) AS id FROM ${lake.system(table)} ORDER BY id`,
      )
    ).map(({ id }) => Number(id));
  const thinned = (): Promise<number[]> => listed('thinned_snapshots');
  /** What others do once the work of one of upkeep's transactions is done, before it is committed. */
  function beforeCommit(message: string, others: (transaction: Lake['transaction']) => Promise<unknown>): void {
    const transaction = lake.transaction.bind(lake) as Lake['transaction'];
    vi.spyOn(lake, 'transaction').mockImplementation((options, work) =>
      options.message !== `upkeep: ${message}`
        ? transaction(options, work)
        : transaction(options, async (session: Session) => {
            const result = await work(session);
            await others(transaction);
            return result;
          }),
    );
  }
  const isRight = async (): Promise<void> => {
    expect(await t.store.materialize({ views: ['stats'] })).toMatchObject([{ mode: 'incremental', reason: undefined }]);
    expect(await t.online('stats', users)).toEqual(await newestInLake(t, await t.table('stats'), users, new Date()));
  };

  it('is finished by the next one when it was killed after it let snapshots go', async () => {
    const before = await snapshots();
    beforeCommit('expire snapshots', () => Promise.reject(new Error('killed')));
    await expect(t.store.upkeep.maintain()).rejects.toThrow('killed');
    vi.restoreAllMocks();
    const going = await listLetGo(lake);
    expect(going.length).toBeGreaterThan(3);
    expect(await snapshots()).toEqual(expect.arrayContaining(before));
    // Readers of the change feed find no gap, as nothing is gone.
    await isRight();
    const { expiredSnapshots, notes } = await t.store.upkeep.maintain();
    expect(notes).toEqual([]);
    const after = new Set(await snapshots());
    expect(before.filter((id) => !after.has(id))).toEqual(going);
    expect(expiredSnapshots).toBe(going.length);
    expect(new Set(await thinned()).size).toBe((await thinned()).length);
    await isRight();
    // What is gone is no longer kept in mind once others are let go.
    await t.publish('stats', [{ user_id: 1, at: at(40), a: 1, b: 'y' }]);
    await age();
    await t.publish('stats', [{ user_id: 1, at: at(41), a: 1, b: 'y' }]);
    expect((await t.store.upkeep.maintain()).expiredSnapshots).toBeGreaterThan(0);
    for (const id of await listed('expiring_snapshots')) expect(going).not.toContain(id);
  });

  it('refuses pins of snapshots that were let go, and reads of a time go to the ones that stay', async () => {
    beforeCommit('expire snapshots', () => Promise.reject(new Error('killed')));
    await expect(t.store.upkeep.maintain()).rejects.toThrow('killed');
    vi.restoreAllMocks();
    const going = await listLetGo(lake);
    const last = going.at(-1) as number;
    await expect(takePin(lake, { snapshot: last, reason: 'test', forMs: hour })).rejects.toBeInstanceOf(
      DefinitionError,
    );
    await expect(checkSnapshot(lake, last)).rejects.toThrow(`no snapshot ${last}`);
    const [found] = await lake.all<{ at: Date }>(
      `SELECT snapshot_time::TIMESTAMPTZ AS at FROM ${lake.metadata('ducklake_snapshot')} WHERE snapshot_id = $1`,
      [BigInt(last)],
    );
    const read = await readAsOf(lake, { asOfTime: found?.at }, async (snapshot) => snapshot);
    expect(going).not.toContain(read);
    expect(read).toBeLessThan(last);
  });

  // On SQLite nobody commits while another is in a transaction.
  if (catalog === 'SQLite') return;
  describe('before each of its commits', () => {
    const rival = (transaction: Lake['transaction'], n: number) =>
      transaction({ message: 'rival' }, (session) =>
        session.run(
          `INSERT INTO ${lake.table('stats')} (user_id, event_timestamp, a, b, _ingest_time, _ingest_position)
           VALUES (${changed[n % changed.length]}, TIMESTAMPTZ '${at(100 + n)}', ${n}, 'rival', now(), ${n})`,
        ),
      );

    it.each(['let go of snapshots', 'expire snapshots'])(
      '%s: what is told as expired is, and noted once',
      async (step) => {
        let rivals = 0;
        beforeCommit(step, async (transaction) => {
          rivals += 1;
          if (rivals > 20) throw new Error('upkeep comes to no end');
          await rival(transaction, rivals);
        });
        const before = await snapshots();
        const { expiredSnapshots, kept, notes } = await t.store.upkeep.maintain();
        vi.restoreAllMocks();
        expect(rivals).toBeGreaterThan(0);
        expect(notes).toEqual([]);
        const after = new Set(await snapshots());
        const gone = before.filter((id) => !after.has(id));
        expect(gone.length).toBeGreaterThan(3);
        expect(expiredSnapshots).toBe(gone.length);
        expect(await thinned()).toEqual(gone);
        expect(kept).toMatchObject({ 'online cursor': 1 });
        await isRight();
        expect((await t.store.upkeep.maintain()).expiredSnapshots).toBe(0);
        await isRight();
      },
    );

    it('leaves a snapshot that was pinned meanwhile', async () => {
      const before = await snapshots();
      const pinned = before.at(-5) as number;
      let pins = 0;
      beforeCommit('let go of snapshots', async () => {
        pins += 1;
        if (pins === 1) await takePin(lake, { snapshot: pinned, reason: 'test', forMs: hour });
      });
      const { expiredSnapshots, kept, notes } = await t.store.upkeep.maintain();
      vi.restoreAllMocks();
      expect([pins, notes]).toEqual([2, []]);
      expect(kept).toMatchObject({ pinned: 1 });
      const after = await snapshots();
      expect(after).toContain(pinned);
      expect(await thinned()).not.toContain(pinned);
      expect(expiredSnapshots).toBe(before.filter((id) => !after.includes(id)).length);
      expect(expiredSnapshots).toBeGreaterThan(0);
      await isRight();
    });
  });
});
