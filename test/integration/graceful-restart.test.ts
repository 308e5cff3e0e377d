import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FeatureStore, openFeatureStore } from '../../src/index.js';
import { startPipeline } from '../../src/temporal/index.js';
import { type BigProject, bigProject } from '../support/big-project.js';
import { spawnWorker, startTemporal, stopWorker, type TestTemporal, untilStarted } from '../support/temporal.js';

/** So many that a step is still at work when the server tells of it, also where it answers late. */
const keys = 250_000;

/** Deploys are no failures: steps may fail twice, workers are replaced more often than that. */
describe('workers stopped gracefully', () => {
  let temporal: TestTemporal;
  let project: BigProject;
  let store: FeatureStore;
  let worker: ChildProcess;

  beforeAll(async () => {
    temporal = await startTemporal();
    project = await bigProject({ keys, rowsPerKey: 20, events: 10 });
    store = await openFeatureStore(project.repo);
    await store.apply();
    worker = await spawnWorker(project.repo, temporal.address);
  }, 300_000);

  afterAll(async () => {
    await stopWorker(worker);
    await store.close();
    await temporal.close();
    project.close();
  });

  it('hand their steps to the next one; the run succeeds however often', async () => {
    const pipeline = store.repo.pipelines.get('load');
    if (pipeline === undefined) throw new Error('no pipeline');
    const { handle, workflowId, runId } = await startPipeline(temporal.client, { project: 'big', pipeline });
    let restarts = 0;
    for (const activity of ['ingest', 'ingest', 'ingest', 'ingest', 'clean', 'publish']) {
      if (!(await untilStarted(temporal.client, workflowId, activity))) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
      await stopWorker(worker);
      restarts += 1;
      worker = await spawnWorker(project.repo, temporal.address);
    }
    await handle.result();
    const record = await store.runs.find(runId);
    expect(restarts).toBeGreaterThan(2);
    expect(record).toMatchObject({ status: 'completed', published: keys * 20 + 1 });
    const attempts = record?.steps.map((step) => step.attempts) ?? [];
    expect(Math.max(...attempts)).toBeGreaterThan(pipeline.retries.attempts);
  }, 600_000);
});
