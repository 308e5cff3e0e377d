import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lake } from '../../src/lake/index.js';
import { runPostgres } from '../../src/toolchain/services/index.js';
import { builtProgram } from '../support/build.js';
import type { HostCommands } from '../support/catalog-host.js';
import { createWriterTables, startWriter, written } from '../support/catalog-writers.js';
import { lacks, startPostgres, type TestPostgres } from '../support/services.js';
import { definitionsText } from '../support/store.js';

const settings =
  "catalog: { type: 'postgres', url: env('ASOF_TEST_HOSTS_URL'), sharedPath: env('ASOF_TEST_HOSTS_SHARED') },";

/** A process with a project folder of its own. */
class Host {
  readonly root: string;
  readonly #child: ChildProcess;

  constructor(parent: string, name: string, environment: Record<string, string>) {
    this.root = path.join(parent, name);
    mkdirSync(path.join(this.root, 'feature_repo'), { recursive: true });
    mkdirSync(path.join(this.root, 'data'));
    writeFileSync(path.join(this.root, 'package.json'), '{}');
    writeFileSync(path.join(this.root, 'feature_repo/definitions.ts'), definitionsText({ settings }));
    this.#child = fork(builtProgram('test/support/catalog-host.ts'), [path.join(this.root, 'feature_repo')], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  ready(): Promise<unknown> {
    return this.#answer();
  }

