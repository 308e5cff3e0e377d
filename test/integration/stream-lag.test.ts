import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FeatureStore, openFeatureStore } from '../../src/index.js';
import { startPipeline } from '../../src/temporal/index.js';
import { freePort } from '../../src/toolchain/free-port.js';
import { type BigProject, bigProject } from '../support/big-project.js';
import { runCli } from '../support/cli.js';
import { type CliProcess, startCliProcess } from '../support/cli-process.js';
import { lacks, startKafka, type TestServer } from '../support/services.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

const events = 100_000;
const partitions = ['0', '1', '2', '3'];

/** How far a stream is behind its topic: in Prometheus, on the command line, in Temporal's Web UI. */
describe.skipIf(lacks('kafka'))('the lag of a stream', () => {
  let broker: TestServer;
  let temporal: TestTemporal;
  let project: BigProject;
  let store: FeatureStore;
  let worker: CliProcess | undefined;
  beforeAll(async () => {
    [broker, temporal] = await Promise.all([startKafka(), startTemporal()]);
    const settings = `streamSource: { type: 'kafka', brokers: '127.0.0.1:${broker.port}' },`;
    project = await bigProject({
      keys: 100,
      rowsPerKey: 1,
      events,
      engines: { name: 'Kafka', settings, environment: {} },
    });
    store = await openFeatureStore(project.repo);
    await store.apply();
    await store.steps.replayStream('scores', { file: `${project.root}/data/events.parquet`, rate: 0 });
  }, 300_000);
  afterAll(async () => {
    await worker?.stop();
    await store.close();
    await temporal.close();
    await broker.close();
    project.close();
  });

  it('is told in events and seconds per partition, while there is one and when there is none any more', async () => {
    const env = { TEMPORAL_ADDRESS: temporal.address };
    const address = `127.0.0.1:${await freePort(0)}`;
    worker = await startCliProcess(['worker', '--metrics-address', address], { cwd: project.root, env });
    /** By partition, as one look of Prometheus finds them. */
    const look = async () => {
      const text = await (await fetch(`http://${address}/metrics`)).text();
      const lines = [...text.matchAll(/^(\w+)\{[^}]*partition="(\d)"[^}]*view="scores"[^}]*\} ([\d.e-]+)$/gm)];
      const gauge = (name: string): [string, number][] =>
        lines.flatMap(([, each, partition, is]) => (each === name ? [[partition as string, Number(is)]] : []));
      return { records: gauge('asof_stream_lag_records').sort(), seconds: gauge('asof_stream_lag_seconds').sort() };
    };
    const isBehind = async (): Promise<boolean> => {
      const { records, seconds } = await look();
      return records.some(([at, behind]) => behind > 0 && seconds.some(([same, age]) => same === at && age > 0));
    };

    const pipeline = store.repo.pipelines.get('stream') as NonNullable<ReturnType<typeof store.repo.pipelines.get>>;
    const { handle } = await startPipeline(temporal.client, {
      project: store.project,
      pipeline,
      args: { consumers: 2 },
    });
    await expect.poll(isBehind, { timeout: 90_000, interval: 30 }).toBe(true);
    const none = partitions.map((partition) => [partition, 0]);
    await expect.poll(look, { timeout: 90_000 }).toEqual({ records: none, seconds: none });

    const status = async (): Promise<{ counts: { read: number; offsets: Record<string, Record<string, number>> } }> =>
      (await runCli(['stream', 'status', 'stream', '--json'], { cwd: project.root, env })).json() as never;
    await expect.poll(async () => (await status()).counts.read, { timeout: 90_000, interval: 1_000 }).toBe(events);
    const { offsets } = (await status()).counts;
    expect(Object.keys(offsets).sort()).toEqual(partitions);
    for (const { next, end, lagSeconds } of Object.values(offsets)) expect([next, lagSeconds]).toEqual([end, 0]);
    const table = (await runCli(['stream', 'status', 'stream'], { cwd: project.root, env })).stdout;
    expect(table).toMatch(/partition\W+next\W+end\W+behind\W+seconds_behind/);
    const details = JSON.stringify(await handle.query('__temporal_workflow_metadata'));
    expect(details).toContain('| partition | next offset | end | behind | seconds behind |');
    expect(details).toMatch(/\| 3 \| \d+ \| \d+ \| 0 \| 0\.0 \|/);
    await handle.signal('stop');
    expect(await handle.result()).toMatchObject({ status: 'completed', published: events });
  }, 600_000);
});
