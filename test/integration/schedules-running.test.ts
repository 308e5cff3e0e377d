import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection, type ScheduleDescription } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { differenceLines, schedulesThatDiffer } from '../../src/cli/schedule-differences.js';
import { intervalStatuses, type Pipeline, type RunRecord } from '../../src/index.js';
import { intervalAt, nextTimes } from '../../src/runs/index.js';
import { type DeployStep, deploy, planDeploy, setPaused, startBackfill } from '../../src/temporal/index.js';
import type { RunningWorker } from '../../src/temporal/worker.js';
import { workerFor } from '../support/in-process-worker.js';
import { definitionsText, TestStore } from '../support/store.js';
import { startTemporalServer, type TemporalServer } from '../support/temporal-server.js';

/** Workflows of the project's own: one that is at work until it is told to end, and one that is done at once. */
const workflows = `
import { condition, defineSignal, setHandler, pipelineRun } from 'asof/workflow';
export const end = defineSignal('end');
export async function waits(input) {
  let isOver = false;
  setHandler(end, () => { isOver = true; });
  return pipelineRun(input, async () => { await condition(() => isOver); });
}
export const quick = (input) => pipelineRun(input, async () => undefined);
`;

const dayMs = 86_400_000;
const day = (n: number): Date => new Date((Math.floor(Date.now() / dayMs) + n) * dayMs);
const daysBehind = 6;

