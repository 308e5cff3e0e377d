import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FeatureStore, type Json, openFeatureStore } from '../../src/index.js';
import { failureReason, startPipeline } from '../../src/temporal/index.js';
import type { RunSummary } from '../../workflows/lib/contract.js';
import type { StreamState } from '../../workflows/stream-to-stores.js';
import { type BigProject, bigProject } from '../support/big-project.js';
import { recordHistories } from '../support/histories.js';
import { lacks, startKafka, type TestServer } from '../support/services.js';
import { embedded, type TestEngines } from '../support/store.js';
import {
  killWorker,
  spawnWorker,
  startTemporal,
  stopWorker,
  type TestTemporal,
  untilStarted,
} from '../support/temporal.js';

const events = 4_000;

/** A project with events in its topic, and a server that wants short histories. */
class Steered {
  readonly temporal: TestTemporal;
  readonly project: BigProject;
  readonly store: FeatureStore;

  private constructor(temporal: TestTemporal, project: BigProject, store: FeatureStore) {
    this.temporal = temporal;
    this.project = project;
    this.store = store;
  }

  static async open(engines: TestEngines, historyMax?: number): Promise<Steered> {
    const temporal = await startTemporal(historyMax === undefined ? {} : { historyMax });
    const project = await bigProject({ keys: 100, rowsPerKey: 1, events, attempts: 10, engines });
    const store = await openFeatureStore(project.repo);
    await store.apply();
    return new Steered(temporal, project, store);
  }

  send(): Promise<{ sent: number }> {
    return this.store.steps.replayStream('scores', { file: `${this.project.root}/data/events.parquet`, rate: 0 });
  }

  async start(args: Record<string, Json> = {}) {
    const pipeline = this.store.repo.pipelines.get('stream');
    if (pipeline === undefined) throw new Error('no pipeline');
    const { handle, workflowId } = await startPipeline(this.temporal.client, {
      ...{ project: this.store.project, pipeline, args },
    });
    const read = (): Promise<number> => this.store.steps.eventTotals('scores').then((totals) => totals.read);
    const state = (): Promise<StreamState> => handle.query<StreamState>('stream');
    return { handle, workflowId, read, state };
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.temporal.close();
    this.project.close();
  }
}

const patience = { timeout: 90_000, interval: 200 };

describe('a stream whose worker is gone', () => {
  let steered: Steered;
  beforeAll(async () => {
    steered = await Steered.open(embedded);
  });
  afterAll(() => steered.close());

  it('can be paused and stopped all the same, and counts what was committed', async () => {
    const { temporal, project } = steered;
    await steered.send();
    const lost = await spawnWorker(project.repo, temporal.address);
    const { handle, workflowId, read, state } = await steered.start();
    await untilStarted(temporal.client, workflowId, 'consumeStream');
    await expect.poll(read, patience).toBe(events);
    const worker = await spawnWorker(project.repo, temporal.address);
    // The step is cancelled while nobody is there to hand it in: it is lost by its missing heartbeat, and not tried again.
    await killWorker(lost);
    await handle.signal('pause');
    await expect.poll(async () => (await state()).status, patience).toBe('paused');
    await expect.poll(async () => (await handle.describe()).raw.pendingActivities?.length ?? 0, patience).toBe(0);
    await handle.signal('stop');
    const summary = (await handle.result()) as RunSummary;
    expect(summary).toMatchObject({ status: 'completed', published: events, steps: [{ rowsIn: events }] });
    await stopWorker(worker);
  }, 300_000);

  it('has one consumer when its topic is in files', async () => {
    const worker = await spawnWorker(steered.project.repo, steered.temporal.address);
    const reasonOf = async (consumers: Json): Promise<string> => {
      const { handle } = await steered.start({ consumers });
      return handle.result().then(() => 'completed', failureReason);
    };
    expect(await reasonOf(2)).toMatch(
      /a stream in files has one consumer, not 2.*\n.*leave the argument consumers out/s,
    );
    expect(await reasonOf('many')).toMatch(/argument consumers is "many".*\n.*a whole number from 1 to 6/s);
    const { handle } = await steered.start({ consumers: 1, untilEnd: true });
    expect(await handle.result()).toMatchObject({ status: 'completed', published: 0 });
    await stopWorker(worker);
  }, 300_000);
});

