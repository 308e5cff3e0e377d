import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestStore } from '../support/store.js';

describe('the snapshot of a publication', () => {
  let t: TestStore;
  beforeAll(async () => {
    t = await TestStore.open();
  });
  afterAll(() => t.close());

  it('is known after upkeep removed records, wrote files anew and expired snapshots', async () => {
    const { lake } = t.store;
    const name = lake.system('publications');
    const published: [string, number][] = [];
    for (let n = 1; n <= 30; n += 1) {
      const { snapshot } = await t.publish('stats', [{ user_id: n, at: '2024-01-01T00:00:00Z', a: n, b: 'x' }]);
      const [row] = await lake.all<{ run_id: string }>(`SELECT run_id FROM ${name} WHERE snapshot_id = ${snapshot}`);
      published.push([row?.run_id as string, snapshot]);
    }
    // Publications of nothing, long ago.
    await lake.transaction({ message: 'long ago' }, async (session) => {
      for (let n = 0; n < 60; n += 1)
        await session.run(
          `INSERT INTO ${name} (run_id, table_name, recorded_at, counts, provenance)
           VALUES ($1, 'stats', now() - INTERVAL 200 DAYS, '{"published":0,"alreadyThere":1}', '{"source":"x"}')`,
          [randomUUID()],
        );
    });
    await t.store.upkeep.maintain();
    await t.store.upkeep.maintain();
    const known = await lake.all<{ run_id: string; snapshot: bigint; own: bigint }>(
      `SELECT run_id, coalesce(snapshot, snapshot_id) AS snapshot, snapshot_id AS own FROM ${name}`,
    );
    for (const [runId, snapshot] of published)
      expect([runId, Number(known.find((row) => row.run_id === runId)?.snapshot)]).toEqual([runId, snapshot]);
    // Else this proves nothing.
    expect(known.some(({ snapshot, own }) => snapshot !== own)).toBe(true);
  });
});
