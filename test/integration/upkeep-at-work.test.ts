import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tableColumns } from '../../src/definitions/feature-table.js';
import { whilePinned } from '../../src/lake/index.js';
import { ageLake } from '../support/age-lake.js';
import { builtProgram } from '../support/build.js';
import { onBothCatalogs } from '../support/catalogs.js';
import { TestStore } from '../support/store.js';

const at = (n: number): string => new Date(Date.UTC(2024, 0, 1) + n * 1_000).toISOString();
/** Fewer than ten rows stay in the SQLite catalog, until upkeep writes them to a file. */
const rowsPerBatch = 7;
const batches = 12;
const publications = 5;

onBothCatalogs('upkeep, while others are at work', (engines) => {
  let t: TestStore;
  beforeAll(async () => {
    t = await TestStore.open({}, await engines());
    await t.publish('stats', [{ user_id: 1, at: at(0), a: 1, b: 'first' }]);
  });
  afterAll(() => t.close());

  const count = async (view: string, at = ''): Promise<number> => {
    const { lake } = t.store;
    return Number((await lake.one<{ n: bigint }>(`SELECT count(*) AS n FROM ${lake.table(view)}${at}`))?.n);
  };

  /** A consumer's micro-batches, each one commit. */
  async function stream(): Promise<void> {
    const { offline } = await t.stores();
    const table = await t.table('scores');
    const ranges = [{ partition: 0, start: 0, end: 0 }];
    let [claim] = await offline.claimPartitions({ table, topic: t.topic, topicId: 'one', ranges });
    for (let batch = 0; batch < batches; batch += 1) {
      if (claim === undefined) throw new Error('no claim');
      const { nextOffset: from } = claim;
      const offsets = Array.from({ length: rowsPerBatch }, (_, n) => from + n);
      const value: Record<string, (offset: number) => unknown> = {
        user_id: (offset) => offset % 7,
        event_timestamp: (offset) => new Date(at(offset)),
        _ingest_time: (offset) => new Date(at(offset)),
        _ingest_position: (offset) => offset,
        _topic: () => t.topic,
        _partition: () => 0,
        _offset: (offset) => offset,
      };
      const columns = Object.keys(tableColumns(table)).map((name) => offsets.map(value[name] ?? (() => null)));
      const nextOffset = from + rowsPerBatch;
      const counts = { read: rowsPerBatch, written: rowsPerBatch, deadLetters: 0, dropped: 0, late: 0 };
      const progress = [{ claim, nextOffset, counts }];
      await offline.appendStreamBatch({ table, topic: t.topic, progress, columns, deadLetters: [] });
      claim = { ...claim, nextOffset };
    }
  }

  it('loses and doubles no row, and lets pinned readers read on', async () => {
    const pinned = await t.store.lake.currentSnapshot();
    let isDone = false;
    const writers = Promise.all([
      stream(),
      (async () => {
        for (let n = 1; n <= publications; n += 1) {
          await t.publish('stats', [{ user_id: n, at: at(n), a: n, b: 'published' }]);
        }
      })(),
    ]).finally(() => {
      isDone = true;
    });
    const reader = whilePinned(t.store.lake, { snapshot: pinned, reason: 'test', atOnce: true }, async () => {
      while (!isDone) {
        expect(await count('stats', ` AT (VERSION => ${pinned})`)).toBe(1);
        await sleep(50);
      }
    });
    let rounds = 0;
    while (!isDone) {
      await t.store.upkeep.maintain();
      await ageLake(t.store.lake, 2 * 3_600_000);
      rounds += 1;
    }
    await Promise.all([writers, reader]);
    const { expiredSnapshots, notes } = await t.store.upkeep.maintain();
    expect(notes).toEqual([]);
    expect(rounds + expiredSnapshots).toBeGreaterThan(1);
    const { lake } = t.store;
    expect(await count('stats')).toBe(1 + publications);
    expect(
      await lake.one(
        `SELECT count(*)::INTEGER AS n, count(DISTINCT _offset)::INTEGER AS offsets FROM ${lake.table('scores')}`,
      ),
    ).toEqual({
      n: batches * rowsPerBatch,
      offsets: batches * rowsPerBatch,
    });
    expect(await t.store.steps.eventTotals('scores')).toMatchObject({ written: batches * rowsPerBatch });
  });

  it('is finished by the next one when it was killed, and nothing is lost', async () => {
    const script = builtProgram('test/support/maintain-process.ts');
    const before = [await count('stats'), await count('scores')];
    for (const ms of [0, 40, 160]) {
      await t.publish('stats', [{ user_id: 100 + ms, at: at(ms), a: ms, b: 'more' }]);
      await ageLake(t.store.lake, 3 * 3_600_000);
      const child = spawn(process.execPath, [script, t.repo], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const gone = once(child, 'exit');
      await once(child.stdout, 'data');
      await sleep(ms);
      child.kill('SIGKILL');
      await gone;
      expect(await count('scores')).toBe(before[1]);
    }
    const { notes, after } = await t.store.upkeep.maintain();
    expect(notes).toEqual([]);
    expect(after.snapshots).toBeLessThan(40);
    expect([await count('stats'), await count('scores')]).toEqual([(before[0] ?? 0) + 3, before[1]]);
    await t.store.materialize();
    expect(await t.store.materialize()).toMatchObject([{ keys: 0 }, { keys: 0 }]);
    for (const view of ['stats', 'scores'])
      expect(await t.store.steps.checkOnline(view)).toMatchObject({ agrees: true });
  });
});
