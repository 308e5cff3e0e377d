import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { builtProgram } from '../support/build.js';
import { onBothCatalogs } from '../support/catalogs.js';
import { TestStore } from '../support/store.js';

const hour = (n: number): string => new Date(Date.UTC(2024, 0, 1, n)).toISOString();
const bad = [3, 7];
const rows = Array.from({ length: 40 }, (_, n) => ({
  user_id: n,
  at: hour(n),
  made: hour(n),
  a: bad.includes(n) ? 99 : 1,
  b: `b${n}`,
}));
const rule = "between('a', 0, 10, { severity: 'quarantine' })";

onBothCatalogs('quarantined rows', (engines) => {
  let t: TestStore;
  afterEach(() => t.close());

  /** A run of the pipeline over the rows. @returns its id */
  async function load(data: readonly object[] = rows): Promise<string> {
    t.writeData('stats.ndjson', data);
    const target = { runId: randomUUID(), view: 'stats', pipeline: 'load' };
    const pipeline = t.store.repo.pipelines.get('load');
    if (pipeline === undefined) throw new Error('no pipeline');
    const interval = { start: hour(0), end: hour(24) };
    const opening = {
      pipeline,
      runId: target.runId,
      workflowId: 'w',
      nominalTime: hour(24),
      registryVersion: 1,
      interval,
    };
    await t.store.runs.open(opening, async () => false);
    await t.store.steps.ingest(target);
    await t.store.steps.clean(target);
    await t.store.steps.exploreAndValidate(target);
    await t.store.steps.publish(target);
    const steps: [] = [];
    await t.store.runs.close({
      pipeline: 'load',
      runId: target.runId,
      workflowId: 'w',
      status: 'completed',
      steps,
      published: 0,
    });
    return target.runId;
  }

  async function open(definitions: Parameters<typeof TestStore.open>[0] = { expect: `[${rule}]` }): Promise<void> {
    t = await TestStore.open(definitions, await engines());
  }

  const history = async (): Promise<number[]> => {
    const found = await t.store.lake.all<{ user_id: bigint }>(
      `SELECT user_id FROM ${t.store.lake.table('stats')} ORDER BY user_id`,
    );
    return found.map(({ user_id }) => Number(user_id));
  };
  const held = async () => (await t.store.quarantine.list({ state: 'held' })).rows;

  it('are kept with rule, value, source and run, and go into the history once, as a person says', async () => {
    await open();
    const runId = await load();
    expect((await history()).length + (await held()).length).toBe(rows.length);
    const [first, second] = await held();
    expect(first).toMatchObject({
      view: 'stats',
      state: 'held',
      broken: [{ rule: 'between(a, 0, 10)', columns: ['a'] }],
      values: { a: 99 },
      row: { user_id: 3, a: 99, b: 'b3', event_timestamp: '2024-01-01T03:00:00Z' },
      source: 'data/stats.ndjson',
      position: 4,
      runId,
      pipeline: 'load',
      interval: { start: hour(0), end: hour(24) },
      decidedAt: null,
    });
    const id = first?.id ?? '';
    expect(await t.store.quarantine.show([id.slice(0, 8)])).toEqual([first]);

    const released = await t.store.quarantine.release({ ids: [id] }, { reason: 'the sensor was new' });
    expect(released).toMatchObject({
      released: 1,
      stillHeld: [],
      notHeld: [],
      views: [{ published: 1, alreadyThere: 0 }],
    });
    expect(await history()).toEqual(rows.map(({ user_id }) => user_id).filter((n) => n !== 7));
    expect((await t.store.quarantine.show([id]))[0]).toMatchObject({
      state: 'released',
      decidedBy: released.views[0]?.runId,
      reason: 'the sensor was new',
    });
    // Online with the next materialize, as any late row.
    await t.store.materialize({ views: ['stats'] });
    expect(await t.online('stats', [3, 7])).toEqual([{ at: hour(3), a: 99, b: 'b3' }, undefined]);

    const again = await t.store.quarantine.release({ ids: [id] });
    expect(again).toMatchObject({ released: 0, notHeld: [{ id, state: 'released' }] });
    expect(await t.store.quarantine.drop({ ids: [id] })).toMatchObject({ dropped: 0, notHeld: [{ id }] });

    expect(await t.store.quarantine.drop({ rule: 'between(a' }, { reason: 'no such user' })).toEqual({
      dropped: 1,
      notHeld: [],
    });
    expect((await t.store.quarantine.show([second?.id ?? '']))[0]).toMatchObject({
      state: 'dropped',
      row: null,
      values: {},
    });
    expect(await held()).toEqual([]);
    expect(await t.store.quarantine.release({})).toMatchObject({ released: 0 });
    expect(await history()).not.toContain(7);
    const left = await t.store.lake.all(`SELECT 1 FROM ${t.store.lake.system('quarantine')} WHERE "row" LIKE '%b7%'`);
    expect(left).toEqual([]);
  });

  it('two who release the same rows at once: one does, and they are in the history once', async () => {
    await open();
    await load();
    const other = await t.another();
    try {
      const [mine, theirs, dropped] = await Promise.all([
        t.store.quarantine.release({}),
        other.quarantine.release({}),
        t.store.quarantine.drop({ view: 'stats' }),
      ]);
      expect(mine.released + theirs.released + dropped.dropped).toBe(2);
      expect([0, 2]).toContain(mine.released);
      const found = await history();
      expect(found).toHaveLength(38 + mine.released + theirs.released);
      expect(new Set(found).size).toBe(found.length);
      expect(await held()).toEqual([]);
    } finally {
      await other.close();
    }
  });

  it('killed at any moment, each released row is in the history once', async () => {
    await open();
    await load(Array.from({ length: 200 }, (_, n) => ({ ...rows[0], user_id: n, a: n < 12 ? 99 : 1 })));
    const script = builtProgram('test/support/release-process.ts');
    for (const wait of [0, 90, 250, undefined]) {
      const child = spawn(process.execPath, [script, t.repo], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      await once(child.stdout, 'data');
      if (wait !== undefined) {
        await sleep(wait);
        child.kill('SIGKILL');
      }
      await ended;
      const { rows: all } = await t.store.quarantine.list({ limit: 100 });
      const released = all.filter(({ state }) => state === 'released').map(({ row }) => Number(row?.['user_id']));
      expect(all).toHaveLength(12);
      expect((await history()).filter((n) => n < 12)).toEqual(released.sort((a, b) => a - b));
    }
    expect(await held()).toEqual([]);
    expect(await history()).toHaveLength(200);
  });

  it('a run that publishes meanwhile loses nothing', async () => {
    await open();
    await load();
    const other = await t.another();
    try {
      const later = rows.map((row) => ({ ...row, user_id: row.user_id + 100 }));
      const [released] = await Promise.all([other.quarantine.release({ since: new Date(0) }), load(later)]);
      const list = await t.store.quarantine.list();
      expect(list.total).toBe(4);
      expect((await history()).length + list.rows.filter(({ state }) => state === 'held').length).toBe(80);
      expect(list.rows.filter(({ state }) => state === 'released')).toHaveLength(released.released);
    } finally {
      await other.close();
    }
  });

  it('a row that two runs read and set aside is one in the history', async () => {
    await open();
    const first = await load();
    await load();
    expect(await held()).toHaveLength(4);
    expect(await t.store.quarantine.held({ run: first.slice(0, 8) })).toMatchObject({
      held: 2,
      views: [{ view: 'stats', rows: 2 }],
    });
    expect(await t.store.quarantine.release({ view: 'stats' })).toMatchObject({
      released: 4,
      views: [{ released: 4, published: 2, alreadyThere: 0 }],
    });
    expect(await history()).toHaveLength(40);
    await load();
    expect(await t.store.quarantine.release({})).toMatchObject({
      released: 2,
      views: [{ published: 0, alreadyThere: 2 }],
    });
    expect(await history()).toHaveLength(40);
  });

  it('--recheck releases those that keep the rules of now', async () => {
    await open();
    await load();
    expect(await t.store.quarantine.release({}, { recheck: true })).toMatchObject({
      released: 0,
      stillHeld: [{ view: 'stats', why: 'breaks between(a, 0, 10)', rows: 2 }],
    });
    await t.define({
      expect:
        "[between('a', 0, 99, { severity: 'quarantine' }), acceptedValues('b', ['b3'], { severity: 'quarantine' })]".replaceAll(
          'acceptedValues',
          'asof.acceptedValues',
        ),
    });
    expect(await t.store.quarantine.release({}, { recheck: true })).toMatchObject({
      released: 1,
      stillHeld: [{ why: 'breaks acceptedValues(b, [b3])', rows: 1 }],
    });
    expect(await history()).toContain(3);
    expect((await held()).map(({ row }) => row?.['user_id'])).toEqual([7]);
  });

  it('--recheck knows no tolerance and says so; what only warns holds up nobody', async () => {
    await open();
    await load();
    await t.define({
      expect: `[between('a', 0, 10, { tolerate: '10 rows' }), between('a', 0, 50, { warnAbove: 0.5, errorAbove: 0.75 }),
        between('a', 0, 11, { warnAbove: '1 rows' }), between('a', 0, 12, { severity: 'quarantine', tolerate: 0.5 })]`,
    });
    const { released, stillHeld } = await t.store.quarantine.release({}, { recheck: true });
    expect({ released, stillHeld }).toMatchObject({
      released: 0,
      stillHeld: [
        {
          why: 'breaks between(a, 0, 10), of which only runs tolerate 10 rows; between(a, 0, 50), of which only runs tolerate 75%; between(a, 0, 12)',
          rows: 2,
        },
      ],
    });
    await t.define({ expect: `[between('a', 0, 11, { warnAbove: '1 rows' })]` });
    expect(await t.store.quarantine.release({}, { recheck: true })).toMatchObject({ released: 2, stillHeld: [] });
  });

  it('--recheck judges by custom SQL, which sees the columns of the view', async () => {
    await open();
    await load();
    await t.define({
      expect: `[asof.customSql('a_is_small', "SELECT * FROM rows WHERE a > 50 AND b <> 'b3'")]`,
    });
    const all = await held();
    const released = await t.store.quarantine.release({}, { recheck: true });
    expect(released).toMatchObject({ stillHeld: [{ why: 'breaks customSql(a_is_small)', rows: 1 }] });
    expect(released.released).toBe(all.length - 1);
  });

  it('rows that no longer fit their view, or whose view is gone, stay held and say why', async () => {
    await open();
    await load();
    await t.define({ expect: '[]', features: 'a: string(), b: string(), c: float64()' });
    expect(await t.store.quarantine.release({})).toMatchObject({
      released: 0,
      stillHeld: [{ why: 'column a was INTEGER, the view says VARCHAR now', rows: 2 }],
    });
    const file = path.join(t.repo, 'definitions.ts');
    const text = readFileSync(file, 'utf8');
    writeFileSync(
      file,
      text
        .replace("featureView({ name: 'stats'", "featureView({ name: 'others'")
        .replace("['stats', 'scores']", "['scores']"),
    );
    await t.reopen();
    expect(await t.store.quarantine.release({})).toMatchObject({
      released: 0,
      stillHeld: [{ view: 'stats', why: expect.stringMatching(/"stats".*no history to put them into$/), rows: 2 }],
    });
    await t.define({ expect: '[]', features: 'a: int64(), b: string(), c: float64()' });
    expect(await t.store.quarantine.release({})).toMatchObject({ released: 2, stillHeld: [] });
  });
});
