import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackfillRecord } from '../../src/index.js';
import type { RunningWorker } from '../../src/temporal/index.js';
import { type CliResult, expectRefused, runCli } from '../support/cli.js';
import { hour, hourlyProject, Ingests } from '../support/hourly-project.js';
import { workerFor } from '../support/in-process-worker.js';
import type { TestStore } from '../support/store.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

interface Plan {
  readonly total: number;
  readonly intervals: { readonly start: string; readonly end: string }[];
  readonly notes: string[];
}

describe('asof backfill', () => {
  let temporal: TestTemporal;
  let project: TestStore;
  let ingests: Ingests;
  let worker: RunningWorker | undefined;

  beforeAll(async () => {
    temporal = await startTemporal();
    project = await hourlyProject();
    ingests = new Ingests(project.store);
  });
  afterAll(async () => {
    await worker?.stop();
    await project.close();
    await temporal.close();
  });

  const asof = (...args: string[]): Promise<CliResult> =>
    runCli(args, { cwd: project.root, env: { TEMPORAL_ADDRESS: temporal.address } });
  const hours = ['backfill', 'hours', '--from', hour(0), '--to', hour(4)];

  it('shows what it would run, and starts nothing', async () => {
    const before = await project.store.lake.currentSnapshot();
    const cut = ['backfill', 'hours', '--from', '2024-01-01T00:30', '--to', '2024-01-02T00:10', '--dry-run'];
    const shown = await asof(...cut);
    expect(shown.stdout).toContain(
      '--from 2024-01-01T00:30:00Z is cut to the first whole interval, 2024-01-01T01:00:00Z',
    );
    expect(shown.stdout).toContain('23 intervals (23 missing)');
    expect(shown.stdout).toMatch(/2024-01-01T05:00:00Z to 2024-01-01T06:00:00Z\n {2}… 13 more\n/);
    const plan = (await asof(...cut, '--reverse', '--json')).json<Plan>();
    expect(plan.total).toBe(23);
    expect(plan.intervals).toHaveLength(23);
    expect(plan.intervals[0]).toEqual({ start: hour(23), end: hour(24) });
    expect(plan.intervals.at(-1)).toEqual({ start: hour(1), end: hour(2) });
    expect(plan.notes).toHaveLength(2);
    const windows = [
      'materialize',
      '--from',
      '2024-01-01',
      '--to',
      '2024-01-02',
      '--every',
      '9 hours',
      '--views',
      'stats',
    ];
    expect((await asof(...windows, '--dry-run', '--json')).json<Plan>().intervals).toEqual([
      { start: hour(0), end: hour(9) },
      { start: hour(9), end: hour(18) },
      { start: hour(18), end: hour(24) },
    ]);
    expect(await project.store.lake.currentSnapshot()).toBe(before);
  });

  it('refuses what can not be meant', async () => {
    expectRefused(await asof(...hours), 4, /no worker serves project "test"/, /asof worker/);
    const range = ['--from', '2024-01-01', '--to', '2024-01-02'];
    expectRefused(await asof('backfill', 'load', ...range), 2, /pipeline of manual\(\) has no intervals/);
    expectRefused(await asof('backfill', 'hour', ...range), 2, /did you mean "hours"/);
    expectRefused(await asof('backfill', 'hours', '--from', '2024-01-01'), 2, /needs both --from and --to/);
    expectRefused(await asof(...hours, '--parallel', '0'), 2, /--parallel 0/);
    expectRefused(await asof(...hours, '--only', 'some'), 2, /use missing, failed, all/);
    expectRefused(await asof('materialize', ...range), 2, /no pipeline .* covers scores, stats/, /online: stats/);
    expectRefused(await asof('backfill', 'status', 'hours'), 2, /there is no backfill of "hours"/);
  });

  it('runs, tells how it ended, what failed and what is left', async () => {
    worker = await workerFor(project.store, temporal.address);
    ingests.fail.set(hour(2), 'the file of this hour is empty');
    const failed = await asof(...hours, '--parallel', '4', '--wait');
    expect(failed.code).toBe(3);
    expect(failed.stdout).toMatch(/hours +│ 2024-01-01 +│ 2024-01-01T04:00:00Z +│ failed +│ 4 +│ 3 +│ 1 +│ 0/);
    expect(failed.stdout).toContain('the file of this hour is empty');
    expect(failed.stderr).toContain('asof backfill hours --from 2024-01-01 --to 2024-01-01T04:00:00Z --only failed');
    ingests.fail.clear();
    const again = await asof(...hours, '--only', 'failed', '--wait', '--json');
    expect(again.json<BackfillRecord>()).toMatchObject({ status: 'completed', total: 1, done: 1, failed: 0 });
    const nothing = await asof(...hours);
    expect([nothing.code, nothing.stdout]).toEqual([0, expect.stringContaining('Nothing to do: none is missing')]);
  });

  it('is watched, paused, resumed and cancelled', async () => {
    const more = ['backfill', 'hours', '--from', hour(4), '--to', hour(8), '--parallel', '1'];
    ingests.hold.add(hour(4));
    expect((await asof(...more)).stdout).toContain('Started a backfill of 4 intervals');
    await ingests.until(hour(4));
    expectRefused(await asof(...more), 3, /being backfilled already/);
    expect((await asof('backfill', 'pause', 'hours')).stdout).toContain('paused: 0 of 4 intervals, 1 of 1 at work');
    expect((await asof('backfill', 'resume', 'hours')).stdout).toContain('0 of 4 intervals, 1 of 1 at work');
    const widened = await asof('backfill', 'parallel', 'hours', '3', '--json');
    expect(widened.json()).toMatchObject({ status: 'running', parallel: 3 });
    expect((await asof('backfill', 'cancel', 'hours')).stdout).toContain('Asked the backfill of hours');
    const [{ backfillId = '' } = {}] = await project.store.runs.backfills.list({ pipeline: 'hours' });
    for (;;) {
      const record = (await asof('backfill', 'status', backfillId, '--json')).json<BackfillRecord>();
      if (record.status === 'cancelled') break;
    }
    expectRefused(await asof('backfill', 'pause', 'hours'), 2, /the backfill of hours is over/);
    const listed = (await asof('backfill', 'list', '--json')).json<{ backfills: BackfillRecord[] }>();
    expect(listed.backfills.map(({ status }) => status)).toEqual(['cancelled', 'completed', 'failed']);
  });
});