  async ask<C extends keyof HostCommands>(
    command: C,
    ...args: Parameters<HostCommands[C]>
  ): Promise<Awaited<ReturnType<HostCommands[C]>>> {
    const answer = this.#answer();
    this.#child.send({ command, args });
    return (await answer) as Awaited<ReturnType<HostCommands[C]>>;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  async #answer(): Promise<unknown> {
    const [answer] = (await Promise.race([
      once(this.#child, 'message'),
      once(this.#child, 'exit').then(([code]) => [{ error: `the host ended with ${code}` }]),
    ])) as [{ result?: unknown; error?: string }];
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.result;
  }
}

describe.skipIf(lacks('postgres'))('hosts that share a lake on Postgres', () => {
  let server: TestPostgres;
  let root: string;
  let shared: string;
  let url: string;
  let hosts: readonly [Host, Host, Host];

  beforeAll(async () => {
    server = await startPostgres();
    url = await server.createDatabase('hosts');
    root = mkdtempSync(path.join(os.tmpdir(), 'asof-hosts-'));
    shared = path.join(root, 'shared');
    mkdirSync(shared);
    const environment = { ASOF_TEST_HOSTS_URL: url, ASOF_TEST_HOSTS_SHARED: shared };
    // All at once, on an empty database.
    hosts = ['a', 'b', 'c'].map((name) => new Host(root, name, environment)) as unknown as typeof hosts;
    await Promise.all(hosts.map((host) => host.ready()));
  }, 300_000);
  afterAll(async () => {
    for (const host of hosts ?? []) await host.close();
    await server.close();
    rmSync(root, { recursive: true, force: true });
  });

  const withLake = async <T>(work: (lake: Lake) => Promise<T>): Promise<T> => {
    const stateDir = path.join(root, 'test');
    const lake = await Lake.open({ stateDir, project: 'test', catalog: { type: 'postgres', url, sharedPath: shared } });
    try {
      return await work(lake);
    } finally {
      lake.close();
    }
  };

  it('apply here, run each step of a pipeline on another host, materialize and read on the third', async () => {
    const [a, b, c] = hosts;
    expect(await a.ask('apply')).toBe(1);
    const made = (user_id: number) => ({
      user_id,
      at: '2024-01-01T00:00:00Z',
      made: '2024-01-01T00:00:00Z',
      a: user_id,
      b: 'x',
    });
    // The source is seen by one host only.
    writeFileSync(
      path.join(a.root, 'data/stats.ndjson'),
      [1, 2, 3, 3].map((id) => `${JSON.stringify(made(id))}\n`).join(''),
    );
    await a.ask('openRun', 'run-1');
    expect(await a.ask('ingest', 'run-1')).toMatchObject({ rowsIn: 4 });
    expect(await b.ask('clean', 'run-1')).toMatchObject({ rowsOut: 3, duplicates: 1 });
    const explored = await c.ask('explore', 'run-1');
    expect(explored).toMatchObject({ rowsOut: 3, quality: 'passed' });
    expect(await b.ask('publish', 'run-1')).toMatchObject({ published: 3 });
    // Done again elsewhere, as after a lost answer: the same.
    expect(await a.ask('publish', 'run-1')).toMatchObject({ published: 3 });
    expect(await c.ask('materialize')).toBe(3);
    expect(await c.ask('online', 2)).toEqual([{ user_id: 2, a: 2, b: 'x' }]);
    expect(existsSync(path.join(shared, 'staging/run-1/stats'))).toBe(true);
    expect(existsSync(path.join(shared, 'reports/run-1/report.html'))).toBe(true);
    for (const host of hosts) expect(existsSync(path.join(host.root, '.asof/staging/run-1'))).toBe(false);
    expect(await withLake((lake) => lake.one(`SELECT count(*)::INTEGER AS n FROM ${lake.table('stats')}`))).toEqual({
      n: 3,
    });
  });

  it('publish into one view and append to one stream view at once: all of it is there once, and some had to try again', async () => {
    const [pushes, batches] = [6, 8];
    const counted = await Promise.all(
      hosts.map(async (host, me) => {
        await host.ask('appends', me, batches / 2);
        await host.ask('pushes', me, pushes);
        return host.ask('appends', me, batches / 2);
      }),
    );
    const rows = await withLake(async (lake) => ({
      stats: await lake.all(
        `SELECT b, count(*)::INTEGER AS n, count(DISTINCT (user_id, a))::INTEGER AS distinct FROM ${lake.table('stats')} WHERE b <> 'x' GROUP BY b ORDER BY b`,
      ),
      scores: await lake.all(
        `SELECT _partition AS p, count(*)::INTEGER AS n, count(DISTINCT _offset)::INTEGER AS distinct, max(_offset)::INTEGER AS last
         FROM ${lake.table('scores')} GROUP BY p ORDER BY p`,
      ),
    }));
    expect(rows.stats).toEqual(['0', '1', '2'].map((b) => ({ b, n: pushes * 10, distinct: pushes * 10 })));
    const last = batches * 20 - 1;
    expect(rows.scores).toEqual([0, 1, 2].map((p) => ({ p, n: batches * 20, distinct: batches * 20, last })));
    const again = counted.reduce((sum, { begun, committed }) => sum + begun - committed, 0);
    expect(again, 'transactions that were tried again').toBeGreaterThan(0);
  });

  it('three writers of one row, each in a process of its own: no round lost, none twice', async () => {
    const [writers, rounds] = [3, 20];
    await withLake((lake) => createWriterTables(lake, writers));
    const catalog = { type: 'postgres', url, sharedPath: shared } as const;
    const results = await Promise.all(
      Array.from({ length: writers }, (_, me) =>
        startWriter({ stateDir: path.join(root, `writer-${me}`), catalog, me, rounds }),
      ).map(({ result }) => result),
    );
    expect(results.reduce((sum, { attempts }) => sum + attempts, 0)).toBeGreaterThan(writers * rounds);
    expect(await withLake((lake) => written(lake, writers))).toEqual({
      rounds: [rounds, rounds, rounds],
      doubled: 0,
      head: writers * Math.ceil(rounds / 3),
    });
  });

  it('ten processes open an empty database at once: one lake', async () => {
    const fresh = await server.createDatabase('ten');
    const catalog = { type: 'postgres', url: fresh } as const;
    const stateDir = path.join(root, 'ten');
    const started = Array.from({ length: 10 }, (_, me) => startWriter({ stateDir, catalog, me, rounds: 0 }));
    const results = await Promise.all(started.map(({ result }) => result));
    expect(results).toHaveLength(10);
    const doubled = await runPostgres(
      { ...server, database: 'ten' },
      'SELECT DISTINCT key FROM ducklake_metadata GROUP BY key HAVING count(*) > 1',
    );
    expect(doubled).toEqual([]);
    const lake = await Lake.open({ stateDir, project: 'test', catalog });
    expect(await lake.one(`SELECT count(*)::INTEGER AS n FROM ${lake.system('lake')}`)).toEqual({ n: 1 });
    lake.close();
  });
});
