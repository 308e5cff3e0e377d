import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type WorkerOptions, workerSettings } from '../../src/cli/worker-settings.js';
import { type FeatureStore, openFeatureStore } from '../../src/index.js';
import { connectClient, payloadKeys, startPipeline } from '../../src/temporal/index.js';
import { findTemporalCli } from '../../src/toolchain/index.js';
import type { RunSummary } from '../../workflows/lib/contract.js';
import { type BigProject, bigProject } from '../support/big-project.js';
import { type CliResult, expectRefused, runCli } from '../support/cli.js';
import { type CliProcess, startCliProcess } from '../support/cli-process.js';
import { startTemporal, type TestTemporal, untilStarted } from '../support/temporal.js';

/** `asof worker` and `asof deploy` as in production: processes of their own, on a service that exists and that nobody prepared. */
describe('asof worker', () => {
  let temporal: TestTemporal;
  let project: BigProject;
  let store: FeatureStore;
  let env: NodeJS.ProcessEnv;
  const workers: CliProcess[] = [];

  beforeAll(async () => {
    temporal = await startTemporal({ searchAttributes: false });
    project = await bigProject({ keys: 60_000, rowsPerKey: 20, events: 1_000 });
    store = await openFeatureStore(project.repo);
    env = { TEMPORAL_ADDRESS: temporal.address };
  }, 300_000);
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  });
  afterAll(async () => {
    await store.close();
    await temporal.close();
    project.close();
  });

  const asof = (...args: string[]): Promise<CliResult> => runCli(args, { cwd: project.root, env });

  async function worker(args: string[] = [], more: NodeJS.ProcessEnv = {}): Promise<CliProcess> {
    const started = await startCliProcess(['worker', ...args], { cwd: project.root, env: { ...env, ...more } });
    workers.push(started);
    return started;
  }

  const start = (client = temporal.client, pipelineName = 'load') => {
    const pipeline = store.repo.pipelines.get(pipelineName);
    if (pipeline === undefined) throw new Error(`no pipeline ${pipelineName}`);
    return startPipeline(client, { project: 'big', pipeline });
  };

  it('needs a service, applied definitions and search attributes, and says which is missing', async () => {
    expectRefused(await runCli(['worker'], { cwd: project.root }), 4, /no Temporal server runs/, /TEMPORAL_ADDRESS/);
    expectRefused(await asof('worker'), 2, /asof apply/);
    await store.apply();
    expectRefused(await asof('worker'), 2, /lacks search attributes: AsofPipeline/, /asof deploy/);
    const nowhere = { ...env, TEMPORAL_NAMESPACE: 'nope' };
    expectRefused(
      await runCli(['worker'], { cwd: project.root, env: nowhere }),
      2,
      /no namespace "nope"/,
      /namespace create/,
    );
  });

  it('finds what `asof deploy` registered, once', async () => {
    const all = ['AsofPipeline', 'AsofInterval', 'AsofQuality', 'AsofViews', 'AsofTags'];
    const first = await asof('deploy', '--json');
    expect(first.json()).toMatchObject({
      namespace: 'default',
      searchAttributes: { added: all, found: [] },
      steps: ['load', 'online', 'stream'].map((pipeline) => ({ pipeline, action: 'none', notes: ['started by hand'] })),
    });
    const again = await asof('deploy');
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/search attributes found: AsofPipeline/);
    expect(again.stdout).not.toMatch(/added/);
    expect(again.stdout).toMatch(/Nothing to do/);
  });

  it('refuses settings that make no sense', async () => {
    const settings = (options: WorkerOptions) => () => workerSettings(options, {});
    expect(settings({ activities: '0' })).toThrow(/--activities 0 is too few/);
    expect(settings({ activities: 'many' })).toThrow(/"many" is no whole number/);
    expect(settings({ workflows: '1' })).toThrow(/--workflows 1 is too few/);
    expect(settings({ metricsAddress: '9464' })).toThrow(/no address and port/);
    expect(settings({ deploymentName: 'asof' })).toThrow(/needs both/);
    expect(settings({ deploymentName: 'a.b', buildId: '1' })).toThrow(/"a\.b" can't be used/);
    const badKey = { ...env, ASOF_PAYLOAD_KEY: 'k1:abc' };
    expectRefused(
      await runCli(['worker'], { cwd: project.root, env: badKey }),
      2,
      /ASOF_PAYLOAD_KEY: the key "k1" has 2 bytes/,
      /openssl rand/,
    );
    const taken = net.createServer();
    const port = await new Promise<number>((resolve) =>
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as net.AddressInfo).port)),
    );
    const served = await asof('worker', '--metrics-address', `127.0.0.1:${port}`);
    expectRefused(served, 2, /metrics can't be served at/, /free port/);
    taken.close();
  });

  it('runs twice; one is stopped in the middle of a step, and the run goes on with the other', async () => {
    const [one, other] = await Promise.all([worker(['--activities', '1']), worker(['--activities', '1'])]);
    const { handle, workflowId } = await start();
    expect(await untilStarted(temporal.client, workflowId, 'ingest')).toBe(true);
    const { raw } = await handle.describe();
    const busy = raw.pendingActivities?.[0]?.lastWorkerIdentity;
    const [stopped, left] = one.ready['identity'] === busy ? [one, other] : [other, one];
    expect(stopped.ready['identity']).toBe(busy);
    expect(await stopped.stop()).toBe(0);
    const summary = (await handle.result()) as RunSummary;
    expect(summary).toMatchObject({ status: 'completed', published: 60_000 * 20 + 1 });
    expect(left.child.exitCode).toBeNull();
    const { events } = await handle.fetchHistory();
    const lastStep = events?.findLast((event) => event.activityTaskStartedEventAttributes != null);
    expect(lastStep?.activityTaskStartedEventAttributes?.identity).toBe(left.ready['identity']);
    expect(await left.stop('SIGINT')).toBe(0);
  });

  it('tells whether one is at work on this machine', async () => {
    const running = await worker();
    const identity = String(running.ready['identity']);
    await expect
      .poll(async () => (await asof('worker', '--check')).stdout, { timeout: 30_000, interval: 500 })
      .toContain(identity);
    expect((await asof('worker', '--check', '--json')).json()).toMatchObject({ project: 'big' });
    const other = { ...env, TEMPORAL_NAMESPACE: 'temporal-system' };
    expectRefused(
      await runCli(['worker', '--check'], { cwd: project.root, env: other }),
      4,
      /no worker of .* serves project "big"/,
      /asof worker/,
    );
  });

  it('serves metrics of the SDK and of the steps', async () => {
    const port = await freePort();
    const running = await worker(['--metrics-address', `127.0.0.1:${port}`], { ASOF_WORKER_ACTIVITIES: '3' });
    expect(running.ready['metrics']).toBe(`http://127.0.0.1:${port}/metrics`);
    await (await start(temporal.client, 'online')).handle.result();
    await store.steps.replayStream('scores', { file: `${project.root}/data/events.parquet`, rate: 0 });
    const stream = await startPipeline(temporal.client, {
      project: 'big',
      pipeline: store.repo.pipelines.get('stream') as NonNullable<ReturnType<typeof store.repo.pipelines.get>>,
      args: { untilEnd: true },
    });
    await stream.handle.result();
    const text = await (await fetch(String(running.ready['metrics']))).text();
    const value = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);
    expect(value(/^asof_step_rows_out_total\{[^}]*activityType="materialize"[^}]*view="stats"[^}]*\} (\d+)$/m)).toBe(
      60_000,
    );
    expect(value(/^asof_stream_events_total\{[^}]*outcome="read"[^}]*\} (\d+)$/m)).toBe(1_000);
    expect(value(/^asof_stream_lag_records\{[^}]*partition="0"[^}]*\} (\d+)$/m)).toBe(0);
    expect(value(/^temporal_worker_task_slots_available\{[^}]*worker_type="ActivityWorker"[^}]*\} (\d+)$/m)).toBe(3);
    expect(text).toMatch(/^temporal_activity_schedule_to_start_latency_seconds_bucket/m);
  });

  it('of a version takes work once its version is current, and keeps its hands off before', async () => {
    const version = ['--deployment-name', 'asof-big', '--build-id', 'build-1'];
    await worker(version);
    const run = await start(temporal.client, 'online');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect((await run.handle.describe()).historyLength).toBe(2);
    await temporalCli('worker', 'deployment', 'set-current-version', ...version, '--yes');
    expect(await run.handle.result()).toMatchObject({ status: 'completed' });
    const { raw } = await run.handle.describe();
    expect(raw.workflowExecutionInfo?.versioningInfo).toMatchObject({ behavior: 2 });
    expect(JSON.stringify(raw.workflowExecutionInfo?.versioningInfo)).toContain('build-1');
    // Runs started by the command line find versioned workers too.
    expect((await asof('run', 'online', '--wait', '--json')).json()).toMatchObject({ status: 'completed' });

    // The next version takes over a stream that is at work.
    const stream = await start(temporal.client, 'stream');
    expect(await untilStarted(temporal.client, stream.workflowId, 'consumeStream')).toBe(true);
    const next = ['--deployment-name', 'asof-big', '--build-id', 'build-2'];
    await worker([], { ASOF_DEPLOYMENT: 'asof-big', ASOF_BUILD_ID: 'build-2' });
    await temporalCli('worker', 'deployment', 'set-current-version', ...next, '--yes');
    await workers[0]?.stop();
    await stream.handle.signal('stop');
    expect(await stream.handle.result()).toMatchObject({ status: 'completed' });
    expect(JSON.stringify((await stream.handle.describe()).raw.workflowExecutionInfo?.versioningInfo)).toContain(
      'build-2',
    );
    await temporalCli(
      'worker',
      'deployment',
      'set-current-version',
      '--deployment-name',
      'asof-big',
      '--unversioned',
      '--yes',
    );
  });

  it('encrypts with the key of the environment, as the other commands do', async () => {
    const secret = { ASOF_PAYLOAD_KEY: `k1:${randomBytes(32).toString('base64')}` };
    await worker([], secret);
    const run = await runCli(['run', 'online', '--wait', '--json'], { cwd: project.root, env: { ...env, ...secret } });
    const { workflowId } = run.json<{ workflowId: string }>();
    expect(run.json()).toMatchObject({ status: 'completed' });
    const history = await temporal.client.workflow.getHandle(workflowId).fetchHistory();
    const input = history.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
    expect(Buffer.from(input?.metadata?.['encoding'] ?? []).toString()).toBe('binary/encrypted');
    const { address } = temporal;
    const service = { address, namespace: 'default', uiUrl: undefined, connection: { address } };
    const client = await connectClient(service, payloadKeys(secret));
    expect(await client.workflow.getHandle(workflowId).result()).toMatchObject({ status: 'completed' });
    await client.connection.close();
  });

  async function temporalCli(...args: string[]): Promise<void> {
    const cli = await findTemporalCli();
    if (cli === undefined) throw new Error('the Temporal CLI is missing');
    await expect
      .poll(
        () => {
          try {
            execFileSync(cli.path, [...args, '--address', temporal.address], { encoding: 'utf8', stdio: 'pipe' });
            return 'done';
          } catch (error) {
            // The server learns of a version when its first worker asks for work.
            return (error as { stderr: string }).stderr;
          }
        },
        { timeout: 30_000, interval: 500 },
      )
      .toBe('done');
  }
});

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
