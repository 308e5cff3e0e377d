import { afterAll, beforeAll, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../../src/errors.js';
import { catalog, lit } from '../../../src/lake/index.js';
import { type TempLake, withTempLake } from '../../support/lake.js';

let temp: TempLake;
beforeAll(async () => {
  temp = await withTempLake();
});
afterAll(() => temp.close());

it('a read of a snapshot that went is tried again, and says which one', async () => {
  const { lake } = temp;
  const make = await lake.transaction({ message: 'table' }, (session) =>
    session.run(`CREATE TABLE ${lake.table('t')} (n BIGINT)`),
  );
  await lake.transaction({ message: 'row' }, (session) => session.run(`INSERT INTO ${lake.table('t')} VALUES (1)`));
  const read = (snapshot: number) => lake.all(`SELECT n FROM ${lake.table('t')} AT (VERSION => ${snapshot})`);
  expect(await read(make.snapshot)).toEqual([]);
  await lake.transaction({ message: 'expire' }, (session) =>
    session.run(`CALL ducklake_expire_snapshots(${lit(catalog)}, versions => [${make.snapshot}])`),
  );
  await expect(read(make.snapshot)).rejects.toBeInstanceOf(StoreUnavailableError);
  await expect(read(make.snapshot)).rejects.toMatchObject({
    message: `snapshot ${make.snapshot} went while it was read`,
    mend: expect.stringContaining('try again'),
  });
});
