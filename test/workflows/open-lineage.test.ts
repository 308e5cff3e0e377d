import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FeatureStore, type Json, type OpenLineageEvent, openFeatureStore } from '../../src/index.js';
import { type RunningWorker, startPipeline, taskQueue } from '../../src/temporal/index.js';
import { runCli, type SampleProject, sampleProject } from '../support/cli.js';
import { recordHistories } from '../support/histories.js';
import { workerFor } from '../support/in-process-worker.js';
import { openLineageFaults } from '../support/open-lineage.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

const endpoint = '/api/v1/lineage';

describe('OpenLineage on a real Temporal server', () => {
  let temporal: TestTemporal;
  let project: SampleProject;
  let store: FeatureStore;
  let worker: RunningWorker;
  let receiver: Receiver;

  beforeAll(async () => {
    [temporal, receiver] = await Promise.all([startTemporal(), startReceiver()]);
    process.env['TEST_LINEAGE_URL'] = receiver.url;
    project = sampleProject();
    project.edit(
      'feature_repo/feature-store.ts',
      /project: 'drivers',/,
      "$& lineage: { openLineage: { url: env('TEST_LINEAGE_URL') } },",
    );
    project.edit('feature_repo/pipelines.ts', /delay: '20 seconds'/g, "delay: '100 milliseconds'");
    store = await openFeatureStore(path.join(project.root, 'feature_repo'));
    await store.apply();
    worker = await workerFor(store, temporal.address);
  });
  afterAll(async () => {
    await worker.stop();
    await store.close();
    await temporal.close();
    await receiver.close();
    project.close();
    delete process.env['TEST_LINEAGE_URL'];
  });

  const start = (name: string, args?: Record<string, Json>) =>
    startPipeline(temporal.client, { project: store.project, pipeline: store.repo.pipelines.get(name)!, args });

  const runIdOf = (handle: object): string => (handle as { firstExecutionRunId: string }).firstExecutionRunId;
  const reporter = (handle: { workflowId: string }, type: string) =>
    temporal.client.workflow.getHandle(`${handle.workflowId}/lineage-${type}/${runIdOf(handle).slice(-12)}`);

  /** The events of a run that were taken, once all of the kinds are there. */
  async function events(runId: string, ...types: string[]): Promise<OpenLineageEvent[]> {
    for (;;) {
      const all = receiver.at(endpoint).map(({ body }) => JSON.parse(body) as OpenLineageEvent);
      const own = all.filter(({ run }) => run.runId === runId);
      if (types.every((type) => own.some(({ eventType }) => eventType === type))) return own;
      await sleep(100);
    }
  }
  const kinds = (all: readonly OpenLineageEvent[]) => [...new Set(all.map(({ eventType }) => eventType))].sort();
  const right = (all: readonly OpenLineageEvent[]): void => expect(all.flatMap(openLineageFaults)).toEqual([]);

  it('is told of runs that load and bring online; a server in trouble is tried again, and holds no run up', async () => {
    receiver.answer(endpoint, 503, 500, 200);
    const { handle } = await start('db_to_offline_store');
    expect(await handle.result()).toMatchObject({ status: 'completed', published: 1_805 });
    for (const type of ['start', 'complete']) await reporter(handle, type).result();
    // Two were refused, and came again.
    expect(receiver.at(endpoint)).toHaveLength(4);
    const told = await events(runIdOf(handle), 'START', 'COMPLETE');
    right(told);
    expect(kinds(told)).toEqual(['COMPLETE', 'START']);
    // Whoever is asked twice is told the same.
    for (const type of kinds(told)) {
      const same = told.filter(({ eventType }) => eventType === type).map((event) => event.eventTime);
      expect(new Set(same).size).toBe(1);
    }
    const complete = told.find(({ eventType }) => eventType === 'COMPLETE');
    expect(complete?.outputs[0]?.outputFacets).toMatchObject({ outputStatistics: { rowCount: 1_805 } });

    const online = (await start('materialize_offline_to_online', { views: ['driver_stats'] })).handle;
    await online.result();
    const brought = await events(runIdOf(online), 'COMPLETE');
    right(brought);
    const last = brought.find(({ eventType }) => eventType === 'COMPLETE');
    expect(last?.inputs[0]?.name).toBe(complete?.outputs[0]?.name);
    const version = (event: OpenLineageEvent | undefined, of: 'inputs' | 'outputs') =>
      Number(event?.[of][0]?.facets['version']?.['datasetVersion']);
    expect(version(last, 'inputs')).toBeGreaterThanOrEqual(version(complete, 'outputs'));
  });

  it('is told why a run failed, and that one was cancelled', async () => {
    const file = path.join(project.root, 'data/driver_stats.parquet');
    const good = readFileSync(file);
    writeFileSync(file, 'no Parquet');
    const { handle } = await start('db_to_offline_store');
    await expect(handle.result()).rejects.toThrow();
    writeFileSync(file, good);
    const failed = await events(runIdOf(handle), 'START', 'FAIL');
    right(failed);
    expect(failed.find(({ eventType }) => eventType === 'FAIL')?.run.facets['errorMessage']).toMatchObject({
      message: expect.stringContaining('driver_stats.parquet'),
    });

    const stream = (await start('stream_to_stores')).handle;
    await events(runIdOf(stream), 'START');
    await stream.cancel();
    await expect(stream.result()).rejects.toThrow();
    const aborted = await events(runIdOf(stream), 'ABORT');
    right(aborted);
    expect(kinds(aborted)).toEqual(['ABORT', 'START']);
  });

  it('is told once, by upkeep, of the end of a run that was ended from outside', async () => {
    const terminated = (await start('stream_to_stores')).handle;
    await events(runIdOf(terminated), 'START');
    await temporal.client.workflow.getHandle(terminated.workflowId).terminate('by hand');
    // The server ends this one; another run may take the interval of the one that is gone.
    const late = await temporal.client.workflow.start('streamToStores', {
      taskQueue: taskQueue(store.project),
      workflowId: 'late',
      workflowExecutionTimeout: '20 seconds',
      args: [{ pipeline: 'stream_to_stores' }],
    });
    await events(late.firstExecutionRunId, 'START');
    await expect(late.result()).rejects.toThrow();
    const atWork = (await start('stream_to_stores')).handle;
    await events(runIdOf(atWork), 'START');

    for (let sweep = 0; sweep < 2; sweep += 1) {
      const { handle } = await start('maintain_lake');
      await handle.result();
      await events(runIdOf(handle), 'COMPLETE');
    }
    for (const [handle, says] of [
      [terminated, 'TERMINATED'],
      [late, 'TIMED_OUT'],
    ] as const) {
      const told = await events(runIdOf(handle), 'FAIL');
      right(told);
      expect(told.map(({ eventType }) => eventType)).toEqual(['START', 'FAIL']);
      const message = `its workflow ended without it: Temporal says ${says}`;
      const [, fail] = told;
      expect(fail?.run.facets['errorMessage']).toMatchObject({ message });
      expect(fail?.outputs.map(({ outputFacets }) => outputFacets)).toEqual([undefined, undefined]);
      expect(await store.runs.find(runIdOf(handle))).toMatchObject({ status: 'failed', lost: true, message });
    }
    expect(await store.runs.find(runIdOf(atWork))).toMatchObject({ status: 'running' });
    expect((await events(runIdOf(atWork))).map(({ eventType }) => eventType)).toEqual(['START']);

    // Whoever closes its record has it told.
    await temporal.client.workflow.getHandle(atWork.workflowId).terminate();
    const env = { TEMPORAL_ADDRESS: temporal.address };
    const cancelled = await runCli(['cancel', runIdOf(atWork)], { cwd: project.root, env });
    expect(cancelled).toMatchObject({ code: 0, stdout: expect.stringContaining('Temporal says TERMINATED') });
    const told = await events(runIdOf(atWork), 'FAIL');
    right(told);
    expect(told.map(({ eventType }) => eventType)).toEqual(['START', 'FAIL']);
  });

  it('fails no run when it refuses, or is not known', async () => {
    receiver.answer(endpoint, 401);
    const { handle } = await start('db_to_offline_store');
    expect(await handle.result()).toMatchObject({ status: 'completed' });
    await expect(reporter(handle, 'complete').result()).rejects.toThrow();
    if (process.env['ASOF_RECORD_HISTORIES'] !== undefined) {
      await recordHistories(temporal.client, temporal.address, undefined, 'reportLineage');
      await recordHistories(temporal.client, temporal.address, 'lineage', 'dbToOfflineStore');
    }
  });
});
