import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FeatureStore, type Json, openFeatureStore } from '../../src/index.js';
import { failureReason, type RunningWorker, startPipeline } from '../../src/temporal/index.js';
import type { RunProgress, RunSummary } from '../../workflows/lib/contract.js';
import type { StreamState } from '../../workflows/stream-to-stores.js';
import { type SampleProject, sampleProject } from '../support/cli.js';
import { recordHistories, replayHistories } from '../support/histories.js';
import { workerFor } from '../support/in-process-worker.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

describe('pipelines on a real Temporal server', () => {
  let temporal: TestTemporal;
  let project: SampleProject;
  let store: FeatureStore;
  let worker: RunningWorker;

  beforeAll(async () => {
    temporal = await startTemporal();
    project = sampleProject();
    project.edit('feature_repo/pipelines.ts', /delay: '20 seconds'/g, "delay: '100 milliseconds'");
    store = await openFeatureStore(path.join(project.root, 'feature_repo'));
    await store.apply();
    worker = await workerFor(store, temporal.address);
  });

  afterAll(async () => {
    await worker.stop();
    await store.close();
    await temporal.close();
    project.close();
  });

  async function start(name: string, args?: Record<string, Json>) {
    const pipeline = store.repo.pipelines.get(name);
    if (pipeline === undefined) throw new Error(`no pipeline ${name}`);
    return startPipeline(temporal.client, { project: store.project, pipeline, args });
  }

  const run = async (name: string, args?: Record<string, Json>): Promise<RunSummary> =>
    (await start(name, args)).handle.result() as Promise<RunSummary>;

  const failure = async (name: string, args?: Record<string, Json>): Promise<string> => {
    const { handle } = await start(name, args);
    return handle.result().then(
      () => 'completed',
      (error: unknown) => failureReason(error),
    );
  };

  it('brings the sample into the offline store, once', async () => {
    const first = await run('db_to_offline_store');
    expect(first).toMatchObject({ status: 'completed', published: 1_805, quality: 'passed' });
    expect(first.steps.map(({ name, rowsIn, rowsOut, attempts }) => [name, rowsIn, rowsOut, attempts])).toEqual([
      ['ingest driver_stats', 1_807, 1_807, 1],
      ['clean driver_stats', 1_807, 1_805, 1],
      ['explore and validate driver_stats', 1_805, 1_805, 1],
      ['publish driver_stats', 1_805, 1_805, 1],
    ]);
    expect(await run('db_to_offline_store')).toMatchObject({ published: 0 });
    expect((await store.runs.list()).map(({ status, published }) => [status, published])).toEqual([
      ['completed', 0],
      ['completed', 1_805],
    ]);
  });

  it('shows its progress: search attributes, details, the query, summaries', async () => {
    const { handle, workflowId } = await start('db_to_offline_store');
    await handle.result();
    const progress = await handle.query<RunProgress>('progress');
    expect(progress.step).toBeUndefined();
    expect(progress.steps).toHaveLength(4);
    const { typedSearchAttributes } = await handle.describe();
    const found = Object.fromEntries(typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]));
    expect(found).toMatchObject({
      AsofPipeline: 'db_to_offline_store',
      AsofViews: ['driver_stats'],
      AsofTags: ['data_pipeline'],
      AsofQuality: 'passed',
    });
    expect(found['AsofInterval']).toMatch(/^2022-01-01T00:00:00.000Z\/20/);
    const details = await handle.query<string>('__temporal_workflow_metadata').catch(() => undefined);
    expect(JSON.stringify(details)).toContain('publish driver_stats');
    const history = await temporal.client.workflow.getHandle(workflowId).fetchHistory();
    expect(JSON.stringify(history)).toContain('userMetadata');
  });

  it('materializes the newest values, and only what changed', async () => {
    expect(await run('materialize_offline_to_online', { views: ['driver_stats'] })).toMatchObject({ published: 5 });
    const [row] = await store.getOnlineFeatures(store.service('driver_ranking'), [{ driver_id: 1001 }]);
    expect(row).toEqual({
      driver_id: 1001,
      conv_rate: Math.fround(0.222533852),
      acc_rate: Math.fround(0.927691281),
      avg_daily_trips: 114,
    });
    expect(await run('materialize_offline_to_online', { views: ['driver_stats'] })).toMatchObject({ published: 0 });
    expect(await run('materialize_offline_to_online', { views: ['driver_stats'], full: true })).toMatchObject({
      published: 5,
    });
    const window = { views: ['driver_stats'], start: '2021-07-28T10:00:00Z', end: '2021-07-28T10:00:00Z' };
    expect((await run('materialize_offline_to_online', window)).steps[0]).toMatchObject({ rowsIn: 5 });
  });

  it('says what is wrong with a request, and does not retry it', async () => {
    expect(await failure('db_to_offline_store', { views: ['nope'] })).toMatch(
      /no feature view "nope".*\n.*driver_stats/s,
    );
    expect(await failure('db_to_offline_store', { vews: ['driver_stats'] })).toMatch(/"vews" is unknown/);
    expect(await failure('materialize_offline_to_online', { start: 'soon' })).toMatch(/no window/);
    expect(await failure('stream_to_stores', { view: 'driver_stats' })).toMatch(/batch view/);
    const unknown = await temporal.client.workflow.start('dbToOfflineStore', {
      taskQueue: 'asof-drivers',
      workflowId: 'unknown',
      args: [{ pipeline: 'nope' }],
    });
    await expect(unknown.result().catch((error) => Promise.reject(new Error(failureReason(error))))).rejects.toThrow(
      /no pipeline "nope"/,
    );
  });

  it('tries a step again as often as the pipeline says, and no more', async () => {
    const staging = path.join(store.repo.stateDir, 'staging');
    rmSync(staging, { recursive: true, force: true });
    writeFileSync(staging, 'in the way');
    const broken = await start('db_to_offline_store');
    await expect(broken.handle.result()).rejects.toThrow();
    expect(await attemptsOf(broken.handle, 'ingest')).toBe(3);

    const mended = await start('db_to_offline_store');
    await expect
      .poll(async () => (await mended.handle.describe()).raw.pendingActivities?.[0]?.attempt, { timeout: 20_000 })
      .toBeGreaterThan(1);
    rmSync(staging);
    const summary = (await mended.handle.result()) as RunSummary;
    expect(summary.steps[0]?.attempts).toBeGreaterThan(1);
  });

  async function attemptsOf(handle: WorkflowHandle, activity: string): Promise<number | undefined> {
    const { events } = await handle.fetchHistory();
    const scheduled = events?.find(
      ({ activityTaskScheduledEventAttributes: of }) => of?.activityType?.name === activity,
    )?.eventId;
    return (
      events?.find(
        ({ activityTaskStartedEventAttributes: of }) => of?.scheduledEventId?.toString() === String(scheduled),
      )?.activityTaskStartedEventAttributes?.attempt ?? undefined
    );
  }

  it('consumes a stream, pauses, resumes, stops, and answers how far it is', async () => {
    const sample = `${project.root}/data/driver_stats_stream.parquet`;
    await store.steps.replayStream('driver_stats_stream', { file: sample, rate: 0, limit: 1_000 });
    const { handle } = await start('stream_to_stores');
    const state = () => handle.query<StreamState>('stream');
    const until = async (done: (state: StreamState) => boolean): Promise<StreamState> => {
      for (;;) {
        const now = await state();
        if (done(now)) return now;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    const read = () => store.steps.eventTotals('driver_stats_stream').then((totals) => totals.read);
    await expect.poll(read, { timeout: 60_000 }).toBe(1_000);
    await handle.signal('pause');
    const paused = await until(({ status, counts }) => status === 'paused' && counts.read > 0);
    expect(paused.counts).toMatchObject({ read: 1_000, written: 1_000, deadLetters: 0 });
    await store.steps.replayStream('driver_stats_stream', { file: sample, rate: 0, limit: 500 });
    await handle.signal('resume');
    await expect.poll(read, { timeout: 60_000 }).toBe(1_500);
    await handle.signal('stop');
    const summary = (await handle.result()) as RunSummary;
    expect(summary).toMatchObject({ published: 1_500, steps: [{ rowsIn: 1_500, rowsOut: 1_500 }] });
  });

  it('refuses a second run of an interval that is being worked on, and takes over from one that is gone', async () => {
    const first = await start('stream_to_stores');
    await expect
      .poll(() => store.runs.find(first.runId).then((found) => found?.status), { timeout: 60_000 })
      .toBe('running');
    expect(await failure('stream_to_stores')).toMatch(new RegExp(`run ${first.runId} is working on`));
    await first.handle.terminate('as if it was lost');
    expect(await run('stream_to_stores', { untilEnd: true })).toMatchObject({ status: 'completed', published: 0 });
  });

  it('is cancelled when asked to, and says so in its record', async () => {
    const { handle, runId } = await start('stream_to_stores');
    await expect.poll(() => store.runs.find(runId).then((found) => found?.status), { timeout: 60_000 }).toBe('running');
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(/cancelled/i);
    expect(await store.runs.find(runId)).toMatchObject({ status: 'cancelled' });
  });

  it('does not publish when an expectation of severity error fails; the message names rule, view, count and report', async () => {
    project.edit('feature_repo/features.ts', "between('conv_rate', 0, 1)", "between('conv_rate', 0, 0.5)");
    store = await reopened();
    await store.apply();
    const before = await store.lake.one(`SELECT count(*) AS n FROM ${store.lake.table('driver_stats')}`);
    const { handle, runId } = await start('db_to_offline_store');
    const message = await handle.result().then(() => '', failureReason);
    expect(message).toMatch(/driver_stats.*between\(conv_rate, 0, 0.5\): \d+ of 1805 rows.*report\.html/s);
    expect(await store.runs.find(runId)).toMatchObject({ status: 'failed', published: 0 });
    expect(await store.lake.one(`SELECT count(*) AS n FROM ${store.lake.table('driver_stats')}`)).toEqual(before);
    const [found] = await store.steps.validationResults(runId);
    expect(found?.expectations.find(({ passed }) => !passed)?.examples.length).toBeGreaterThan(0);
    const history = JSON.stringify(await handle.fetchHistory());
    expect(history.length).toBeLessThan(60_000);
  });

  it('replays every one of these histories', async () => {
    const replayed = await replayHistories(temporal.client, store.repo.projectRoot);
    expect(replayed.map((workflowId) => workflowId.split('/')[1])).toEqual(
      expect.arrayContaining(['db_to_offline_store', 'materialize_offline_to_online', 'stream_to_stores']),
    );
    if (process.env['ASOF_RECORD_HISTORIES'] === '1') await recordHistories(temporal.client, temporal.address);
  });

  /** The worker loads edited definitions itself; this test's own store is opened anew. */
  async function reopened(): Promise<FeatureStore> {
    const again = await openFeatureStore(path.join(project.root, 'feature_repo'));
    const before = store;
    await worker.stop();
    await before.close();
    worker = await workerFor(again, temporal.address);
    return again;
  }
});
