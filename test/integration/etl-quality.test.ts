import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { DataError } from '../../src/index.js';
import { TestStore } from '../support/store.js';

const hour = (n: number): string => new Date(Date.UTC(2024, 0, 1, n)).toISOString();
const rows = (count: number, a: (n: number) => number | null) =>
  Array.from({ length: count }, (_, n) => ({ user_id: n, at: hour(n), made: hour(n), a: a(n), b: `b${n}` }));

describe('expectations in the pipeline', () => {
  let t: TestStore;
  let target: { runId: string; view: string; pipeline: string };
  afterEach(() => t.close());

  /** Opens a project with expectations about `stats` and ingests its rows. */
  async function prepare(expectations: string, data: readonly object[]): Promise<void> {
    t = await TestStore.open({ expect: expectations });
    t.writeData('stats.ndjson', data);
    target = { runId: randomUUID(), view: 'stats', pipeline: 'load' };
    const pipeline = t.store.repo.pipelines.get('load');
    if (pipeline === undefined) throw new Error('no pipeline');
    const { runId } = target;
    const nominalTime = new Date().toISOString();
    await t.store.runs.open({ pipeline, runId, workflowId: 'w', nominalTime, registryVersion: 1 }, async () => false);
    await t.store.steps.ingest(target);
    await t.store.steps.clean(target);
  }

  const explore = () => t.store.steps.exploreAndValidate(target);
  const failure = async (): Promise<DataError> => {
    const error = await explore().catch((failed: unknown) => failed);
    expect(error).toBeInstanceOf(DataError);
    return error as DataError;
  };
  const results = async () => (await t.store.steps.validationResults(target.runId))[0];
  const all = (table: string) => t.store.lake.all<Record<string, unknown>>(`FROM ${table}`);
  const published = () => all(t.store.lake.table('stats'));

  it('an error stops before publish; results, examples and report are kept', async () => {
    await prepare(
      "[between('a', 0, 10), notNull('b')]",
      rows(20, (n) => (n < 3 ? -n - 1 : n % 10)),
    );
    const error = await failure();
    expect(error.message).toMatch(
      /view stats: 1 of 2 expectations? failed: between\(a, 0, 10\): 3 of 20 rows\. Report: \S+report\.html/,
    );
    expect(error.mend).toContain(`asof runs show ${target.runId}`);
    expect(error.message.length + (error.mend?.length ?? 0)).toBeLessThan(1_000);
    const found = await results();
    expect(found).toMatchObject({ view: 'stats', quality: 'failed' });
    expect(found?.expectations[0]).toMatchObject({ failed: 3, passed: false, severity: 'error' });
    expect(found?.expectations[0]?.examples.map((row) => row['a'])).toEqual([-1, -2, -3]);
    expect(existsSync(path.join(t.root, found?.report ?? ''))).toBe(true);
    await expect(t.store.steps.publish(target)).rejects.toBeInstanceOf(DataError);
    expect(await published()).toEqual([]);
    expect(await all(t.store.lake.system('publications'))).toEqual([]);
    // Tried again, it says the same and keeps one record.
    expect((await failure()).message).toBe(error.message);
    expect(await t.store.steps.validationResults(target.runId)).toHaveLength(1);
  });

  it('a warning publishes all rows and marks the run', async () => {
    await prepare(
      "[between('a', 0, 10, { severity: 'warn' })]",
      rows(10, (n) => (n === 4 ? 99 : 1)),
    );
    expect(await explore()).toMatchObject({ quality: 'warned', rowsIn: 10, rowsOut: 10, quarantined: 0 });
    expect(await t.store.steps.publish(target)).toMatchObject({ published: 10 });
    expect((await results())?.quality).toBe('warned');
    const [publication] = await all(t.store.lake.system('publications'));
    expect(JSON.parse(String(publication?.['provenance']))).toMatchObject({ quality: 'warned' });
  });

  it('quarantine sets bad rows aside, in the transaction that publishes the others', async () => {
    const rules = "[between('a', 0, 10, { severity: 'quarantine' }), notNull('a', { severity: 'quarantine' })]";
    await prepare(
      rules,
      rows(40, (n) => (n === 4 ? 99 : n === 5 ? null : 1)),
    );
    expect(await explore()).toMatchObject({ quality: 'warned', rowsIn: 40, rowsOut: 38, quarantined: 2 });
    expect(await all(t.store.lake.system('quarantine'))).toEqual([]);
    const done = await t.store.steps.publish(target);
    expect(done).toMatchObject({ rowsIn: 38, published: 38 });
    const aside = await t.store.lake.all<{
      run_id: string;
      view_name: string;
      rule: string;
      row: string;
      snapshot: bigint;
    }>(`SELECT *, snapshot_id AS snapshot FROM ${t.store.lake.system('quarantine')} ORDER BY "row"`);
    expect(aside.map(({ rule }) => rule).sort()).toEqual(['between(a, 0, 10)', 'notNull(a)']);
    expect(
      aside.every(({ run_id, view_name, snapshot }) => {
        return run_id === target.runId && view_name === 'stats' && Number(snapshot) === done.snapshot;
      }),
    ).toBe(true);
    expect(aside.map(({ row }) => (JSON.parse(row) as { user_id: number }).user_id).sort()).toEqual([4, 5]);
    // Good and quarantined are what was read; doing it again adds neither.
    expect((await published()).length + aside.length).toBe(40);
    await t.store.steps.publish(target);
    expect(await all(t.store.lake.system('quarantine'))).toHaveLength(2);
    expect((await results())?.profile.rows).toBe(38);
  });

  it('too many quarantined rows end the run; results, examples and report are kept', async () => {
    await prepare(
      "[between('a', 0, 10, { severity: 'quarantine' })]",
      rows(20, (n) => (n < 5 ? 99 : 1)),
    );
    const error = await failure();
    expect(error.message).toMatch(
      /^view stats: 5 of 20 rows break quarantine rules, more than 10%: between.*Report: \S+report\.html$/,
    );
    expect(error.mend).toContain('nothing was published');
    const found = await results();
    expect(found).toMatchObject({ quality: 'failed', profile: { rows: 20 } });
    expect(found?.expectations[0]).toMatchObject({ failed: 5, passed: false });
    expect(found?.expectations[0]?.examples).toHaveLength(5);
    expect(existsSync(path.join(t.root, found?.report ?? ''))).toBe(true);
    await expect(t.store.steps.publish(target)).rejects.toBeInstanceOf(DataError);
    expect(await published()).toEqual([]);
    expect(await all(t.store.lake.system('quarantine'))).toEqual([]);
  });

  it('several views of one run keep to themselves', async () => {
    await prepare(
      '[]',
      rows(3, (n) => n),
    );
    t.writeData(
      'scores.ndjson',
      rows(2, (n) => n * 10),
    );
    const other = { ...target, view: 'scores' };
    await t.store.steps.ingest(other);
    await t.store.steps.clean(other);
    for (const each of [target, other]) await t.store.steps.exploreAndValidate(each);
    expect(await t.store.steps.publish(other)).toMatchObject({ published: 2 });
    expect(await t.store.steps.publish(target)).toMatchObject({ published: 3 });
    expect((await t.store.steps.validationResults(target.runId)).map(({ view }) => view).sort()).toEqual([
      'scores',
      'stats',
    ]);
  });
});
