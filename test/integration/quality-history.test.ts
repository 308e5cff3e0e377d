import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { DataError, DefinitionError, qualityHistory } from '../../src/index.js';
import { TestStore } from '../support/store.js';

describe('results per run and interval', () => {
  let t: TestStore;
  afterEach(() => t.close());

  /** Rows of one day: so many, of which so many are bad. @returns the run's id. */
  async function load(day: number, count: number, bad = 0, runId: string = randomUUID()): Promise<string> {
    const at = (n: number): string => new Date(Date.UTC(2024, 0, day, 1, 0, n)).toISOString();
    const data = Array.from({ length: count }, (_, n) => ({
      user_id: n,
      at: at(n),
      made: at(n),
      a: n < bad ? -1 : 1,
      b: 'x',
    }));
    t.writeData('stats.ndjson', data);
    const pipeline = t.store.repo.pipelines.get('load')!;
    const interval = { start: `2024-01-0${day}T00:00:00Z`, end: `2024-01-0${day + 1}T00:00:00Z` };
    const target = { runId, view: 'stats', pipeline: 'load' };
    const request = { pipeline, runId, workflowId: runId, nominalTime: interval.end, interval, registryVersion: 1 };
    await t.store.runs.open(request, async () => false);
    await t.store.steps.ingest(target);
    await t.store.steps.clean(target);
    const isBad = await t.store.steps.exploreAndValidate(target).then(
      () => false,
      (error: unknown) => {
        if (error instanceof DataError) return true;
        throw error;
      },
    );
    if (!isBad) await t.store.steps.publish(target);
    const status = isBad ? ('failed' as const) : ('completed' as const);
    await t.store.runs.close({ pipeline: 'load', runId, workflowId: runId, status, steps: [], published: 0 });
    return runId;
  }

  const shown = async (filter: { from?: Date; to?: Date; last?: number } = {}) => {
    const found = await qualityHistory(t.store, 'stats', { last: 20, ...filter });
    return {
      days: found.runs.map(({ interval }) => interval?.start.slice(8, 10)),
      hasOlder: found.hasOlder,
      rules: found.expectations.map(({ expectation, results }) => [expectation, results.map(({ status }) => status)]),
      found,
    };
  };

  it('tell since when a rule fails; rows are compared with the last accepted runs', async () => {
    t = await TestStore.open({
      expect: `[between('a', 0, 10, { warnAbove: 0, errorAbove: 0.5 }), asof.rowCountChange({ lastRuns: 2, atMost: 0.5 }),
        asof.freshness({ atMost: '23 hours' }), asof.customSql('few', 'SELECT * FROM rows WHERE a < 0', { severity: 'warn', tolerate: '2 rows' })]`,
    });
    await load(1, 10);
    await load(2, 12);
    const third = await load(3, 30);
    await load(4, 12, 3);
    await load(5, 12, 12);
    const { days, rules, found, hasOlder } = await shown();
    expect(days).toEqual(['01', '02', '03', '04', '05']);
    expect(hasOlder).toBe(false);
    expect(rules).toEqual([
      ['between(a, 0, 10)', ['passed', 'passed', 'passed', 'warned', 'failed']],
      ['rowCountChange(last 2 runs, at most 0.5)', ['passed', 'passed', 'failed', 'passed', 'passed']],
      ['freshness(event_timestamp, at most 23 hours)', ['passed', 'passed', 'passed', 'passed', 'passed']],
      ['customSql(few)', ['passed', 'passed', 'passed', 'warned', 'warned']],
    ]);
    const [, change, fresh] = found.expectations;
    expect(change?.results.map(({ note }) => note)).toEqual([
      '0 of 2 accepted runs before this one: nothing to compare with yet',
      '1 of 2 accepted runs before this one: nothing to compare with yet',
      '+173% against a mean of 11 rows in the last 2 accepted runs',
      // Not with the run that was refused.
      '+9.09% against a mean of 11 rows in the last 2 accepted runs',
      '+0% against a mean of 12 rows in the last 2 accepted runs',
    ]);
    // A run of the past is judged as of the end of its interval.
    expect(fresh?.results[0]?.note).toBe('judged as of 2024-01-02T00:00:00.000Z');
    expect((await shown({ from: new Date('2024-01-02'), to: new Date('2024-01-04') })).days).toEqual(['02', '03']);
    expect(await shown({ last: 2 })).toMatchObject({ days: ['04', '05'], hasOlder: true });
    // Judged again, the run has its results once.
    const again = async () => (await shown()).found.expectations.map(({ results }) => results.length);
    expect(await again()).toEqual([5, 5, 5, 5]);
    await expect(
      t.store.steps.exploreAndValidate({ runId: third, view: 'stats', pipeline: 'load' }),
    ).rejects.toBeInstanceOf(DataError);
    expect(await again()).toEqual([5, 5, 5, 5]);
  });

  it('plan and apply refuse what no run could judge, and nothing changes', async () => {
    t = await TestStore.open({ expect: "[notNull('a')]" });
    const { version } = await t.store.state();
    const copy = `[asof.customSql('out', "COPY rows TO 'x.csv'")]`;
    await expect(t.define({ expect: copy })).rejects.toThrow(
      /^featureView "stats": expectation customSql\(out\): it is no SELECT/,
    );
    await expect(t.store.plan()).rejects.toBeInstanceOf(DefinitionError);
    expect((await t.store.state()).version).toBe(version);
  });

  it('custom SQL that turns out bad at the data ends the run, and nothing is published', async () => {
    const cast = `[asof.customSql('cast', 'SELECT * FROM rows WHERE b::INTEGER > 1', { severity: 'quarantine' }), notNull('a')]`;
    t = await TestStore.open({ expect: cast });
    const runId = randomUUID();
    const error = await load(1, 3, 0, runId).catch((failed: unknown) => failed as DefinitionError);
    expect(error).toBeInstanceOf(DefinitionError);
    expect((error as DefinitionError).message).toMatch(/customSql\(cast\): not judged: Conversion Error.*report\.html/);
    expect((error as DefinitionError).mend).toContain(`asof retry ${runId} --from explore`);
    const rows = await t.store.lake.all(`FROM ${t.store.lake.table('stats')}`);
    expect(rows).toEqual([]);
    const { days, rules, found } = await shown();
    expect(days).toEqual(['01']);
    expect(rules).toEqual([
      ['customSql(cast)', ['error']],
      ['notNull(a)', ['passed']],
    ]);
    expect(found.expectations[0]?.results[0]?.note).toMatch(/^Conversion Error/);
    expect(await t.store.steps.validationResults(runId)).toMatchObject([{ quality: 'failed', profile: { rows: 3 } }]);
  });

  it('pushed rows are judged by what one row alone can break, warnings aside', async () => {
    t = await TestStore.open({
      expect: `[asof.lengthBetween('b', 1, 5), between('a', 0, 10, { warnAbove: 0, errorAbove: '1 rows' }),
        unique('b'), asof.monotonic('a'), asof.customSql('none', 'FROM rows'), rowCount({ min: 100 }),
        asof.meanBetween('a', 0, 1), asof.rowCountChange({ lastRuns: 1, atMost: 0 }), asof.freshness({ atMost: '1 second' })]`,
    });
    const row = (user_id: number, a: number, b: string): string =>
      JSON.stringify({ user_id, at: '2024-01-01T00:00:00Z', made: '2024-01-01T00:00:00Z', a, b });
    const push = (...rows: readonly string[]) => t.store.steps.push('stats', rows, randomUUID());
    await expect(push(row(1, 1, 'far too long'))).rejects.toThrow(
      /view stats: rows break the view's expectations: lengthBetween\(b, 1, 5\): 1 of 1 rows/,
    );
    await expect(push(row(1, 11, 'b'), row(2, 12, 'b'))).rejects.toThrow(/between\(a, 0, 10\): 2 of 2/);
    await push(row(1, 11, 'b'), row(2, 1, 'b'));
    expect(await t.store.lake.all(`FROM ${t.store.lake.table('stats')}`)).toHaveLength(2);
  });
});
