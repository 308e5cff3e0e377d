import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FeatureStore, type Json, openFeatureStore } from '../../src/index.js';
import { entityKey } from '../../src/online-store/entity-key.js';
import { encodeTombstone } from '../../src/online-store/row-codec.js';
import { failureReason, type RunningWorker, startPipeline } from '../../src/temporal/index.js';
import type { RunSummary } from '../../workflows/lib/contract.js';
import { type SampleProject, sampleProject } from '../support/cli.js';
import { recordHistories, replayHistories } from '../support/histories.js';
import { workerFor } from '../support/in-process-worker.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

describe('verify_online_offline on a real Temporal server', () => {
  let temporal: TestTemporal;
  let project: SampleProject;
  let store: FeatureStore;
  let worker: RunningWorker;

  beforeAll(async () => {
    temporal = await startTemporal();
    project = sampleProject();
    project.edit('feature_repo/pipelines.ts', /delay: '20 seconds'/g, "delay: '100 milliseconds'");
    await project.ok('apply');
    await project.ok('push', 'driver_stats', '--file', 'data/driver_stats.parquet');
    store = await openFeatureStore(path.join(project.root, 'feature_repo'));
    worker = await workerFor(store, temporal.address);
  });
  afterAll(async () => {
    await worker.stop();
    await store.close();
    await temporal.close();
    project.close();
  });

  async function start(args?: Record<string, Json>) {
    const pipeline = store.repo.pipelines.get('verify_online_offline');
    if (pipeline === undefined) throw new Error('no such pipeline');
    return startPipeline(temporal.client, { project: store.project, pipeline, args });
  }
  const run = async (args?: Record<string, Json>) => (await start(args)).handle.result() as Promise<RunSummary>;
  async function fail(args?: Record<string, Json>) {
    const { handle, runId } = await start(args);
    const message = await handle.result().then(() => '', failureReason);
    return { handle, runId, message };
  }
  const qualityOf = async (workflowId: string): Promise<unknown> => {
    const { typedSearchAttributes } = await temporal.client.workflow.getHandle(workflowId).describe();
    return typedSearchAttributes.getAll().find(({ key }) => key.name === 'AsofQuality')?.value;
  };

  it('passes when both stores agree, and keeps its result', async () => {
    await store.materialize();
    const summary = await run();
    expect(summary).toMatchObject({ status: 'completed', quality: 'passed', published: 0 });
    expect(summary.steps.map(({ name, rowsIn, rowsOut }) => [name, rowsIn, rowsOut])).toEqual([
      ['verify driver_stats', 5, 5],
      ['verify driver_stats_stream', 0, 0],
    ]);
    expect(Object.keys(summary.reports)).toEqual(['driver_stats', 'driver_stats_stream']);
    expect(await qualityOf(summary.workflowId)).toBe('passed');
    expect((await store.steps.validationResults(summary.runId)).map(({ view, quality }) => [view, quality])).toEqual([
      ['driver_stats', 'passed'],
      ['driver_stats_stream', 'passed'],
    ]);
  });

  it('says what is wrong with its arguments, and does not retry it', async () => {
    expect((await fail({ views: ['driver_stat'] })).message).toMatch(/no feature view "driver_stat"/);
    expect((await fail({ sample: 0 })).message).toMatch(
      /argument "sample" must be from 1 to 2147483647, is 0\n.*it takes views, sample\?/s,
    );
    expect((await fail({ sample: 'many' })).message).toMatch(/argument "sample" does not fit: .*received string/);
    expect((await fail({ failOn: 'no' })).message).toMatch(
      /argument "failOn" does not fit: .*expected boolean.*\n.*failOn\?/s,
    );
    expect((await fail({ simple: 1 })).message).toMatch(/"simple" is unknown/);
  });

  it('fails when a row is not online; counts and report are told, keys are in the lake and the report', async () => {
    const { table } = await store.view('driver_stats');
    const online = await store.online();
    const snapshot = await store.lake.currentSnapshot();
    const key = entityKey(table.joinKeys, { driver_id: 1003 });
    await online.replace(table, [{ key, row: encodeTombstone({ generation: 1, snapshot }) }], snapshot);

    const { handle, runId, message } = await fail({ views: ['driver_stats'] });
    expect(message).toMatch(
      /^view driver_stats: missing 1 of 5 keys\. Report: \.asof\/reports\/.+\/verify\.json\n {2}→ /,
    );
    expect(await qualityOf(handle.workflowId)).toBe('failed');
    expect(await store.runs.find(runId)).toMatchObject({ status: 'failed', quality: 'failed', message });
    const shown = await project.ok('runs', 'show', runId);
    expect(shown.stdout).toMatch(/it is not online: 1 of 5 rows/);
    expect(shown.stdout).toContain('1003');
    const history = JSON.stringify(await handle.fetchHistory());
    expect(history).toContain('missing');
    for (const payload of decodedPayloads(await handle.fetchHistory())) expect(payload).not.toContain('1003');

    const warned = await run({ views: ['driver_stats'], failOn: false });
    expect(warned).toMatchObject({ status: 'completed', quality: 'warned', steps: [{ rowsIn: 5, rowsOut: 4 }] });
    expect(await run({ views: ['driver_stats_stream'] })).toMatchObject({ quality: 'passed' });
    await store.materialize({ views: ['driver_stats'], mode: { type: 'full' } });
    expect(await run({ views: ['driver_stats'], sample: 3, seed: 4 })).toMatchObject({ quality: 'passed' });
  });

  it('replays every one of these histories', async () => {
    expect((await replayHistories(temporal.client, store.repo.projectRoot)).length).toBeGreaterThan(5);
    if (process.env['ASOF_RECORD_HISTORIES'] === '1') await recordHistories(temporal.client, temporal.address);
  });
});

/** All payloads of a history, as text. */
function decodedPayloads(value: unknown): string[] {
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('utf8')];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(decodedPayloads) : [];
}
