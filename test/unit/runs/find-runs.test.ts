import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DefinitionError } from '../../../src/errors.js';
import { type RunFilter, Runs } from '../../../src/runs/index.js';
import { type TempLake, withTempLake } from '../../support/lake.js';

const many = 30_000;
let temp: TempLake;
let runs: Runs;

/** Runs of three pipelines, an hour each; every tenth failed, every hundredth is still at work. */
beforeAll(async () => {
  temp = await withTempLake();
  runs = new Runs(temp.lake);
  const table = temp.lake.system('run_events');
  const time = (hours: string) => `strftime(TIMESTAMP '2020-01-01' + to_hours(${hours}), '%Y-%m-%dT%H:%M:%S.000Z')`;
  await temp.lake.transaction({ message: 'many runs' }, async (session) => {
    await session.run(
      `INSERT INTO ${table}
       SELECT printf('run%05d', n), printf('workflow/%d', n % 5000), ['a', 'b', 'c'][n % 3 + 1],
         TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds(n), 'opened',
         json_object('interval', json_object('start', ${time('n')}, 'end', ${time('n + 1')}), 'registryVersion', 1,
           'views', ['v' || (n % 2)::VARCHAR, 'shared'], 'tags', CASE n % 4 WHEN 0 THEN ['nightly'] ELSE [] END,
           'retryOf', CASE WHEN n % 1000 = 10 THEN json_object('runId', printf('run%05d', n - 10)) END)
       FROM range(${many}) AS numbers(n)`,
    );
    await session.run(
      `INSERT INTO ${table}
       SELECT printf('run%05d', n), printf('workflow/%d', n % 5000), ['a', 'b', 'c'][n % 3 + 1],
         TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds(n + 5), 'closed',
         json_object('status', CASE WHEN n % 10 = 3 THEN 'failed' ELSE 'completed' END, 'published', n, 'steps', [], 'reports', json_object())
       FROM range(${many}) AS numbers(n) WHERE n % 100 <> 50`,
    );
  });
}, 60_000);
afterAll(() => temp.close());

const ids = async (filter: RunFilter): Promise<string[]> => (await runs.list(filter)).map(({ runId }) => runId);
const newest = (fits: (n: number) => boolean, count: number): string[] => {
  const found: string[] = [];
  for (let n = many - 1; n >= 0 && found.length < count; n -= 1)
    if (fits(n)) found.push(`run${String(n).padStart(5, '0')}`);
  return found;
};

describe('runs are found among many', () => {
  it.each<[string, RunFilter, (n: number) => boolean]>([
    ['all', {}, () => true],
    ['a pipeline', { pipeline: 'b' }, (n) => n % 3 === 1],
    ['a status', { status: 'failed' }, (n) => n % 10 === 3],
    ['those at work', { status: 'running' }, (n) => n % 100 === 50],
    ['a view', { view: 'v1' }, (n) => n % 2 === 1],
    ['a view of all', { view: 'shared' }, () => true],
    ['a tag', { tag: 'nightly' }, (n) => n % 4 === 0],
    [
      'all at once',
      { pipeline: 'a', status: 'completed', view: 'v0', tag: 'nightly' },
      (n) => n % 12 === 0 && n % 100 !== 50,
    ],
  ])('by %s', async (_, filter, fits) => {
    expect(await ids({ ...filter, limit: 7 })).toEqual(newest(fits, 7));
  });

  it('by an overlap of the data interval, without its neighbours', async () => {
    const hour = (n: number, minutes = 0) => new Date(Date.UTC(2020, 0, 1, n, minutes));
    expect(await ids({ from: hour(100), to: hour(102) })).toEqual(['run00101', 'run00100']);
    expect(await ids({ from: hour(100, 30), to: hour(101, 1) })).toEqual(['run00101', 'run00100']);
    expect(await ids({ from: hour(many - 1) })).toEqual([`run${many - 1}`]);
    expect(await ids({ to: hour(1) })).toEqual(['run00000']);
    expect(await ids({ from: hour(many) })).toEqual([]);
  });

  it('by nothing that quotes could make of a name', async () => {
    expect(await ids({ view: "v0' OR '1'='1" })).toEqual([]);
    expect(await ids({ tag: '"nightly"' })).toEqual([]);
  });

  it('as the newest of each pipeline, the ones that did one again, and where a pipeline began', async () => {
    expect((await runs.latest()).map(({ runId }) => runId).sort()).toEqual(newest(() => true, 3).sort());
    expect(await runs.retriesOf('run02000')).toEqual(['run02010']);
    expect(await runs.retriesOf('run02010')).toEqual([]);
    expect(await runs.firstStart('b')).toEqual(new Date(Date.UTC(2020, 0, 1, 1)));
    expect(await runs.firstStart('never')).toBeUndefined();
  });

  it('not by an id that fits several, which are named', async () => {
    await expect(runs.show('run0000')).rejects.toThrow(DefinitionError);
    await expect(runs.show('run0000')).rejects.toMatchObject({ mend: /run00000, run00001, .*…/ });
    await expect(runs.show('workflow/7')).rejects.toMatchObject({ mend: /run00007, run05007/ });
    expect((await runs.show('run00007')).runId).toBe('run00007');
  });
});
