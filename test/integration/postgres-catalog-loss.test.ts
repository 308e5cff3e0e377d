import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AsofError, StoreUnavailableError } from '../../src/errors.js';
import { Session } from '../../src/lake/index.js';
import { runPostgres } from '../../src/toolchain/services/index.js';
import { createWriterTables, startWriter, written } from '../support/catalog-writers.js';
import { type TempLake, withTempLake } from '../support/lake.js';
import { lacks, startPostgres, type TestPostgres } from '../support/services.js';

describe.skipIf(lacks('postgres'))('a Postgres catalog that goes away', () => {
  let server: TestPostgres;
  let temp: TempLake;
  let made = 0;
  const url = (): string => server.url(`loss_${made}`);
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    await start();
    made += 1;
    await server.createDatabase(`loss_${made}`);
    temp = await withTempLake({ type: 'postgres', url: url() });
    const { lake } = temp;
    await lake.transaction({ message: 'table' }, (session) =>
      session.run(`CREATE TABLE ${lake.table('t')} (i INTEGER)`),
    );
  });
  afterEach(() => temp.close());

  /** After a kill its last sessions take a moment to go, and the next server waits for nobody. */
  const start = async (): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await server.server.start();
      } catch (error) {
        if (attempt === 20 || !/pre-existing shared memory/.test(String(error))) throw error;
        await sleep(200);
      }
    }
  };
  const insert = (value: number, before?: (session: Session) => Promise<void>) =>
    temp.lake.transaction({ message: `insert ${value}` }, async (session) => {
      await session.run(`INSERT INTO ${temp.lake.table('t')} VALUES (${value})`);
      await before?.(session);
    });
  const values = async (): Promise<unknown[]> =>
    (await temp.lake.all<{ i: number }>(`SELECT i FROM ${temp.lake.table('t')} ORDER BY i`)).map(({ i }) => i);
  const failure = (work: Promise<unknown>): Promise<AsofError> =>
    work.then(
      () => {
        throw new Error('it went through');
      },
      (error: unknown) => error as AsofError,
    );

  it('says so, and the same lake works on when the server is back', async () => {
    const session = await temp.lake.session();
    await insert(1);
    await server.server.kill();
    for (const error of [
      await failure(values()),
      await failure(insert(2)),
      await failure(session.all(`SELECT * FROM ${temp.lake.table('t')}`)),
    ]) {
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(error.message).toContain('the connection to Postgres is lost');
      expect(error.message).not.toMatch(/INSERT|SELECT|only-for-tests/);
      expect(error.mend).toContain('see that Postgres runs');
    }
    await start();
    expect(await values()).toEqual([1]);
    await insert(3);
    expect(await session.all(`SELECT count(*)::INTEGER AS n FROM ${temp.lake.table('t')}`)).toEqual([{ n: 2 }]);
    session.close();
    expect(await values()).toEqual([1, 3]);
  });

  it('keeps nothing of a transaction that was cut in the middle, nor one that loses the server before its commit', async () => {
    const inWork = await failure(
      insert(1, async (session) => {
        await server.server.kill();
        await session.all(`SELECT * FROM ${temp.lake.table('t')}`);
      }),
    );
    expect(inWork).toBeInstanceOf(StoreUnavailableError);
    await start();
    const back = sleep(1_500).then(() => start());
    const atCommit = await failure(insert(2, () => server.server.kill()));
    await back;
    expect(atCommit).toBeInstanceOf(StoreUnavailableError);
    expect(atCommit.mend).toContain('nothing was written');
    expect(await values()).toEqual([]);
    await insert(3);
    expect(await values()).toEqual([3]);
  });

  it('finds the commit whose answer was lost', async () => {
    // The commit arrives, the answer does not: the statement runs, then fails as a cut connection does.
    const run = Session.prototype.run;
    let lost = 0;
    Session.prototype.run = async function (this: Session, sql, ...rest) {
      const changed = await run.call(this, sql, ...rest);
      if (sql === 'COMMIT' && lost === 0) {
        lost += 1;
        await server.server.kill();
        void sleep(1_000).then(() => start());
        throw new StoreUnavailableError('the connection to Postgres is lost: it went away in the middle of a commit');
      }
      return changed;
    };
    try {
      const { snapshot } = await insert(7);
      expect(snapshot).toBe(await temp.lake.currentSnapshot());
    } finally {
      Session.prototype.run = run;
    }
    expect(lost).toBe(1);
    expect(await values()).toEqual([7]);
  });

  it('ends a session that Postgres ended, and only that', async () => {
    await insert(1);
    const error = await failure(
      insert(2, async (session) => {
        await runPostgres(
          { ...server, database: `loss_${made}` },
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'loss_${made}' AND pid <> pg_backend_pid()`,
        );
        await session.all(`SELECT * FROM ${temp.lake.table('t')}`);
      }),
    );
    expect(error).toBeInstanceOf(StoreUnavailableError);
    await insert(3);
    expect(await values()).toEqual([1, 3]);
  });

  it('does not wait without end for a server that hangs, and works on when it moves again', async () => {
    await insert(1);
    const hung = await stopAll(server);
    const began = Date.now();
    try {
      const errors = await Promise.all([failure(values()), failure(insert(2))]);
      for (const error of errors) {
        expect(error).toBeInstanceOf(StoreUnavailableError);
        expect(error.message).toMatch(/does not answer|is lost/);
      }
      // The session that hangs is let go; another one is told at once, and takes no thread.
      const next = await failure(values());
      expect(next.message).toMatch(/does not answer/);
      // Not how quick it is, but that it is bounded: left alone it would wait for ever.
      expect(Date.now() - began).toBeLessThan(110_000);
    } finally {
      for (const pid of hung) process.kill(pid, 'SIGCONT');
    }
    await until(async () => (await values()).includes(1));
    await insert(3);
    expect((await values()).filter((value) => value !== 2)).toEqual([1, 3]);
  });

  it('loses and doubles nothing of three writers while it is killed again and again', async () => {
    const writers = 3;
    const rounds = 25;
    await createWriterTables(temp.lake, writers);
    const catalog = { type: 'postgres', url: url() } as const;
    const started = Array.from({ length: writers }, (_, me) =>
      startWriter({ stateDir: temp.stateDir, catalog, me, rounds }),
    );
    const all = Promise.all(started.map(({ result }) => result));
    let over = false;
    void all.finally(() => (over = true)).catch(() => undefined);
    let kills = 0;
    while (!over && kills < 4) {
      await sleep(1_500);
      if (over) break;
      await server.server.kill();
      kills += 1;
      await sleep(300);
      await start();
    }
    const results = await all;
    expect(kills).toBeGreaterThan(0);
    expect(results.reduce((sum, { away }) => sum + away, 0)).toBeGreaterThan(0);
    expect(await written(temp.lake, writers)).toEqual({
      rounds: [rounds, rounds, rounds],
      doubled: 0,
      head: writers * Math.ceil(rounds / 3),
    });
  });
});

/** Stops every process of the server, as a host that swaps or a debugger would. @returns their ids. */
async function stopAll({ server }: TestPostgres): Promise<number[]> {
  const root = server.pid as number;
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1] === String(root);
      } catch {
        return false;
      }
    })
    .map(Number);
  const all = [root, ...children];
  for (const pid of all) process.kill(pid, 'SIGSTOP');
  return all;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (;;) {
    if (await holds().catch(() => false)) return;
    await sleep(200);
  }
}
