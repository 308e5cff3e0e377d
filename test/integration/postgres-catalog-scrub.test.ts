import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TempLake, withTempLake } from '../support/lake.js';
import { lacks, startPostgres, type TestPostgres } from '../support/services.js';

describe.skipIf(lacks('postgres'))('what is overwritten in a Postgres catalog', () => {
  let server: TestPostgres;
  let temp: TempLake;
  let url: string;
  const clients: pg.Client[] = [];
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url });
    clients.push(client);
    await client.connect();
    return client;
  };
  beforeAll(async () => {
    server = await startPostgres();
    url = await server.createDatabase('scrub');
    temp = await withTempLake({ type: 'postgres', url });
  });
  afterAll(async () => {
    for (const client of clients) await client.end();
    temp.close();
    await server.close();
  });

  it('does not make a reader wait for good that has a table on one connection and asks for it on another', async () => {
    const [holder, other, watch] = [await connect(), await connect(), await connect()];
    const read = 'SELECT count(*) FROM ducklake_snapshot';
    await holder.query('BEGIN');
    await holder.query(read);
    let isDone = false;
    const scrubbed = temp.lake.scrubCatalog().then(() => (isDone = true));
    // As DuckDB does it: the first one's transaction ends when the second one has answered.
    const asks = `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'VACUUM (FULL)%ducklake_snapshot' AND wait_event_type = 'Lock'`;
    while ((await watch.query(asks)).rowCount === 0) await sleep(10);
    expect((await other.query(read)).rowCount).toBe(1);
    expect(isDone).toBe(false);
    await holder.query('COMMIT');
    expect(await scrubbed).toBe(true);
  }, 60_000);
});
