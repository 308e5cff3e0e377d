import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../../src/config.js';
import { StoreUnavailableError } from '../../../src/errors.js';
import { type TempLake, withTempLake } from '../../support/lake.js';

describe('a transaction that takes too long', () => {
  let temp: TempLake;
  beforeAll(async () => {
    temp = await withTempLake();
    await temp.lake.transaction({ message: 'table' }, (session) =>
      session.run(`CREATE TABLE ${temp.lake.table('t')} (n BIGINT)`),
    );
  });
  afterAll(() => temp.close());

  const insert = () => `INSERT INTO ${temp.lake.table('t')} SELECT range FROM range(100)`;
  const rows = async (): Promise<number> =>
    Number((await temp.lake.one<{ n: bigint }>(`SELECT count(*) AS n FROM ${temp.lake.table('t')}`))?.n);

  it('is interrupted in its statement and rolled back', async () => {
    const slow = temp.lake.transaction({ message: 'a slow one', maxMs: 300 }, async (session) => {
      await session.run(insert());
      await session.run('SELECT count(*) FROM range(100000000) AS a, range(100000) AS b');
    });
    await expect(slow).rejects.toThrow(StoreUnavailableError);
    await expect(slow).rejects.toThrow(/"a slow one" took longer than/);
    expect(await rows()).toBe(0);
  });

  it('writes nothing afterwards, whatever its work goes on with', async () => {
    let refused: unknown;
    const slow = temp.lake.transaction({ message: 'waits', maxMs: 200 }, async (session) => {
      await session.run(insert());
      await sleep(400);
      refused = await session.run(insert()).catch((error: unknown) => error);
    });
    await expect(slow).rejects.toThrow(/took longer than/);
    await sleep(400);
    expect(refused).toBeInstanceOf(StoreUnavailableError);
    expect(await rows()).toBe(0);
    await temp.lake.transaction({ message: 'quick' }, (session) => session.run(insert()));
    expect(await rows()).toBe(100);
  });

  it('is over long before upkeep takes its files for orphans', () => {
    expect(2 * limits.transactionMaxMs).toBeLessThanOrEqual(limits.orphanAgeMinMs);
  });
});
