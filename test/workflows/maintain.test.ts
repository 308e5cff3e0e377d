import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FeatureStore, type Json, openFeatureStore } from '../../src/index.js';
import { failureReason, type RunningWorker, startPipeline } from '../../src/temporal/index.js';
import type { RunSummary } from '../../workflows/lib/contract.js';
import { type SampleProject, sampleProject } from '../support/cli.js';
import { recordHistories } from '../support/histories.js';
import { workerFor } from '../support/in-process-worker.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

describe('maintainLake on a real Temporal server', () => {
  let temporal: TestTemporal;
  let project: SampleProject;
  let store: FeatureStore;
  let worker: RunningWorker;

  beforeAll(async () => {
    temporal = await startTemporal();
    project = sampleProject();
    project.write(
      'feature_repo/upkeep.ts',
      `import { every, pipeline } from 'asof';
export const keepSmall = pipeline({ name: 'keep_small', workflow: 'maintainLake', args: { every: '30 minutes' }, schedule: every('10 minutes') });
`,
    );
    await project.ok('apply');
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
    const pipeline = store.repo.pipelines.get('keep_small');
    if (pipeline === undefined) throw new Error('no such pipeline');
    return startPipeline(temporal.client, { project: store.project, pipeline, args });
  }
  const upkeepRuns = async (): Promise<number> =>
    Number((await store.lake.one<{ n: bigint }>(`SELECT count(*) AS n FROM ${store.lake.system('upkeep_runs')}`))?.n);

  it('does it when it is due, not again before, and when it is forced', async () => {
    const summary = (await (await start()).handle.result()) as RunSummary;
    expect(summary).toMatchObject({ status: 'completed', published: 0 });
    expect(summary.steps.map(({ name }) => name)).toEqual(['maintain the lake']);
    expect(await upkeepRuns()).toBe(1);
    await (await start()).handle.result();
    expect(await upkeepRuns()).toBe(1);
    await (await start({ force: true })).handle.result();
    expect(await upkeepRuns()).toBe(2);
    await (await start({ snapshots: 2 })).handle.result();
    expect(await upkeepRuns()).toBe(3);
  });

  it('says what is wrong with its arguments', async () => {
    const failed = async (args: Record<string, Json>): Promise<string> =>
      (await start(args)).handle.result().then(() => '', failureReason);
    expect(await failed({ every: 'soon' })).toMatch(/every "soon" is not a duration/);
    expect(await failed({ snapshots: 0 })).toMatch(/snapshots/);
    expect(await failed({ force: 'yes' })).toMatch(/force/);
    expect(await failed({ views: ['driver_stats'] })).toMatch(/"views" is unknown/);
    if (process.env['ASOF_RECORD_HISTORIES'] === '1')
      await recordHistories(temporal.client, temporal.address, undefined, 'maintainLake');
  });

  it('is a command as well', async () => {
    const { stdout } = await project.ok('maintain', '--dry-run', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ maintained: false, notes: [] });
    expect((await project.ok('maintain')).stdout).toMatch(/Nothing is due/);
    const forced = await project.ok('maintain', '--force');
    expect(forced.stdout).toMatch(/snapshots kept: .*young/);
    expect((await project.ok('training-sets', 'list')).stdout).toMatch(/None is saved/);
    expect((await project.asof('training-sets', 'drop', 'none')).code).toBe(2);
  });
});
