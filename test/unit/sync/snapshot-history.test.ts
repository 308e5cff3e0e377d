import { afterAll, beforeAll, expect, it } from 'vitest';
import { catalog, lit } from '../../../src/lake/index.js';
import { snapshotHistory } from '../../../src/sync/lake-state.js';
import { type TempLake, withTempLake } from '../../support/lake.js';

let temp: TempLake;
let first: number;
beforeAll(async () => {
  temp = await withTempLake();
  const { lake } = temp;
  first = await lake.currentSnapshot();
  for (let n = 1; n <= 10; n += 1)
    await lake.transaction({ message: `${n}` }, (session) =>
      session.run(`INSERT INTO ${lake.system('upkeep_runs')} (snapshot) VALUES (${n})`),
    );
  // 3 to 5 and 8 are gone.
  await lake.transaction({ message: 'expire' }, (session) =>
    session.run(
      `CALL ducklake_expire_snapshots(${lit(catalog)}, versions => [${[3, 4, 5, 8].map((n) => first + n).join(', ')}])`,
    ),
  );
});
afterAll(() => temp.close());

it.each([
  ['nothing is noted of what is gone', [], false],
  [
    'all of it',
    [
      [3, 5],
      [8, 8],
    ],
    true,
  ],
  [
    'all of it, in pieces and more than once',
    [
      [3, 4],
      [4, 5],
      [5, 5],
      [8, 8],
      [8, 8],
    ],
    true,
  ],
  [
    'also what is still there, and what is before and behind',
    [
      [-1, 0],
      [2, 6],
      [8, 9],
      [11, 12],
    ],
    true,
  ],
  ['a part', [[3, 5]], false],
  [
    'as many as are gone, others',
    [
      [3, 4],
      [8, 8],
      [9, 9],
    ],
    false,
  ],
  [
    'as many as are gone, one of them twice',
    [
      [4, 5],
      [5, 5],
      [8, 8],
    ],
    false,
  ],
] as [string, [number, number][], boolean][])('a gap is one that was not noted: %s', async (_, runs, unbroken) => {
  const { lake } = temp;
  const table = lake.system('thinned_snapshots');
  await lake.transaction({ message: 'noted' }, async (session) => {
    await session.run(`DELETE FROM ${table}`);
    for (const [from, to] of runs) await session.run(`INSERT INTO ${table} VALUES (${first + from}, ${first + to})`);
  });
  expect(await snapshotHistory(lake, first + 1, first + 10)).toMatchObject({ unbroken });
});

it('an end that is gone and not noted is a gap, and no stretch is whole that has none', async () => {
  const { lake } = temp;
  await lake.transaction({ message: 'noted' }, (session) =>
    session.run(`DELETE FROM ${lake.system('thinned_snapshots')}`),
  );
  const history = async (from: number, to: number) => (await snapshotHistory(lake, first + from, first + to)).unbroken;
  expect([await history(1, 2), await history(6, 7), await history(9, 9)]).toEqual([true, true, true]);
  expect([await history(5, 7), await history(6, 8), await history(3, 5)]).toEqual([false, false, false]);
});
