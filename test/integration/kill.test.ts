import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FeatureStore, openFeatureStore, type StepRecord } from '../../src/index.js';
import { startPipeline } from '../../src/temporal/index.js';
import { type BigProject, bigProject } from '../support/big-project.js';
import { compareProjects } from '../support/compare-projects.js';
import {
  killWorker,
  spawnWorker,
  startTemporal,
  stopWorker,
  type TestTemporal,
  untilStarted,
} from '../support/temporal.js';

const sizes = { keys: 60_000, rowsPerKey: 20, events: 150_000 };

/**
 * Workers are killed in the middle of every kind of step, more often than a step may fail; a twin project goes through the same
 * undisturbed. Afterwards both hold the same rows in both stores.
 */
describe('workers killed with SIGKILL', () => {
  let temporal: TestTemporal;
  let killed: BigProject;
  let twin: BigProject;
  let store: FeatureStore;
  let worker: ChildProcess;

  beforeAll(async () => {
    temporal = await startTemporal();
    [killed, twin] = await Promise.all([bigProject(sizes), bigProject(sizes)]);
    for (const { repo, root } of [twin, killed]) {
      const opened = await openFeatureStore(repo);
      await opened.apply();
      await opened.steps.replayStream('scores', { file: `${root}/data/events.parquet`, rate: 0 });
      if (repo === killed.repo) store = opened;
      else await runUndisturbed(opened);
    }
    worker = await spawnWorker(killed.repo, temporal.address);
  }, 600_000);

  afterAll(async () => {
    await stopWorker(worker);
    await store.close();
    await temporal.close();
    killed.close();
    twin.close();
  });

  /** What the pipelines do, step by step, in this process. */
  async function runUndisturbed(opened: FeatureStore): Promise<void> {
    const target = { runId: 'undisturbed', view: 'stats', pipeline: 'load' };
    const interval = { start: '1970-01-01T00:00:00Z', end: '2100-01-01T00:00:00Z' };
    const pipeline = opened.repo.pipelines.get('load');
    if (pipeline === undefined) throw new Error('no pipeline');
    const nominalTime = interval.end;
    await opened.runs.open(
      { pipeline, runId: target.runId, workflowId: 'none', nominalTime, interval, registryVersion: 1 },
      async () => false,
    );
    await opened.steps.ingest(target);
    await opened.steps.clean(target);
    await opened.steps.exploreAndValidate(target);
    await opened.steps.publish(target);
    await opened.materialize({ views: ['stats'] });
    await opened.steps.consumeStream({ runId: 'undisturbed', view: 'scores' }, { sliceMs: 600_000, untilEnd: true });
    await opened.close();
  }

  /** Runs a pipeline and kills its worker whenever one of the steps was just begun, so and so often. */
  async function runKilling(name: string, kills: Record<string, number>, args = {}): Promise<Map<string, StepRecord>> {
    const pipeline = store.repo.pipelines.get(name);
    if (pipeline === undefined) throw new Error(`no pipeline ${name}`);
    const { handle, workflowId, runId } = await startPipeline(temporal.client, { project: 'big', pipeline, args });
    const done = Promise.all(
      Object.entries(kills).map(async ([activity, times]) => {
        for (let kill = 0; kill < times; kill += 1) {
          if (!(await untilStarted(temporal.client, workflowId, activity, kill))) return;
          await new Promise((resolve) => setTimeout(resolve, 20 + kill * 60));
          await killWorker(worker);
          worker = await spawnWorker(killed.repo, temporal.address);
        }
      }),
    );
    await handle.result();
    await done;
    const record = await store.runs.find(runId);
    return new Map(record?.steps.map((step) => [step.name, step]));
  }

  it('in ingest and publish: every row once, as without the kills', async () => {
    const steps = await runKilling('load', { ingest: 3, publish: 3 });
    expect(steps.get('ingest stats')?.attempts).toBeGreaterThan(2);
    expect(steps.get('publish stats')?.attempts).toBeGreaterThan(2);
    expect(steps.get('publish stats')?.rowsOut).toBe(sizes.keys * sizes.rowsPerKey + 1);
    expect(await compareProjects(killed, twin, 'stats')).toEqual({ onlyFirst: 0, onlySecond: 0 });
  }, 600_000);

  it('in materialize: the same rows online', async () => {
    const steps = await runKilling('online', { materialize: 3 });
    expect(steps.get('materialize stats')?.attempts).toBeGreaterThan(2);
    expect(await compareProjects(killed, twin, 'stats', 'online')).toEqual({ onlyFirst: 0, onlySecond: 0 });
  }, 600_000);

  it('in the batches of a stream: every event once in history, the newest of each key online', async () => {
    const steps = await runKilling('stream', { consumeStream: 4 }, { untilEnd: true });
    expect(steps.get('consume scores')).toMatchObject({ rowsIn: sizes.events, rowsOut: sizes.events });
    expect(steps.get('consume scores')?.attempts).toBeGreaterThan(2);
    expect(await compareProjects(killed, twin, 'scores')).toEqual({ onlyFirst: 0, onlySecond: 0 });
    expect(await compareProjects(killed, twin, 'scores', 'online')).toEqual({ onlyFirst: 0, onlySecond: 0 });
  }, 600_000);
});