describe.skipIf(lacks('kafka'))('three consumers of a stream', () => {
  let broker: TestServer;
  let steered: Steered;
  beforeAll(async () => {
    broker = await startKafka();
    const settings = `streamSource: { type: 'kafka', brokers: '127.0.0.1:${broker.port}' },`;
    // A run goes on as a new execution after some 60 events: every few pauses.
    steered = await Steered.open({ name: 'Kafka', settings, environment: {} }, 60);
  });
  afterAll(async () => {
    await steered.close();
    await broker.close();
  });

  it('share its partitions, pause, resume and go on as a new execution together, and stop', async () => {
    const { temporal, project } = steered;
    await steered.send();
    const workers = [await spawnWorker(project.repo, temporal.address, 2)];
    workers.push(await spawnWorker(project.repo, temporal.address, 2));
    const { handle, workflowId, read, state } = await steered.start({ consumers: 3 });
    const slices = async () =>
      ((await handle.describe()).raw.pendingActivities ?? []).filter(
        ({ activityType }) => activityType?.name === 'consumeStream',
      );
    const started = async (): Promise<(string | null | undefined)[]> =>
      (await slices()).filter(({ state: is }) => is === 2).map(({ lastWorkerIdentity }) => lastWorkerIdentity);
    await expect.poll(async () => (await started()).length, patience).toBe(3);
    expect(new Set(await started()).size).toBe(2);
    await expect.poll(read, patience).toBe(events);
    // Told by the slices while they are at work: each of its own partitions, all of them together.
    await expect
      .poll(async () => Object.keys((await state()).counts.offsets).sort(), patience)
      .toEqual(['0', '1', '2', '3']);
    await expect.poll(async () => (await state()).counts.read, patience).toBe(events);

    const { runId: firstRun } = await handle.describe();
    for (let round = 2; round <= 5; round += 1) {
      await handle.signal('pause');
      await expect.poll(async () => (await state()).status, patience).toBe('paused');
      await expect.poll(async () => (await slices()).length, patience).toBe(0);
      await steered.send();
      expect(await read()).toBe((round - 1) * events);
      await handle.signal('resume');
      await expect.poll(read, patience).toBe(round * events);
    }
    const latest = await temporal.client.workflow.getHandle(workflowId).describe();
    expect(latest.runId).not.toBe(firstRun);
    await temporal.client.workflow.getHandle(workflowId).signal('stop');
    const summary = (await temporal.client.workflow.getHandle(workflowId).result()) as RunSummary;
    expect(summary).toMatchObject({ status: 'completed', published: 5 * events, steps: [{ rowsIn: 5 * events }] });
    const { counts } = await temporal.client.workflow.getHandle(workflowId).query<StreamState>('stream');
    if (process.env['ASOF_RECORD_HISTORIES'] === '1')
      await recordHistories(temporal.client, temporal.address, 'three-consumers');
    const lags = Object.values(counts.offsets).map(({ next, end, lagSeconds }) => [end - next, lagSeconds]);
    expect(lags).toEqual([0, 1, 2, 3].map(() => [0, 0]));
    for (const worker of workers) await stopWorker(worker);
  }, 600_000);

  it('end together at the end of the topic', async () => {
    await steered.send();
    const worker = await spawnWorker(steered.project.repo, steered.temporal.address);
    const { handle } = await steered.start({ consumers: 6, untilEnd: true });
    expect(await handle.result()).toMatchObject({
      status: 'completed',
      published: events,
      steps: [{ rowsIn: events }],
    });
    await stopWorker(worker);
  }, 300_000);
});
