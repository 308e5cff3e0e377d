import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { DataError, type DriftResult } from '../../src/index.js';
import { TestStore } from '../support/store.js';

const minute = (n: number): string => new Date(Date.UTC(2024, 0, 1, 0, n)).toISOString();

interface Batch {
  /** Minutes since the start of 2024 of the first row. */
  readonly from: number;
  readonly rows: number;
  readonly a?: (n: number) => number | null;
  readonly b?: (n: number) => string | null;
}

/** Spread evenly over 0..99, in no order; `b` has three values. */
const mixed = (n: number): number => (n * 37) % 100;
const batch = ({ from, rows, a = mixed, b = (n) => `b${mixed(n) % 3}` }: Batch) =>
  Array.from({ length: rows }, (_, n) => ({
    user_id: n % 7,
    at: minute(from + n),
    made: minute(from + n),
    a: a(n),
    b: b(n),
  }));

const day = 24 * 60;

describe('drift in the pipeline', () => {
  let t: TestStore;
  afterEach(() => t.close());
  const open = async (expectations: string): Promise<void> => {
    t = await TestStore.open({ expect: `[${expectations}]` });
  };

  /** Brings a batch to explore, and further when that accepts it. */
  async function run(data: readonly object[]) {
    t.writeData('stats.ndjson', data);
    const runId = randomUUID();
    const target = { runId, view: 'stats', pipeline: 'load' };
    const pipeline = t.store.repo.pipelines.get('load');
    if (pipeline === undefined) throw new Error('no pipeline');
    await t.store.runs.open(
      { pipeline, runId, workflowId: 'w', nominalTime: new Date().toISOString(), registryVersion: 1 },
      async () => false,
    );
    await t.store.steps.ingest(target);
    await t.store.steps.clean(target);
    const refused: unknown = await t.store.steps.exploreAndValidate(target).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refused === undefined) await t.store.steps.publish(target);
    const [found] = await t.store.steps.validationResults(runId);
    if (found === undefined) throw new Error('nothing was recorded');
    const rule = found.expectations[0];
    return { runId, refused, quality: found.quality, rule, drift: found.drift, report: found.report };
  }

  const columnOf = (drift: readonly DriftResult[], name: string) =>
    drift[0]?.columns.find(({ column }) => column === name);
  const published = async (): Promise<number> =>
    Number((await t.store.lake.one<{ n: bigint }>(`SELECT count(*) AS n FROM ${t.store.lake.table('stats')}`))?.n);

  it('the first run has nothing to compare with; the second is like it; the third warns and is published', async () => {
    await open('asof.noDrift({ against: asof.lastAcceptedRun() })');
    const first = await run(batch({ from: 0, rows: 300 }));
    expect(first).toMatchObject({ refused: undefined, quality: 'passed' });
    expect(first.rule).toMatchObject({
      expectation: 'noDrift(last accepted run)',
      severity: 'warn',
      passed: true,
      observed: null,
      note: 'nothing compared: no run was accepted yet',
    });
    expect(first.drift).toEqual([
      {
        reference: 'last accepted run',
        referenceDetail: 'no run was accepted yet',
        referenceRows: 0,
        rows: 300,
        columns: [],
      },
    ]);
    const second = await run(batch({ from: day, rows: 300, a: (n) => mixed(n + 5) }));
    expect(second).toMatchObject({ refused: undefined, quality: 'passed' });
    expect(second.rule).toMatchObject({ passed: true, failed: 0, observed: '0 of 2 columns' });
    expect(second.drift[0]).toMatchObject({ referenceRows: 300, rows: 300 });
    expect(second.drift[0]?.referenceDetail).toBe(
      `run ${first.runId}: event times from ${minute(0).replace('.000', '')} to ${minute(299).replace('.000', '')}`,
    );
    expect(second.drift[0]?.columns.map(({ column, method }) => [column, method])).toEqual([
      ['a', 'ks'],
      ['b', 'chi_squared'],
    ]);
    const third = await run(batch({ from: 2 * day, rows: 300, a: (n) => mixed(n) + 30 }));
    expect(third).toMatchObject({ refused: undefined, quality: 'warned' });
    expect(third.rule).toMatchObject({ passed: false, failed: 1, observed: '1 of 2 columns' });
    expect(third.rule?.note).toMatch(/^a \(Kolmogorov-Smirnov p /);
    // The reference is the second run, whose rows are not those of the first.
    expect(third.drift[0]).toMatchObject({ referenceRows: 300 });
    expect(third.drift[0]?.referenceDetail).toContain(second.runId);
    const a = columnOf(third.drift, 'a');
    expect(a).toMatchObject({ drifted: true, currentRows: 300, referenceRows: 300 });
    expect(a?.psi?.value).toBeGreaterThan(a?.psi?.floor ?? 1);
    if (a?.overlay?.kind !== 'bins') throw new Error('no bins');
    for (const side of ['current', 'reference'] as const)
      expect(a.overlay.bins.reduce((sum, bin) => sum + bin[side], 0)).toBeCloseTo(1, 9);
    expect(columnOf(third.drift, 'b')).toMatchObject({ drifted: false });
    expect(await published()).toBe(900);
    const report = path.join(t.root, third.report);
    expect(existsSync(report)).toBe(true);
    const page = readFileSync(report, 'utf8');
    expect(page).toContain('against last accepted run: 1 of 2 columns');
    expect(page).toContain(second.runId);
  });

  it('of severity error refuses the run, publishes nothing, and is no reference for the next', async () => {
    await open("asof.noDrift({ against: asof.lastAcceptedRun(), severity: 'error' })");
    const first = await run(batch({ from: 0, rows: 200 }));
    expect(first.refused).toBeUndefined();
    const shifted = batch({ from: day, rows: 200, a: (n) => mixed(n) * 5, b: () => 'new' });
    const second = await run(shifted);
    expect(second.refused).toBeInstanceOf(DataError);
    expect(String((second.refused as DataError).message)).toMatch(
      /1 of 1 expectation failed: noDrift\(last accepted run\): 2 of 2 columns drifted: a \(Kolmogorov-Smirnov p .*b \(chi-squared p /,
    );
    expect(second.quality).toBe('failed');
    expect(second.drift[0]?.columns.every(({ drifted }) => drifted)).toBe(true);
    expect(await published()).toBe(200);
    // Were the refused run the reference, its like would pass.
    expect((await run(shifted)).refused).toBeInstanceOf(DataError);
    const third = await run(batch({ from: 2 * day, rows: 200 }));
    expect(third.refused).toBeUndefined();
    expect(third.drift[0]?.referenceDetail).toContain(first.runId);
    expect(await published()).toBe(400);
  });

  it('a large reference is compared by distances; so many columns may drift', async () => {
    await open('asof.noDrift({ against: asof.lastAcceptedRun(), share: 0.5 })');
    await run(batch({ from: 0, rows: 1_500 }));
    const { rule, drift, quality } = await run(batch({ from: 2 * day, rows: 1_200, a: (n) => mixed(n) + 20 }));
    expect(columnOf(drift, 'a')).toMatchObject({ method: 'wasserstein', threshold: 0.1, pValue: null, drifted: true });
    // The mean moved by 20 less what the 300 rows more have; the deviation of 0..99 is 28.87.
    expect(columnOf(drift, 'a')?.statistic).toBeCloseTo(20 / 28.87, 2);
    expect(columnOf(drift, 'b')).toMatchObject({ method: 'jensen_shannon', drifted: false });
    expect(rule).toMatchObject({ passed: true, failed: 1, observed: '1 of 2 columns' });
    expect(quality).toBe('passed');
  });

  it('against a window of the history: its rows only, from the first moment on, without the last', async () => {
    const window = `asof.window('first_day', { from: '2024-01-01', to: '${minute(100)}' })`;
    await open(`asof.noDrift({ against: ${window}, columns: ['a'], severity: 'error' })`);
    const first = await run(batch({ from: 0, rows: 150 }));
    expect(first.refused).toBeUndefined();
    expect(first.rule).toMatchObject({ passed: true, expectation: 'noDrift(window first_day, a)', columns: ['a'] });
    expect(first.rule?.note).toMatch(/nothing compared: .* the view has no history yet/);
    const second = await run(batch({ from: day, rows: 100 }));
    expect(second.rule).toMatchObject({ passed: true, observed: '0 of 1 column' });
    expect(second.drift[0]).toMatchObject({ reference: 'window first_day', referenceRows: 100, rows: 100 });
    expect((await run(batch({ from: 2 * day, rows: 100, a: (n) => mixed(n) + 60 }))).refused).toBeInstanceOf(DataError);
    // What is deleted in the history is no part of a reference either.
    await t.store.lake.transaction({ message: 'forget a user' }, (session) =>
      session.run(`DELETE FROM ${t.store.lake.table('stats')} WHERE user_id = 3`),
    );
    expect((await run(batch({ from: 3 * day, rows: 100 }))).drift[0]?.referenceRows).toBe(86);
  });

  it('a window without rows breaks the rule, and says where there are some', async () => {
    await open("asof.noDrift({ against: asof.window('old', { from: '1999-01-01', to: '1999-02-01' }) })");
    await run(batch({ from: 0, rows: 20 }));
    const second = await run(batch({ from: day, rows: 20 }));
    expect(second.quality).toBe('warned');
    expect(second.rule).toMatchObject({ passed: false, observed: null });
    expect(second.rule?.note).toMatch(
      /nothing compared: event times from 1999-01-01.*: no rows; set the window within .* 2024-01-01 00:00:00\+00 to 2024-01-01 00:19:00\+00/,
    );
  });

  it('a batch without values is told of, not judged', async () => {
    await open('asof.noDrift({ against: asof.lastAcceptedRun() })');
    await run(batch({ from: 0, rows: 20 }));
    const second = await run(batch({ from: day, rows: 20, a: () => null }));
    expect(second.quality).toBe('passed');
    expect(columnOf(second.drift, 'a')).toMatchObject({ method: null, statistic: null, drifted: false, overlay: null });
    expect(columnOf(second.drift, 'a')?.note).toBe('this run has no value to compare; left out of this run: 20 nulls');
    expect(second.rule).toMatchObject({ passed: true, observed: '0 of 1 column' });
  });
});
