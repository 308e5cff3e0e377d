import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FeatureStore, type Json, openFeatureStore, type ViewFreshness } from '../../src/index.js';
import { failureReason, type RunningWorker, startPipeline } from '../../src/temporal/index.js';
import type { RunSummary } from '../../workflows/lib/contract.js';
import { expectRefused, type SampleProject, sampleProject } from '../support/cli.js';
import { recordHistories, replayHistories } from '../support/histories.js';
import { workerFor } from '../support/in-process-worker.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

interface Printed {
  readonly fresh: boolean;
  readonly views: readonly ViewFreshness[];
}

let project: SampleProject;
beforeAll(async () => {
  project = sampleProject();
  await project.ok('apply');
});
afterAll(() => project.close());

/** A file of the sample's statistics, each driver's row an hour old. */
function newStatistics(): string {
  const at = new Date(Date.now() - 3_600_000).toISOString();
  const rows = [1001, 1002].map((driver_id) => ({
    ...{ driver_id, datetime: at, created: at, conv_rate: 0.5, acc_rate: 0.5, avg_daily_trips: 5 },
  }));
  return project.write('data/new.ndjson', rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

describe('asof freshness', () => {
  it('has nothing to judge where nothing is promised', async () => {
    const { stdout } = await project.ok('freshness');
    expect(stdout).toMatch(/driver_stats {2,}· {2,}nothing {2,}nothing {2,}· {2,}·/);
    expect(stdout).toMatch(/No view promises a freshness: write freshness: '2 hours' in its definition\.\n$/);
    expect((await project.ok('freshness', '--json')).json<Printed>()).toMatchObject({ fresh: true });
  });

  it('shows the promise where the view is described', async () => {
    project.edit('feature_repo/features.ts', "name: 'driver_stats',", "name: 'driver_stats', freshness: '90 minutes',");
    expectRefused(await project.asof('freshness'), 2, /asof apply/);
    expect((await project.ok('apply')).stdout).toMatch(/freshnessMs: \(none\) → 5400000/);
    expect((await project.ok('describe', 'feature_view', 'driver_stats')).stdout).toMatch(
      /\n {2}freshness: 90 minutes\n/,
    );
  });

  it('exits with 3 and names what is too old, and the mend', async () => {
    const nothing = await project.ok('freshness', '--views', 'driver_stats');
    expect(nothing.stdout).toMatch(/driver_stats {2,}90 minutes {2,}nothing {2,}nothing/);
    expect(nothing.stdout).toMatch(/0 of 1 promises are kept, none is broken\.\n$/);
    await project.ok('push', 'driver_stats', '--file', 'data/driver_stats.parquet');
    const { code, stdout, stderr } = await project.asof('freshness');
    expect(code).toBe(3);
    expect(stdout).toMatch(
      /driver_stats {2,}90 minutes {2,}[\d.,]+ days, stale {2,}[\d.,]+ days, stale {2,}2021-07-28 /,
    );
    expect(stderr).toMatch(
      /^asof: view driver_stats: the newest event is [\d.,]+ days old in the lake, 90 minutes promised\n {2}→ see that the pipeline .+\n$/,
    );
    const json = await project.asof('freshness', '--json');
    expect(json).toMatchObject({ code: 3, stderr: '' });
    const [view] = json.json<Printed>().views;
    expect(view).toMatchObject({ view: 'driver_stats', verdict: 'stale', promiseMs: 5_400_000 });
  });

  it('tells an online store that is behind, and the mend mends it', async () => {
    const store = await openFeatureStore(path.join(project.root, 'feature_repo'));
    await store.steps.push('driver_stats', newStatistics(), 'new');
    await (await store.online()).dropProject();
    await store.close();
    const { code, stdout, stderr } = await project.asof('freshness');
    expect(code).toBe(3);
    expect(stdout).toMatch(/1 hour, fresh {2,}nothing, stale/);
    expect(stderr).toBe(
      'asof: view driver_stats: nothing online, 90 minutes promised\n' +
        '  → `asof materialize --views driver_stats` brings online what the lake has\n',
    );
    await project.ok('materialize', '--views', 'driver_stats');
    expect((await project.ok('freshness')).stdout).toMatch(/1 of 1 promises are kept, none is broken\.\n$/);
  });

  it.each([
    [['--views', 'driver_stat'], 2, /no feature view "driver_stat"/],
    [['--views', 'driver_stats,'], 2, /--views "driver_stats," has an empty part/],
    [['--view', 'x'], 2, /--view/],
  ] as [string[], number, RegExp][])('refuses %j', async (args, code, pattern) => {
    expectRefused(await project.asof('freshness', ...args), code, pattern);
  });

  it('says in its help what its exit code means', async () => {
    expect((await project.ok('freshness', '--help')).stdout).toMatch(
      /Exits with 3 when a view is older than it promises/,
    );
  });
});

describe('check_freshness on a real Temporal server', () => {
  let temporal: TestTemporal;
  let store: FeatureStore;
  let worker: RunningWorker;

  beforeAll(async () => {
    temporal = await startTemporal();
    store = await openFeatureStore(path.join(project.root, 'feature_repo'));
    worker = await workerFor(store, temporal.address);
  });
  afterAll(async () => {
    await worker.stop();
    await store.close();
    await temporal.close();
  });

  async function start(args?: Record<string, Json>) {
    const pipeline = store.repo.pipelines.get('check_freshness');
    if (pipeline === undefined) throw new Error('no such pipeline');
    return startPipeline(temporal.client, { project: store.project, pipeline, args });
  }
  const run = async (args?: Record<string, Json>) => (await start(args)).handle.result() as Promise<RunSummary>;
  async function fail(args?: Record<string, Json>) {
    const { handle, runId } = await start(args);
    return { runId, workflowId: handle.workflowId, message: await handle.result().then(() => '', failureReason) };
  }
  const qualityOf = async (workflowId: string): Promise<unknown> => {
    const { typedSearchAttributes } = await temporal.client.workflow.getHandle(workflowId).describe();
    return typedSearchAttributes.getAll().find(({ key }) => key.name === 'AsofQuality')?.value;
  };

  it('looks at every view that promises something', async () => {
    const summary = await run();
    expect(summary).toMatchObject({ status: 'completed', quality: 'passed', published: 0 });
    expect(summary.steps).toMatchObject([{ name: 'check freshness', rowsIn: 1, rowsOut: 1 }]);
  });

  it('warns, and fails only where it is told to; the run log has the mend', async () => {
    const { lake } = store;
    await lake.transaction({ message: 'by hand' }, (session) =>
      session.run(`DELETE FROM ${lake.table('driver_stats')} WHERE event_timestamp > '2022-01-01'`),
    );
    const summary = await run();
    expect(summary).toMatchObject({ status: 'completed', quality: 'warned', steps: [{ rowsIn: 1, rowsOut: 0 }] });
    expect(await qualityOf(summary.workflowId)).toBe('warned');
    const { detail } = await temporal.client.workflow
      .getHandle(summary.workflowId)
      .query<{ detail: string }>('progress');
    expect(detail).toMatch(/^view driver_stats: the newest event is [\d.,]+ days old in the lake/);
    const logged = await store.logs.read(summary.runId);
    expect(JSON.stringify(logged)).toMatch(/90 minutes promised → see that the pipeline or stream that feeds it runs/);

    const { workflowId, message, runId } = await fail({ views: ['driver_stats'], failOn: true });
    expect(message).toMatch(/^view driver_stats: the newest event is .+ 90 minutes promised\n {2}→ `asof freshness`/);
    expect(await qualityOf(workflowId)).toBe('failed');
    expect(await store.runs.find(runId)).toMatchObject({ status: 'failed', quality: 'failed', message });
    // Here, as runs that are refused have ids of other workflows in their histories.
    if (process.env['ASOF_RECORD_HISTORIES'] === '1') await recordHistories(temporal.client, temporal.address);
  });

  it('says what is wrong with its arguments', async () => {
    expect((await fail({ views: ['driver_stats_stream'] })).message).toMatch(
      /"driver_stats_stream" promises no freshness/,
    );
    expect((await fail({ views: ['driver_stat'] })).message).toMatch(/no feature view "driver_stat"/);
    expect((await fail({ failOn: 'no' })).message).toMatch(/argument "failOn" does not fit/);
    expect((await fail({ simple: 1 })).message).toMatch(/"simple" is unknown/);
  });

  it('replays every one of these histories', async () => {
    expect((await replayHistories(temporal.client, store.repo.projectRoot)).length).toBeGreaterThan(5);
  });
});
