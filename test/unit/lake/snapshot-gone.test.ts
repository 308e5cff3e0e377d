import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
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

it('a read whose file went is tried again, and says which one; others are told as they are', async () => {
  const { lake } = temp;
  await lake.transaction({ message: 'table' }, async (session) => {
    await session.run(`CREATE TABLE ${lake.table('files')} (n BIGINT)`);
    await session.run(`INSERT INTO ${lake.table('files')} SELECT range FROM range(1000)`);
  });
  const [file] = readdirSync(lake.dataDirectory('files'));
  rmSync(path.join(lake.dataDirectory('files'), file!));
  const again = lake.withSession((session) => session.all(`SELECT sum(n) FROM ${lake.table('files')}`));
  await expect(again).rejects.toBeInstanceOf(StoreUnavailableError);
  await expect(again).rejects.toMatchObject({
    message: `file ${file} went while it was read`,
    mend: expect.stringMatching(/try again.*backup/),
  });
  const staged = lake.all(`FROM read_parquet('${path.join(temp.stateDir, 'staging', 'r1', 'newest.parquet')}')`);
  await expect(staged).rejects.toMatchObject({ message: 'file newest.parquet went while it was read' });
  const elsewhere = lake.all(`SELECT * FROM read_parquet('${path.join(temp.stateDir, 'none.parquet')}')`);
  await expect(elsewhere).rejects.not.toBeInstanceOf(StoreUnavailableError);
});
