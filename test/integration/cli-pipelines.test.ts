import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFeatureStore } from '../../src/index.js';
import { scheduleId, startPipeline, taskQueue } from '../../src/temporal/index.js';
import { type CliResult, expectRefused, runCli, type SampleProject, sampleProject } from '../support/cli.js';
import { type CliProcess, startCliProcess } from '../support/cli-process.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

interface Run {
  readonly runId: string;
  readonly status: string;
  readonly note?: string;
}

const pipelines = `
export const loadHourly = pipeline({
  name: 'load_hourly',
  workflow: 'dbToOfflineStore',
  args: { views: ['driver_stats'] },
  schedule: every('1 hour'),
  startAt: '2024-01-01',
  endAt: '2024-01-02T03:00:00Z',
  tags: ['hourly'],
});
`;

/** Runs are started, watched and steered by the real command line on a real server, with a worker that comes and goes. */
describe('running and watching', () => {
  let temporal: TestTemporal;
  let project: SampleProject;
  let worker: CliProcess;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    temporal = await startTemporal();
    env = { TEMPORAL_ADDRESS: temporal.address };
    project = sampleProject();
    project.edit(
      'feature_repo/pipelines.ts',
      'import { daily, once, pipeline }',
      'import { daily, every, once, pipeline }',
    );
    project.edit('feature_repo/pipelines.ts', /$/, pipelines);
  }, 120_000);
  afterAll(async () => {
    await worker.stop();
    await temporal.close();
    project.close();
  });

  const asof = (...args: string[]): Promise<CliResult> => runCli(args, { cwd: project.root, env });
  async function ok(...args: string[]): Promise<CliResult> {
    const result = await asof(...args);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    return result;
  }
  const refused = async (args: string[], code: number, ...patterns: RegExp[]) =>
    expectRefused(await asof(...args), code, ...patterns);
  const startWorker = () => startCliProcess(['worker'], { cwd: project.root, env });
  const run = async (...args: string[]): Promise<Run> => (await ok('run', ...args, '--wait', '--json')).json<Run>();
  const runs = async (...args: string[]): Promise<Run[]> =>
    (await ok('runs', '--json', ...args)).json<{ runs: Run[] }>().runs;

  it('refuses to run what is not applied, and what no worker serves', async () => {
    await refused(['run', 'load_hourly'], 2, /asof apply/);
    await ok('apply');
    await refused(['run', 'load_hourly'], 4, /no worker serves project "drivers"/, /asof worker/);
    worker = await startWorker();
  });

  it('checks names and arguments before anything starts', async () => {
    await Promise.all([
      refused(['run', 'load_hourl'], 2, /no pipeline "load_hourl"/, /did you mean "load_hourly"\?/),
      refused(['run', 'load_hourly', '--param', 'vews=a'], 2, /"vews" is unknown/, /it takes views, full\?/),
      refused(['run', 'load_hourly', '--param', 'full=maybe'], 2, /argument "full" does not fit/, /it takes/),
      refused(['run', 'load_hourly', '--param', 'views'], 2, /has no name and value/, /--param full=true/),
    ]);
    await Promise.all([
      refused(['run', 'load_hourly', '--param', 'views=nope'], 2, /no feature view "nope"/),
      refused(['run', 'load_hourly', '--param', 'full=true', '--args', '{"full": false}'], 2, /--param and by --args/),
      refused(['run', 'load_hourly', '--param', 'full=true', '--param', 'full=true'], 2, /given 2 times/),
      refused(['run', 'load_hourly', '--args', '[1]'], 2, /no JSON object/),
    ]);
    expect(await runs()).toEqual([]);
  });

  it('runs with parameters, and lists and shows what became of it', { timeout: 240_000 }, async () => {
    const first = await run(
      'load_hourly',
      '--start',
      '2024-01-01',
      '--end',
      '2024-01-01T01:00:00Z',
      '--param',
      'full=true',
    );
    expect(first).toMatchObject({ status: 'completed' });
    await run('materialize_offline_to_online', '--param', 'views=driver_stats', '--param', 'full=true');
    const found = (...args: string[]) => expect(runs(...args)).resolves;
    await Promise.all([
      found('--pipeline', 'load_hourly').toMatchObject([{ runId: first.runId, status: 'completed' }]),
      found('--tag', 'hourly', '--status', 'completed', '--limit', '1').toMatchObject([{ runId: first.runId }]),
      found('--view', 'driver_stats', '--from', '2024-01-01T00:30:00Z', '--to', '2024-01-01T00:40:00Z').toHaveLength(2),
    ]);
    await Promise.all([
      found('--to', '2024-01-01', '--from', '2023-01-01').toMatchObject([
        { pipeline: 'materialize_offline_to_online' },
      ]),
      found('--view', 'driver_stats_stream').toEqual([]),
      expect(ok('runs', '--status', 'failed')).resolves.toMatchObject({ stdout: 'No run is like that.\n' }),
    ]);
    const shown = (await ok('runs', 'show', first.runId)).stdout;
    expect(shown).toMatch(/^load_hourly: completed\n/);
    expect(shown).toMatch(/interval {3}2024-01-01 00:00 \+ 1 h\n/);
    expect(shown).toMatch(/arguments {2}\{"views":\["driver_stats"\],"full":true\}\n/);
    expect(shown).toMatch(/publish driver_stats +│ completed │ \d\d:\d\d:\d\d │ .+ │ 1,805 +│ 1,805/);
    expect(shown).toMatch(/log, the last lines \(`asof logs /);
  });

  it('refuses filters that are none', async () => {
    await Promise.all([
      refused(['runs', '--status', 'complete'], 2, /--status "complete" is none/, /did you mean "completed"\?/),
      refused(['runs', '--from', 'monday'], 2, /--from "monday" is no time/),
      refused(['runs', '--from', '2024-01-02', '--to', '2024-01-01'], 2, /is not before/, /swap/),
    ]);
    await Promise.all([
      refused(['runs', '--pipeline', 'load_dayly'], 2, /no pipeline "load_dayly"/),
      refused(['runs', '--view', 'nope'], 2, /no feature view "nope"/),
      refused(['runs', 'show', 'nope'], 2, /there is no run "nope"/, /`asof runs` lists them/),
    ]);
  });

  it('draws the intervals of a pipeline, and says how to fill them', async () => {
    const { stdout } = await ok('intervals', 'load_hourly');
    expect(stdout).toBe(
      [
        'load_hourly: every hour; times are UTC',
        '            00    06    12    18',
        `2024-01-01  #${'.'.repeat(23)}`,
        '2024-01-02  ...',
        '            # done   . missing',
        '27 intervals: 1 done, 26 missing',
        'first missing: 2024-01-01 01:00',
        '  → asof backfill load_hourly --from 2024-01-01T01:00:00Z --to 2024-01-02T03:00:00Z --only missing\n',
      ].join('\n'),
    );
    const few = await ok('intervals', 'load_hourly', '--to', '2024-01-01T02:00:00Z', '--json');
    expect(few.json()).toMatchObject({
      counts: { done: 1, missing: 1 },
      intervals: [{ status: 'done', runId: expect.any(String) }, { status: 'missing' }],
    });
    await Promise.all([
      refused(['intervals', 'db_to_offline_store'], 2, /of once\(\) has no intervals/),
      refused(['intervals', 'nope'], 2, /no pipeline "nope"/),
      refused(['intervals', 'load_hourly', '--from', '2024-01-02', '--to', '2024-01-01'], 2, /is not before/),
    ]);
  });

  it('pauses and lets go of a schedule, and says when there is none', async () => {
    const name = 'verify_online_offline';
    await refused(['pause', name], 2, /is not deployed: there is nothing to pause/, /asof deploy/);
    await refused(['pause', 'stream_to_stores'], 2, /nothing to pause/, /asof stream pause stream_to_stores/);
    await refused(['pause', name, '--reason', ' '], 2, /--reason is empty/);
    await temporal.client.schedule.create({
      scheduleId: scheduleId('drivers', name),
      spec: { calendars: [{ hour: 0, minute: 0 }] },
      action: {
        type: 'startWorkflow',
        workflowType: 'verifyOnlineOffline',
        taskQueue: taskQueue('drivers'),
        args: [{ pipeline: name }],
      },
    });
    const next = (await ok('pipelines', name, '--json')).json<{ pipelines: { next: string[] }[] }>();
    expect(next).toMatchObject({ temporal: true, pipelines: [{ deployed: true, paused: false, nextFrom: 'server' }] });
    expect(next.pipelines[0]?.next).toHaveLength(5);
    const reason = 'the export is late';
    expect((await ok('pause', name, '--reason', reason)).stdout).toMatch(
      /^Paused verify_online_offline: the export is late\n/,
    );
    expect((await ok('pause', name)).stdout).toBe(`${name} was paused already: ${reason}\n`);
    expect((await ok('pause', name, '--json')).json()).toEqual({
      pipeline: name,
      paused: true,
      changed: false,
      reason,
    });
    expect((await ok('pipelines', name)).stdout).toMatch(
      /^verify_online_offline {2}daily at 00:00 {2}PAUSED: the export is late\n/,
    );
    expect((await ok('unpause', name)).stdout).toMatch(
      /starts runs again \(it was paused: the export is late\)\.\n.+asof intervals/,
    );
    expect((await ok('unpause', name)).stdout).toBe(`${name} is not paused.\n`);
    // One right after the other: the server may lose a patch, the commands may not.
    for (const [paused, command] of [
      [true, 'pause'],
      [false, 'unpause'],
    ] as const) {
      await ok(command, name);
      expect((await temporal.client.schedule.getHandle(scheduleId('drivers', name)).describe()).state.paused).toBe(
        paused,
      );
    }
  });

  it('lists pipelines with their next runs, their last one and the age of their data', async () => {
    const { stdout } = await ok('pipelines');
    expect(stdout).toMatch(
      /^load_hourly {2}every hour {2}ended 2024-01-02 03:00\n {2}next {6}never again\n {2}last run {2}completed .+1,805 rows/m,
    );
    expect(stdout).toMatch(/^ {2}data {6}driver_stats {9}newest event 2021-07-28 10:00, written /m);
    expect(stdout).toMatch(/^db_to_offline_store {2}once\n {2}last run {2}never\n/m);
    await refused(['pipelines', 'nope'], 2, /no pipeline "nope"/);
  });

  it('watches a run at work, and cancels it by the name of its pipeline', async () => {
    expect((await ok('cancel', 'stream_to_stores')).stdout).toBe(
      'No run of stream_to_stores is at work; it never ran\n',
    );
    const events = ['--file', 'data/driver_stats_stream.parquet', '--limit', '50', '--rate', '0'];
    await ok('stream', 'produce', 'driver_stats_stream', ...events);
    const { runId } = (await ok('run', 'stream_to_stores', '--json')).json<Run>();
    await expect
      .poll(async () => (await asof('runs', 'show', runId)).stdout, { timeout: 30_000 })
      .toMatch(/\*\*running\*\*: \d+ read/);
    expect(await runs('--status', 'running')).toMatchObject([{ runId, status: 'running' }]);
    await expect
      .poll(async () => (await asof('cancel', 'stream_to_stores')).stdout, { timeout: 60_000 })
      .toMatch(/^Cancelled run .+ of stream_to_stores\n$/);
    expect((await ok('cancel', runId)).stdout).toMatch(/of stream_to_stores is over: cancelled at /);
    expect((await ok('runs', 'show', runId)).stdout).toMatch(/^stream_to_stores: cancelled\n/);
    await refused(['cancel', 'nope'], 2, /there is no run "nope"/);
  });

  it('calls a run lost whose workflow was ended from outside, and closes it', async () => {
    const { runId } = (await ok('run', 'stream_to_stores', '--json')).json<Run>();
    const [{ workflowId } = { workflowId: '' }] = (await runs('--status', 'running')) as (Run & {
      workflowId: string;
    })[];
    await temporal.client.workflow.getHandle(workflowId).terminate();
    expect(await runs('--status', 'lost')).toMatchObject([{ runId, status: 'lost', note: 'Temporal says TERMINATED' }]);
    expect(await runs('--status', 'running')).toEqual([]);
    expect((await ok('runs', 'show', runId)).stdout).toMatch(/^stream_to_stores: lost \(Temporal says TERMINATED\)\n/);
    expect((await ok('cancel', runId)).stdout).toMatch(/is over: Temporal says TERMINATED\n/);
    expect(await runs('--status', 'failed')).toMatchObject([{ runId, message: /TERMINATED/ }]);
  });

  it('without a worker asks several runs to end by their ids, which end when one is there', async () => {
    await worker.stop();
    const store = await openFeatureStore(`${project.root}/feature_repo`);
    const pipeline = store.repo.pipelines.get('load_hourly');
    await store.close();
    if (pipeline === undefined) throw new Error('no pipeline load_hourly');
    const started = await Promise.all(
      ['drivers/one', 'drivers/other'].map((workflowId) =>
        startPipeline(temporal.client, { project: 'drivers', pipeline, workflowId }),
      ),
    );
    await expect
      .poll(async () => (await asof('cancel', 'load_hourly', '--no-wait')).stderr, { timeout: 30_000 })
      .toMatch(/2 runs of pipeline "load_hourly" are at work\n.*asof cancel <run>\n.*drivers\/o.+\n.*drivers\/o/);
    expect((await ok('cancel', 'drivers/one', '--no-wait')).stdout).toMatch(/^Asked run .+ to end/);
    worker = await startWorker();
    await expect(started[0]?.handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    await started[1]?.handle.result();
  });
});
