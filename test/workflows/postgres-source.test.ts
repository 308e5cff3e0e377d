import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FeatureStore, type Json, openFeatureStore } from '../../src/index.js';
import { failureReason, type RunningWorker, startPipeline } from '../../src/temporal/index.js';
import { runPostgres, seedSampleDatabase } from '../../src/toolchain/services/index.js';
import type { RunSummary } from '../../workflows/lib/contract.js';
import { type SampleProject, sampleProject } from '../support/cli.js';
import { workerFor } from '../support/in-process-worker.js';
import { lacks, startPostgres, type TestPostgres } from '../support/services.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

/** Some seconds for the sample's 1,807 rows: long enough to be interrupted. */
const slowly = "query: 'SELECT s.*, pg_sleep(0.002)::text AS slept FROM public.driver_stats AS s'";

describe.skipIf(lacks('postgres'))('a pipeline that reads from Postgres', () => {
  let postgres: TestPostgres;
  let temporal: TestTemporal;
  let project: SampleProject;
  let store: FeatureStore;
  let worker: RunningWorker;

  beforeAll(async () => {
    [postgres, temporal] = await Promise.all([startPostgres(), startTemporal()]);
    project = sampleProject();
    // Postgres may need a while to recover.
    project.edit('feature_repo/pipelines.ts', /attempts: 3, delay: '20 seconds'/g, "attempts: 30, delay: '1 second'");
    project.edit('feature_repo/data-sources.ts', "table: 'public.driver_stats'", slowly);
    const url = await postgres.createDatabase('shop');
    await seedSampleDatabase(url, path.join(project.root, 'data/driver_stats.parquet'));
    process.env['ASOF_SOURCE_URL'] = url;
    store = await openFeatureStore(path.join(project.root, 'feature_repo'));
    await store.apply();
    worker = await workerFor(store, temporal.address);
  });

  afterAll(async () => {
    delete process.env['ASOF_SOURCE_URL'];
    await worker?.stop();
    await store?.close();
    await temporal?.close();
    await postgres?.close();
    project?.close();
  });

  async function start(args?: Record<string, Json>) {
    const pipeline = store.repo.pipelines.get('db_to_offline_store');
    if (pipeline === undefined) throw new Error('the sample has no such pipeline');
    return startPipeline(temporal.client, { project: store.project, pipeline, args });
  }

  async function readers(): Promise<number> {
    const [found] = await runPostgres<{ n: number }>(
      postgres,
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE 'asof:%' AND query LIKE 'COPY%slept%'",
    );
    return found?.n ?? 0;
  }

  const reading = () => expect.poll(readers, { timeout: 60_000, interval: 50 }).toBe(1);

  it('ends its statement and its session when it is cancelled', async () => {
    const { handle, runId } = await start();
    await reading();
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(/cancelled/i);
    await expect.poll(readers, { timeout: 30_000 }).toBe(0);
    expect(await store.runs.find(runId)).toMatchObject({ status: 'cancelled' });
  });

  it('tries again when the database dies in the middle, and publishes each row once', async () => {
    const { handle } = await start();
    await reading();
    await postgres.server.kill();
    await postgres.server.start();
    const summary = (await handle.result()) as RunSummary;
    expect(summary).toMatchObject({ status: 'completed', published: 1_805 });
    expect(summary.steps[0]).toMatchObject({ name: 'ingest driver_stats', rowsIn: 1_807 });
    expect(summary.steps[0]?.attempts).toBeGreaterThan(1);
    expect(JSON.stringify(await handle.fetchHistory())).not.toContain(postgres.password);
  });

  it('reads on from there, or everything when asked to', async () => {
    const next = (await (await start()).handle.result()) as RunSummary;
    expect(next.published).toBe(0);
    expect(next.steps[0]?.rowsIn).toBeLessThan(1_807);
    const full = (await (await start({ full: true })).handle.result()) as RunSummary;
    expect(full.steps[0]?.rowsIn).toBe(1_807);
    expect(full.published).toBe(0);
    const { handle } = await start({ full: 'yes' });
    await expect(handle.result().catch((error) => Promise.reject(new Error(failureReason(error))))).rejects.toThrow(
      /argument "full" does not fit: .*expected boolean, received string/,
    );
  });
});
