import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tableName } from '../../src/definitions/feature-table.js';
import { startBackfill } from '../../src/temporal/index.js';
import type { BackfillState } from '../../workflows/lib/backfill-progress.js';
import { hour, hourlyProject } from '../support/hourly-project.js';
import type { TestStore } from '../support/store.js';
import { killWorker, spawnWorker, startTemporal, stopWorker, type TestTemporal } from '../support/temporal.js';

const users = [1, 2, 3, 4, 5, 6, 7];

describe('a backfill', () => {
  let temporal: TestTemporal;
  let project: TestStore;
  let worker: ChildProcess;

  beforeAll(async () => {
    temporal = await startTemporal();
    project = await hourlyProject(12);
    worker = await spawnWorker(project.repo, temporal.address);
  });
  afterAll(async () => {
    await stopWorker(worker);
    await project.close();
    await temporal.close();
  });

  it('goes on when its worker is killed, and brings what one plain run would bring', async () => {
    const { handle } = await startBackfill(temporal.client, project.store.project, {
      ...{ pipeline: 'hours', only: 'missing', parallel: 4, reverse: false, from: hour(0), to: hour(12) },
    });
    const done = async (): Promise<number> => (await handle.query<BackfillState>('backfill')).counts.done;
    while ((await done()) < 2) await sleep(50);
    await killWorker(worker);
    worker = await spawnWorker(project.repo, temporal.address);
    expect(await handle.result()).toMatchObject({ status: 'completed', total: 12, done: 12, failed: 0, skipped: 0 });
    const runs = await project.store.runs.list({ pipeline: 'hours', limit: 100 });
    expect(runs.map(({ interval }) => interval.start).sort()).toEqual(Array.from({ length: 12 }, (_, i) => hour(i)));
    expect(runs.every(({ status }) => status === 'completed')).toBe(true);
    expect(runs.reduce((sum, { published }) => sum + published, 0)).toBe(48);
    const table = project.store.lake.table(tableName(await project.table('stats')));
    expect(await project.store.lake.one(`SELECT count(*) AS n FROM ${table}`)).toEqual({ n: 48n });
  });

  it('brings windows online side by side as one window would', async () => {
    const { handle } = await startBackfill(temporal.client, project.store.project, {
      ...{ pipeline: 'online', only: 'all', parallel: 3, reverse: true, everyMs: 4 * 3_600_000 },
      ...{ from: hour(0), to: hour(11), args: { views: ['stats'] } },
    });
    expect(await handle.result()).toMatchObject({ status: 'completed', total: 3, done: 3 });
    // The newest row of each user up to the end of the range, which is part of its window.
    const rows = await project.online('stats', users);
    const newest = Object.fromEntries(Array.from({ length: 45 }, (_, i) => [(i % 7) + 1, i]));
    expect(rows.map((row) => row?.['a'])).toEqual(users.map((user) => newest[user]));
    const runs = await project.store.runs.list({ pipeline: 'online' });
    expect(runs.map(({ interval, leaseScope }) => [interval.start, interval.end, leaseScope]).sort()).toEqual([
      [hour(0), hour(4), 'windows'],
      [hour(4), hour(8), 'windows'],
      [hour(8), hour(11), 'windows'],
    ]);
  });
});