/** Days as intervals, from today plus so many on. */
const daysFrom = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${day(first + i).toISOString()} ${day(first + i + 1).toISOString()}`);

const pipelines = `
const waits = (overlap: string, seconds = '1 second') => pipeline({ name: overlap + 's', workflow: 'waits', schedule: asof.every(seconds), overlap });
const quick = (name: string, schedule: object, more: object = {}) => pipeline({ name, workflow: 'quick', schedule, ...more });
export const overlaps = [waits('skip'), waits('queue'), waits('allow'), waits('cancel', '2 seconds')];
export const beats = quick('beats', asof.every('2 seconds'), { overlap: 'queue' });
export const york = quick('york', asof.cron('30 1,2 * * *', { timezone: 'America/New_York' }));
export const behind = quick('behind', daily(), { startAt: '${day(-daysBehind).toISOString()}', catchup: true, maxActiveRuns: 3 });
export const newest = quick('newest', asof.every('10 seconds'));
export const each = quick('each', asof.every('5 seconds'), { startAt: '${new Date().toISOString()}', catchup: true });
`;

const timeout = 60_000;

describe('schedules as they run', () => {
  let temporal: TemporalServer;
  let project: TestStore;
  let worker: RunningWorker;

  beforeAll(async () => {
    temporal = await startTemporalServer();
    project = await TestStore.open({});
    const settings = 'defaultPipelines: false';
    writeFileSync(path.join(project.repo, 'definitions.ts'), `${definitionsText({ settings })}${pipelines}`);
    mkdirSync(path.join(project.root, 'workflows'));
    writeFileSync(path.join(project.root, 'workflows', 'own.ts'), workflows);
    await project.reopen();
    worker = await workerFor(project.store, temporal.address);
  });
  /** What a test deployed starts nothing in the next. */
  afterEach(async () => {
    await temporal.server.start();
    for await (const { scheduleId } of temporal.client.schedule.list())
      await temporal.client.schedule.getHandle(scheduleId).delete();
    // Those of the tests before are gone.
    for (const { workflowId } of await runs({ status: 'running' }))
      await temporal.client.workflow
        .getHandle(workflowId)
        .terminate()
        .catch(() => undefined);
  });
  afterAll(async () => {
    await worker?.stop();
    await project?.close();
    await temporal?.close();
  });

  function definitionOf(name: string): Pipeline {
    const found = project.store.repo.pipelines.get(name);
    if (found === undefined) throw new Error(`no pipeline ${name}`);
    return found;
  }

  /** What `asof deploy` does for some of the pipelines. */
  async function deployOnly(names: readonly string[], { catchUp = true } = {}): Promise<DeployStep[]> {
    const planned = await planDeploy({ client: temporal.client, store: project.store, force: false });
    const wanted = planned
      .filter(({ pipeline }) => names.includes(pipeline))
      .filter(({ action }) => catchUp || action !== 'catch up');
    for (const { perform } of wanted) await perform?.();
    return wanted;
  }

  const onServer = (name: string): Promise<ScheduleDescription> =>
    temporal.client.schedule.getHandle(`test/${name}`).describe();

  /** The oldest interval first. */
  async function runs(filter: { pipeline?: string; status?: RunRecord['status'] }): Promise<RunRecord[]> {
    const found = await project.store.runs.list({ ...filter, limit: 1_000 });
    return found.sort((a, b) => a.interval.end.localeCompare(b.interval.end));
  }

  const intervalsOf = (records: readonly RunRecord[]): string[] =>
    records.map(({ interval }) => `${interval.start} ${interval.end}`);

  async function untilRuns(pipeline: string, status: RunRecord['status'], count: number): Promise<RunRecord[]> {
    await expect
      .poll(async () => (await runs({ pipeline, status })).length, { timeout, interval: 300 })
      .toBeGreaterThanOrEqual(count);
    return (await runs({ pipeline })).filter((run) => run.status === status);
  }

  const end = (run: RunRecord | undefined): Promise<void> =>
    temporal.client.workflow.getHandle(run?.workflowId ?? '').signal('end');

  const meet = (records: readonly RunRecord[]): boolean[] =>
    records.slice(1).map(({ interval }, i) => interval.start === records[i]?.interval.end);

  it('run the newest interval after an outage, or, where they catch up, each that was missed', async () => {
    // What was due before it was deployed is another matter.
    await deployOnly(['newest', 'each'], { catchUp: false });
    await untilRuns('newest', 'completed', 1);
    await untilRuns('each', 'completed', 1);
    await temporal.server.kill();
    const gone = new Date();
    const [before, last] = nextTimes(definitionOf('newest'), gone, 2) as [Date, Date];
    await sleep(last.getTime() + 500 - Date.now());
    const back = new Date();
    await temporal.server.start();

    const endsOf = (records: readonly RunRecord[]): string[] => records.map(({ interval }) => interval.end);
    await expect
      .poll(async () => endsOf(await runs({ pipeline: 'newest' })).at(-1), { timeout, interval: 300 })
      .toSatisfy((end: string) => end >= last.toISOString());
    expect(endsOf(await runs({ pipeline: 'newest' }))).not.toContain(before.toISOString());
    expect((await onServer('newest')).info.numActionsMissedCatchupWindow).toBeGreaterThanOrEqual(1);

    const ended = async () => endsOf(await runs({ pipeline: 'each', status: 'completed' }));
    await expect
      .poll(async () => (await ended()).at(-1), { timeout, interval: 300 })
      .toSatisfy((end: string) => end > back.toISOString());
    const each = await runs({ pipeline: 'each' });
    expect(meet(each)).not.toContain(false);
    const missed = each.filter(({ interval: { end } }) => end > gone.toISOString() && end <= back.toISOString());
    expect(missed.length).toBeGreaterThanOrEqual(2);
    expect(new Set(missed.map(({ status }) => status))).toEqual(new Set(['completed']));
  });

  it('skip what is due while a run is at work', async () => {
    await deployOnly(['skips']);
    const [first] = await untilRuns('skips', 'running', 1);
    const skipped = async () => (await onServer('skips')).info.numActionsSkippedOverlap;
    await expect.poll(skipped, { timeout, interval: 300 }).toBeGreaterThanOrEqual(2);
    expect(await runs({ pipeline: 'skips' })).toHaveLength(1);
    await end(first);
    await untilRuns('skips', 'completed', 1);
    const [next] = await untilRuns('skips', 'running', 1);
    expect(Date.parse(next?.interval.start ?? '')).toBeGreaterThan(Date.parse(first?.interval.end ?? ''));
  });

  it('queue it: one after the other, each with its own interval', async () => {
    await deployOnly(['queues']);
    const [first] = await untilRuns('queues', 'running', 1);
    const queued = async () => Number((await onServer('queues')).raw.info?.bufferSize ?? 0);
    await expect.poll(queued, { timeout, interval: 300 }).toBeGreaterThanOrEqual(2);
    expect(await runs({ pipeline: 'queues' })).toHaveLength(1);
    await end(first);
    await untilRuns('queues', 'completed', 1);
    const [second] = await untilRuns('queues', 'running', 1);
    await end(second);
    await untilRuns('queues', 'completed', 2);
    await untilRuns('queues', 'running', 1);
    const all = await runs({ pipeline: 'queues' });
    expect(all.map(({ status }) => status)).toEqual(['completed', 'completed', 'running']);
    expect(meet(all)).toEqual([true, true]);
  });

  it('allow it beside', async () => {
    await deployOnly(['allows']);
    const atWork = await untilRuns('allows', 'running', 3);
    expect(meet(atWork)).not.toContain(false);
  });

  it('cancel the run before', async () => {
    await deployOnly(['cancels']);
    await untilRuns('cancels', 'cancelled', 2);
    await untilRuns('cancels', 'running', 1);
    const all = await runs({ pipeline: 'cancels' });
    expect(all.slice(0, 2).map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
    expect(all.filter(({ status }) => status === 'running').length).toBeLessThanOrEqual(2);
  });

  it('are of the intervals that end when they are due, which meet', async () => {
    await deployOnly(['beats']);
    const found = (await untilRuns('beats', 'completed', 4)).slice(0, 4);
    expect(meet(found)).toEqual([true, true, true]);
    for (const { workflowId, interval, trigger } of found) {
      const nominal = new Date(workflowId.slice('test/beats-'.length));
      const { start, end } = intervalAt(definitionOf('beats').schedule, undefined, nominal);
      expect({ trigger, interval, end }).toEqual({
        trigger: 'schedule',
        interval: { start: start.toISOString(), end: end.toISOString() },
        end: nominal,
      });
    }
  });

  it('are so around changes of the clocks too: 02:30 that is not there, 01:30 that comes twice', async () => {
    await deployOnly(['york']);
    // As the server would have started them then; in one patch: of several it loses some.
    await temporal.client.schedule.getHandle('test/york').backfill(
      ['2024-03-09', '2024-11-02'].map((first) => ({
        start: new Date(`${first}T12:00:00Z`),
        end: new Date(Date.parse(`${first}T12:00:00Z`) + 2 * dayMs),
        overlap: 'ALLOW_ALL' as const,
      })),
    );
    await untilRuns('york', 'completed', 8);
    const found = (await runs({ pipeline: 'york' })).filter(({ interval }) => interval.end < '2025');
    expect(new Set(found.map(({ trigger }) => trigger))).toEqual(new Set(['schedule']));
    const ends = (texts: string[]): string[] =>
      texts.slice(1).map((end, i) => `2024-${texts[i]}:00.000Z 2024-${end}:00.000Z`);
    expect(intervalsOf(found)).toEqual([
      ...ends(['03-09T07:30', '03-10T06:30', '03-11T05:30', '03-11T06:30']),
      ...ends(['11-02T06:30', '11-03T05:30', '11-03T06:30', '11-03T07:30', '11-04T06:30', '11-04T07:30']),
    ]);
  });

  it('lose nothing when deploy, pause and catch-up come one right after the other', async () => {
    const target = { project: 'test', pipeline: 'behind' };
    expect((await deployOnly(['behind'])).map(({ action }) => action)).toEqual(['add', 'catch up']);
    await setPaused(temporal.client, { ...target, paused: true }, 'for a moment');
    await deployOnly(['behind']);
    await setPaused(temporal.client, { ...target, paused: false });
    await deployOnly(['behind']);
    expect(await temporal.client.workflow.getHandle('test/catchup/behind').result()).toMatchObject({
      done: daysBehind,
    });
    const found = (await runs({ pipeline: 'behind' })).filter(({ trigger }) => trigger === 'catchup');
    expect(intervalsOf(found)).toEqual(daysFrom(-daysBehind, daysBehind));
    const statuses = await intervalStatuses(project.store, 'behind', { from: day(-daysBehind), to: day(0) });
    expect(statuses.map(({ status }) => status)).toEqual(statuses.map(() => 'done'));
    expect((await deployOnly(['behind'])).map(({ action }) => action)).toEqual(['none']);
  });

  it('backfill exactly the intervals of a range, both ends; what is deployed has no jitter to shift them', async () => {
    const range = { from: day(-5).toISOString(), to: day(-2).toISOString() };
    const how = { only: 'all', parallel: 2, reverse: false, trigger: 'backfill' } as const;
    const { handle } = await startBackfill(temporal.client, 'test', { pipeline: 'behind', ...range, ...how });
    await handle.result();
    const found = (await runs({ pipeline: 'behind' })).filter(({ trigger }) => trigger === 'backfill');
    expect(intervalsOf(found)).toEqual(daysFrom(-5, 3));
    await deployOnly(['beats', 'york', 'behind']);
    for (const name of ['beats', 'york', 'behind']) expect((await onServer(name)).spec.jitter ?? 0).toBe(0);
  });

  it('are all there after a deploy in whose middle the server died, and another; nothing is doubled', async () => {
    const half = await TestStore.open();
    const { client, server } = temporal;
    const settings = 'defaultPipelines: false';
    writeFileSync(
      path.join(half.repo, 'definitions.ts'),
      `${definitionsText({ project: 'half', settings })}
