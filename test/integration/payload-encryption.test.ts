import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type FeatureStore, type Json, openFeatureStore } from '../../src/index.js';
import { dataConverter, failureConverterPath } from '../../src/temporal/data-converter.js';
import {
  connectClient,
  failureReason,
  type PayloadKeys,
  payloadKeys,
  type RunningWorker,
  type StartedRun,
  startPipeline,
} from '../../src/temporal/index.js';
import { workflowBundle } from '../../src/temporal/workflow-bundle.js';
import type { RunSummary } from '../../workflows/lib/contract.js';
import type { StreamState } from '../../workflows/stream-to-stores.js';
import { bundleCache } from '../support/build.js';
import { type SampleProject, sampleProject } from '../support/cli.js';
import { recordedHistories } from '../support/histories.js';
import { workerFor } from '../support/in-process-worker.js';
import { payloadsIn, textIn } from '../support/payload-walk.js';
import { startTemporal, type TestTemporal, untilStarted } from '../support/temporal.js';

const first = `first:${randomBytes(32).toString('base64')}`;
const second = `second:${randomBytes(32).toString('base64')}`;
const keysOf = (current: string, ...old: string[]): PayloadKeys =>
  payloadKeys({ ASOF_PAYLOAD_KEY: current, ASOF_PAYLOAD_OLD_KEYS: old.join(',') });

