import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefused, runCli, type SampleProject, sampleProject } from '../support/cli.js';

const bin = fileURLToPath(new URL('../../bin/asof.js', import.meta.url));

interface Up {
  readonly child: ChildProcess;
  readonly address: string;
  readonly ownsServer: boolean;
  readonly schedulesThatDiffer: number;
}

interface RunJson {
  readonly runId: string;
  readonly workflowId: string;
  readonly status: string;
  readonly steps: readonly { name: string; attempts: number; rowsIn: number; rowsOut: number; durationMs: number }[];
  readonly published: number;
  readonly url: string;
}

/** The whole story through the command line: what a person does on the first day, with a server and workers of their own. */
describe('asof up and the pipelines', () => {
  let project: SampleProject;
  const started: ChildProcess[] = [];

  beforeAll(async () => {
    project = sampleProject();
    await project.ok('apply');
  });

  afterAll(async () => {
    await Promise.all(started.map(stop));
    project.close();
  });

  async function up(): Promise<Up> {
    const env = { ...process.env };
    delete env['TEMPORAL_ADDRESS'];
    const child = spawn(process.execPath, [bin, 'up', '--json'], {
      cwd: project.root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    started.push(child);
    let said = '';
    return new Promise((resolve, reject) => {
      child.stderr.on('data', (data: Buffer) => (said += data.toString()));
      child.stdout.on('data', (data: Buffer) => {
        said += data.toString();
        try {
          resolve({ child, ...(JSON.parse(said) as Omit<Up, 'child'>) });
        } catch {
          // More of the object is to come.
        }
      });
      child.once('exit', (code) => reject(new Error(`asof up ended with ${code}: ${said}`)));
    });
  }

  /** Ctrl-C. @returns the exit code. */
  async function stop(child: ChildProcess): Promise<number | null> {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGINT');
      await ended;
    }
    return child.exitCode;
  }

  const reachable = async (address: string): Promise<boolean> => {
    const result = await project.asof('run', 'db_to_offline_store');
    return result.code === 0 && address.length > 0;
  };

  it('says how to start Temporal when there is none, and how to reach another', async () => {
    const { code, stderr } = await project.asof('run', 'db_to_offline_store', '--wait');
    expect(code).toBe(4);
    expect(stderr).toMatch(/asof up.*TEMPORAL_ADDRESS/);
  });

  it('says that a service that was named does not answer', async () => {
    const child = spawn(process.execPath, [bin, 'run', 'db_to_offline_store'], {
      cwd: project.root,
      env: { ...process.env, TEMPORAL_ADDRESS: '127.0.0.1:1' },
    });
    let stderr = '';
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(4);
    expect(stderr).toMatch(/does not answer at 127.0.0.1:1/);
  });

  it('goes from definitions to training data and online features', async () => {
    const { ownsServer, schedulesThatDiffer } = await up();
    expect(ownsServer).toBe(true);
    // Nothing is deployed: those of the sample and the two every project has.
    expect(schedulesThatDiffer).toBe(6);
    const load = (await project.ok('run', 'db_to_offline_store', '--wait', '--json')).json<RunJson>();
    expect(load).toMatchObject({ status: 'completed', published: 1_805 });
    expect(load.steps.map(({ name, rowsIn, rowsOut }) => [name, rowsIn, rowsOut])).toEqual([
      ['ingest driver_stats', 1_807, 1_807],
      ['clean driver_stats', 1_807, 1_805],
      ['explore and validate driver_stats', 1_805, 1_805],
      ['publish driver_stats', 1_805, 1_805],
    ]);
    const again = (await project.ok('run', 'db_to_offline_store', '--wait', '--json')).json<RunJson>();
    expect(again).toMatchObject({ status: 'completed', published: 0 });
    const online = (await project.ok('run', 'materialize_offline_to_online', '--wait', '--json')).json<RunJson>();
    expect(online.published).toBe(5);

    const read = await project.ok(
      'get-online-features',
      '--service',
      'driver_ranking',
      '--key',
      'driver_id=1001',
      '--json',
    );
    expect(read.json<{ rows: unknown[] }>().rows).toEqual([
      {
        driver_id: 1001,
        conv_rate: Math.fround(0.222533852),
        acc_rate: Math.fround(0.927691281),
        avg_daily_trips: 114,
      },
    ]);
    const { runs } = (await project.ok('runs', '--json')).json<{ runs: { status: string }[] }>();
    expect(runs.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
    const shown = await project.ok('runs', 'show', load.runId.slice(0, 13));
    expect(shown.stdout).toContain(load.url);
    expect(shown.stdout).toContain('report.html');
    const unknown = await project.asof('run', 'nope', '--wait');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toMatch(/no pipeline "nope".*db_to_offline_store/s);
  });

  it('refuses a run whose arguments do not fit, before anything starts', async () => {
    const refused = await project.asof('run', 'db_to_offline_store', '--args', '{"viws": ["driver_stats"]}');
    expectRefused(refused, 2, /argument "viws" is unknown.*it takes views/s);
  });

  it('is joined by a second one, which never starts another server', async () => {
    const second = await up();
    expect(second.ownsServer).toBe(false);
    const first = await project.ok('doctor', '--json');
    expect(first.stdout).toContain(second.address);
    expect(await stop(second.child)).toBe(0);
    expect(await reachable(second.address)).toBe(true);
  });

  it('is stopped by Ctrl-C, server and all, and a run that was under way goes on after the next start', async () => {
    const sample = path.join('data', 'driver_stats_stream.parquet');
    await project.ok('stream', 'produce', 'driver_stats_stream', '--file', sample, '--rate', '0', '--limit', '500');
    const { workflowId } = (await project.ok('run', 'stream_to_stores', '--json')).json<RunJson>();
    const first = started[0] as ChildProcess;
    await expect
      .poll(async () => (await project.ok('stream', 'status', 'stream_to_stores', '--json')).stdout, {
        timeout: 30_000,
      })
      .toContain(workflowId);
    const code = await stop(first);
    expect(code).toBe(0);
    expect((await project.asof('run', 'db_to_offline_store')).code).toBe(4);

    await up();
    await project.ok('stream', 'produce', 'driver_stats_stream', '--file', sample, '--rate', '0', '--limit', '300');
    const status = async () =>
      (await project.ok('stream', 'status', 'stream_to_stores', '--json')).json<{
        workflowId: string;
        status: string;
      }>();
    await expect.poll(status, { timeout: 30_000 }).toMatchObject({ workflowId, status: 'running' });
    await expect
      .poll(
        async () => {
          const entities =
            'SELECT count(*) AS n, max(event_timestamp) AS event_timestamp, 1001 AS driver_id FROM driver_stats_stream';
          const features = 'driver_stats_stream:conv_rate';
          const read = await project.ok(
            'get-historical-features',
            '--entities',
            entities,
            '--features',
            features,
            '--json',
          );
          return read.json<{ rows: { n: number }[] }>().rows[0]?.n;
        },
        { timeout: 60_000, interval: 500 },
      )
      .toBe(800);
    await project.ok('stream', 'stop', 'stream_to_stores');
    await expect
      .poll(
        async () =>
          (await project.ok('runs', '--pipeline', 'stream_to_stores', '--json')).json<{
            runs: { status: string; published: number }[];
          }>().runs[0],
        {
          timeout: 30_000,
        },
      )
      .toMatchObject({ status: 'completed', published: 800 });
  });

  it('lets a run go on when Ctrl-C ends the waiting for it', async () => {
    const interrupted = await runCli(['run', 'stream_to_stores', '--wait'], {
      cwd: project.root,
      onStart: async (child) => {
        await expect
          .poll(async () => (await project.asof('stream', 'status', 'stream_to_stores')).code, { timeout: 30_000 })
          .toBe(0);
        child.kill('SIGINT');
      },
    });
    expect(interrupted.stderr).toMatch(/^asof: no longer waiting; the run goes on: asof runs show \S+\s*$/);
    expect(interrupted.code).toBe(130);
    await project.ok('stream', 'stop', 'stream_to_stores');
    await expect
      .poll(async () => (await project.asof('stream', 'status', 'stream_to_stores')).code, { timeout: 30_000 })
      .toBe(2);
  });
});