const verify = (name: string, schedule: object, more: object = {}) =>
  pipeline({ name, workflow: 'verifyOnlineOffline', args: { views: ['stats'] }, schedule, ...more });
export const all = [verify('a', daily()), verify('b', asof.every('2 hours')), verify('c', asof.once()),
  verify('d', daily(), { startAt: '2024-01-01', catchup: true })];
`,
    );
    await half.reopen();
    const request = { client, store: half.store, force: false };
    expect(differenceLines(await schedulesThatDiffer(half.store, client))).toEqual([
      '4 schedules differ from the definitions: run `asof deploy`',
    ]);
    // One that does not try again for half a minute.
    const connection = await Connection.connect({ address: temporal.address, interceptors: [] });
    const impatient = new Client({ connection });
    let killed: Promise<void> | undefined;
    const broken = deploy({ ...request, client: impatient }, ({ pipeline }) => {
      if (pipeline === 'b') killed = server.kill();
    });
    await expect(broken).rejects.toMatchObject({
      name: 'StoreUnavailableError',
      message: expect.stringMatching(/in the middle of the deploy; done: add half\/a, add half\/b$/),
      mend: expect.stringMatching(/run `asof deploy` again/),
    });
    await killed;
    expect(await schedulesThatDiffer(half.store, impatient)).toBeUndefined();
    await connection.close();
    await server.start();
    const brief = (steps: readonly DeployStep[]): string[] =>
      steps.filter(({ action }) => action !== 'none').map(({ action, pipeline }) => `${action} ${pipeline}`);
    expect(brief(await deploy(request))).toEqual(['start c', 'add d', 'catch up d']);
    expect(brief(await deploy(request))).toEqual([]);
    expect(differenceLines(await schedulesThatDiffer(half.store, client))).toEqual([]);
    const ids: string[] = [];
    for await (const { scheduleId } of client.schedule.list()) ids.push(scheduleId);
    expect(ids.filter((id) => id.startsWith('half/')).sort()).toEqual(['half/a', 'half/b', 'half/d']);
    await client.schedule
      .getHandle('half/a')
      .update((now) => ({ ...now, policies: { ...now.policies, overlap: 'ALLOW_ALL' } }));
    expect(differenceLines(await schedulesThatDiffer(half.store, client))).toEqual([
      '1 schedule differs from the definitions: run `asof deploy`',
    ]);
    await half.close();
  });
});