/** What the server and whoever reads along get to see, looked at by a client without keys. */
describe('encrypted payloads on a real server', () => {
  let temporal: TestTemporal;
  let project: SampleProject;
  let store: FeatureStore;
  let worker: RunningWorker | undefined;
  let client: Client;
  const started: StartedRun[] = [];

  beforeAll(async () => {
    temporal = await startTemporal();
    project = sampleProject();
    project.edit('feature_repo/pipelines.ts', /delay: '20 seconds'/g, "delay: '100 milliseconds'");
    store = await openFeatureStore(path.join(project.root, 'feature_repo'));
    await store.apply();
    await serveWith(keysOf(first));
    await askWith(keysOf(first));
  });
  afterEach(async () => {
    for (const { workflowId } of started.splice(0)) {
      const handle = temporal.client.workflow.getHandle(workflowId);
      // Only what a failed test left behind.
      if ((await handle.describe()).status.name === 'RUNNING') await handle.terminate();
    }
  });
  afterAll(async () => {
    await worker?.stop();
    await client?.connection.close();
    await store.close();
    await temporal.close();
    project.close();
  });

  const connectAs = (keys: PayloadKeys): Promise<Client> => {
    const { address } = temporal;
    return connectClient({ address, namespace: 'default', uiUrl: undefined, connection: { address } }, keys);
  };

  /** One worker with these keys, instead of the one before. */
  async function serveWith(keys: PayloadKeys): Promise<void> {
    await worker?.stop();
    worker = await workerFor(store, temporal.address, { keys });
  }

  async function askWith(keys: PayloadKeys): Promise<void> {
    await client?.connection.close();
    client = await connectAs(keys);
  }

  async function start(by: Client, name: string, args?: Record<string, Json>): Promise<StartedRun> {
    const pipeline = store.repo.pipelines.get(name);
    if (pipeline === undefined) throw new Error(`no pipeline ${name}`);
    const run = await startPipeline(by, { project: store.project, pipeline, args });
    started.push(run);
    return run;
  }

  /** The history and the description as the server has them. */
  async function raw({ workflowId }: StartedRun) {
    const handle = temporal.client.workflow.getHandle(workflowId);
    return { history: await handle.fetchHistory(), described: (await handle.describe()).raw };
  }

  it('hides arguments, results, step arguments and replies, summaries', async () => {
    const run = await start(client, 'db_to_offline_store');
    const summary = (await run.handle.result()) as RunSummary;
    expect(summary).toMatchObject({ published: 1_805, quality: 'passed' });
    const seen = await raw(run);
    const payloads = payloadsIn(seen);
    expect(payloads.filter(({ encoding }) => encoding !== 'binary/encrypted')).toEqual([]);
    expect(new Set(payloads.map(({ keyId }) => keyId))).toEqual(new Set(['first']));
    const paths = payloads.map((found) => found.path).join('\n');
    for (const place of [
      /StartedEventAttributes\.input\.payloads/,
      /CompletedEventAttributes\.result\.payloads/,
      /activityTaskScheduledEventAttributes\.input/,
      /activityTaskCompletedEventAttributes\.result/,
      /activityTaskScheduled|userMetadata\.summary/,
      /executionConfig\.userMetadata\.summary/,
    ]) {
      expect(paths).toMatch(place);
    }
    const readable = textIn(seen);
    for (const secret of ['rowsIn', 'report.html', 'ingest driver_stats', 'Brings the hourly', 'driver_stats']) {
      expect(readable).not.toContain(secret);
    }
    // What stays readable, and must be known to: names, not values.
    expect(readable).toContain('dbToOfflineStore');
    expect(readable).toContain('exploreAndValidate');
  });

  it('hides messages of failures, also of attempts, and shows them to who has the key', async () => {
    const run = await start(client, 'db_to_offline_store', { views: ['secret_view'] });
    const message = await run.handle.result().then(() => '', failureReason);
    expect(message).toMatch(/no feature view "secret_view"/);
    const seen = await raw(run);
    const readable = textIn(seen);
    expect(readable).not.toContain('secret_view');
    expect(readable).not.toMatch(/no feature view/);
    expect(readable).toContain('Encoded failure');
    expect(
      payloadsIn(seen)
        .map((found) => found.path)
        .join('\n'),
    ).toMatch(
      /activityTaskFailedEventAttributes\.failure\.encodedAttributes[\s\S]*FailedEventAttributes\.failure.*encodedAttributes/,
    );
    // The type decides about retries, so the server must be able to read it.
    expect(readable).toContain('DefinitionError');
  });

  it('hides heartbeats, queries and the page of a run that is at work', async () => {
    const sample = `${project.root}/data/driver_stats_stream.parquet`;
    await store.steps.replayStream('driver_stats_stream', { file: sample, rate: 0, limit: 800 });
    const run = await start(client, 'stream_to_stores');
    expect(await untilStarted(temporal.client, run.workflowId, 'consumeStream')).toBe(true);
    const pending = async () => (await raw(run)).described.pendingActivities?.[0]?.heartbeatDetails?.payloads;
    await expect.poll(pending, { timeout: 60_000 }).toHaveLength(1);
    expect(payloadsIn(await pending()).map(({ encoding }) => encoding)).toEqual(['binary/encrypted']);
    expect((await run.handle.query<StreamState>('stream')).status).toBe('running');
    const details = await run.handle.query<unknown>('__temporal_workflow_metadata');
    expect(JSON.stringify(details)).toContain('rows in');
    const blind = temporal.client.workflow.getHandle(run.workflowId);
    await expect(blind.query('stream')).rejects.toThrow(/encrypted/);
    const read = () => store.steps.eventTotals('driver_stats_stream').then((totals) => totals.read);
    await expect.poll(read, { timeout: 60_000 }).toBe(800);
    await run.handle.signal('stop');
    expect(await run.handle.result()).toMatchObject({ published: 800 });
  });

  it('are not there for a client without the key, which is told which one it lacks', async () => {
    const run = await start(client, 'materialize_offline_to_online', { views: ['driver_stats'] });
    await run.handle.result();
    const stranger = await connectAs(keysOf(second));
    const failure = await stranger.workflow
      .getHandle(run.workflowId)
      .result()
      .catch((error: Error) => error);
    expect(failure).toMatchObject({
      name: 'PayloadKeyError',
      message: /the key "first", which this process does not have/,
    });
    await stranger.connection.close();
  });

  it('survive the replacement of the key in the middle of a run, step by step as documented', async () => {
    await serveWith(keysOf(first));
    await askWith(keysOf(first));
    const run = await start(client, 'stream_to_stores');
    expect(await untilStarted(temporal.client, run.workflowId, 'consumeStream')).toBe(true);
    // 1. every worker can read the new key; 2. it becomes the one that is written.
    for (const keys of [keysOf(first, second), keysOf(second, first)]) await serveWith(keys);
    await askWith(keysOf(second, first));
    const handle = client.workflow.getHandle(run.workflowId);
    expect((await handle.query<StreamState>('stream')).status).toBe('running');
    await handle.signal('stop');
    expect(await handle.result()).toMatchObject({ status: 'completed' });
    const ids = payloadsIn((await raw(run)).history).map(({ keyId }) => keyId);
    expect(ids[0]).toBe('first');
    expect(ids.at(-1)).toBe('second');
    // Runs that ended under the old key can still be read.
    const old = await client.workflow.list({
      query: 'WorkflowType = "dbToOfflineStore" AND ExecutionStatus = "Completed"',
    });
    for await (const { workflowId } of old)
      expect(await client.workflow.getHandle(workflowId).result()).toMatchObject({ published: 1_805 });
  });

  it('that a worker has no key for are no failure: the run goes on when one comes that has it', async () => {
    await askWith(keysOf(second, first));
    await serveWith(payloadKeys({}));
    const run = await start(client, 'materialize_offline_to_online', { views: ['driver_stats'] });
    const failedTasks = async () =>
      (await raw(run)).history.events?.filter((event) => event.workflowTaskFailedEventAttributes != null).length;
    await expect.poll(failedTasks, { timeout: 60_000 }).toBeGreaterThan(0);
    expect(textIn((await raw(run)).history)).toMatch(
      /encrypted with the key "second", which this process does not have/,
    );
    await serveWith(keysOf(second, first));
    expect(await run.handle.result()).toMatchObject({ status: 'completed' });
  });

  it('are switched on and off under running workflows: what is open stays readable', async () => {
    await askWith(keysOf(second, first));
    await serveWith(payloadKeys({}));
    const open = await connectAs(payloadKeys({}));
    const run = await start(open, 'stream_to_stores');
    expect(await untilStarted(temporal.client, run.workflowId, 'consumeStream')).toBe(true);
    await open.connection.close();
    await serveWith(keysOf(second, first));
    const handle = client.workflow.getHandle(run.workflowId);
    await handle.signal('stop');
    expect(await handle.result()).toMatchObject({ status: 'completed' });
    const encodings = payloadsIn((await raw(run)).history).map(({ encoding }) => encoding);
    expect([encodings[0], encodings.at(-1)]).toEqual(['json/plain', 'binary/encrypted']);
  });

  it('of all these histories replay, and so do the recorded ones of old', async () => {
    const converter = dataConverter(keysOf(second, first));
    const bundle = await workflowBundle(store.repo.projectRoot, bundleCache(), failureConverterPath);
    const options = { workflowBundle: bundle, dataConverter: converter };
    let replayed = 0;
    for await (const { workflowId, error } of Worker.runReplayHistories(
      options,
      temporal.client.workflow.list().intoHistories(),
    )) {
      expect(error, workflowId).toBeUndefined();
      replayed += 1;
    }
    expect(replayed).toBe(7);
    for (const { history, workflowId } of recordedHistories()) {
      await expect(Worker.runReplayHistory(options, history, workflowId)).resolves.toBeUndefined();
    }
  });
});
