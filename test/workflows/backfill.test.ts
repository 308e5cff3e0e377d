import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { failureReason, type RunningWorker, startBackfill, startPipeline } from '../../src/temporal/index.js';
import type { BackfillInput, BackfillSummary } from '../../workflows/lib/backfill-contract.js';
import type { BackfillState } from '../../workflows/lib/backfill-progress.js';
import { recordHistories } from '../support/histories.js';
import { hour, hourlyProject, Ingests } from '../support/hourly-project.js';
import { workerFor } from '../support/in-process-worker.js';
import type { TestStore } from '../support/store.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

describe('a backfill', () => {
  let temporal: TestTemporal;
  let project: TestStore;
  let ingests: Ingests;
  let worker: RunningWorker;
  /** Each test has hours of its own. */
  let next = 0;

  beforeAll(async () => {
    temporal = await startTemporal();
    project = await hourlyProject();
    ingests = new Ingests(project.store);
    worker = await workerFor(project.store, temporal.address);
  });
  afterEach(() => {
    ingests.fail.clear();
    ingests.hold.clear();
    ingests.seen = [];
    ingests.mostAtWork = 0;
  });
  afterAll(async () => {
    await worker.stop();
    await project.close();
    await temporal.close();
  });

  /** Hours nobody else uses. */
  function hours(count: number): { from: string; to: string; starts: string[] } {
    const first = next;
    next += count + 1;
    const starts = Array.from({ length: count }, (_, i) => hour(first + i));
    return { from: hour(first), to: hour(first + count), starts };
  }

  const start = (range: { from: string; to: string }, more: Partial<BackfillInput> = {}) =>
    startBackfill(temporal.client, project.store.project, {
      ...{ pipeline: 'hours', only: 'missing', parallel: 3, reverse: false, from: range.from, to: range.to },
      ...more,
    });
  const run = async (...args: Parameters<typeof start>): Promise<BackfillSummary> =>
    (await start(...args)).handle.result() as Promise<BackfillSummary>;
  const failure = async (...args: Parameters<typeof start>): Promise<string> =>
    (await start(...args)).handle.result().then(() => 'completed', failureReason);
  const stateOf = (handle: Awaited<ReturnType<typeof start>>['handle']) => handle.query<BackfillState>('backfill');
  const runsOf = async (range: { starts: string[] }) =>
    (await project.store.runs.list({ pipeline: 'hours', limit: 1_000 })).filter(({ interval }) =>
      range.starts.includes(interval.start),
    );

  it('runs each interval once, some at a time', async () => {
    const range = hours(6);
    for (const at of range.starts.slice(0, 3)) ingests.hold.add(at);
    const { handle, workflowId, runId } = await start(range);
    await ingests.until(...range.starts.slice(0, 3));
    expect(await stateOf(handle)).toMatchObject({
      status: 'running',
      range: { start: range.from, end: range.to },
      counts: { total: 6, done: 0, running: 3 },
    });
    ingests.hold.clear();
    const summary = (await handle.result()) as BackfillSummary;
    expect(summary).toEqual({
      ...{ pipeline: 'hours', workflowId, status: 'completed', total: 6, done: 6, failed: 0, skipped: 0 },
    });
    expect([...ingests.seen].sort()).toEqual(range.starts);
    expect(ingests.mostAtWork).toBe(3);
    const records = await runsOf(range);
    expect(records.map(({ status, trigger }) => [status, trigger])).toEqual(
      Array.from({ length: 6 }, () => ['completed', 'backfill']),
    );
    expect(await project.store.runs.backfills.find(runId)).toMatchObject({
      ...{ status: 'completed', total: 6, done: 6, failed: 0, skipped: 0, only: 'missing' },
      range: { start: range.from, end: range.to },
    });
  });

  it('goes from the newest to the oldest', async () => {
    const range = hours(3);
    await run(range, { reverse: true, parallel: 1 });
    expect(ingests.seen).toEqual([...range.starts].reverse());
  });

  it('tries all before it fails, and runs again what failed, what is missing, or everything', async () => {
    const range = hours(4);
    const [first = '', second = '', third = ''] = range.starts;
    ingests.fail.set(first, 'the file of this hour is empty');
    ingests.fail.set(third, 'the file of this hour is empty');
    const { handle, runId } = await start(range);
    const message = await handle.result().then(() => 'completed', failureReason);
    expect(message).toMatch(/^2 of 4 intervals failed: .*the file of this hour is empty.*\n {2}→ `asof backfill hours/);
    expect(await stateOf(handle)).toMatchObject({ counts: { total: 4, done: 2, failed: 2, skipped: 0, running: 0 } });
    const record = await project.store.runs.backfills.find(runId);
    expect(record).toMatchObject({ status: 'failed', done: 2, failed: 2, message });
    expect(record?.failures.map(({ start: at }) => at).sort()).toEqual([first, third]);

    ingests.fail.delete(third);
    ingests.seen = [];
    expect(await failure(range, { only: 'failed' })).toMatch(/^1 of 2 intervals failed/);
    expect([...ingests.seen].sort()).toEqual([first, third]);

    ingests.fail.clear();
    ingests.seen = [];
    expect(await run(range)).toMatchObject({ total: 1, done: 1 });
    expect(await run(range, { only: 'failed' })).toMatchObject({ total: 0, done: 0 });
    expect(ingests.seen).toEqual([first]);

    ingests.seen = [];
    expect(await run(range, { only: 'all' })).toMatchObject({ total: 4, done: 4 });
    expect([...ingests.seen].sort()).toEqual(range.starts);
    // An interval that failed again has its data all the same.
    ingests.fail.set(second, 'the file is gone');
    await failure({ from: second, to: third }, { only: 'all' });
    expect(await run(range)).toMatchObject({ total: 0 });
    ingests.fail.clear();
    expect(await run(range, { only: 'failed' })).toMatchObject({ total: 1, done: 1 });
  });

  it('pauses, goes on with others at once, and stops without cutting off what is at work', async () => {
    const range = hours(6);
    const [first = '', second = '', third = ''] = range.starts;
    for (const at of range.starts) ingests.hold.add(at);
    const { handle, runId } = await start(range, { parallel: 1 });
    await ingests.until(first);
    await handle.signal('pause');
    ingests.hold.delete(first);
    await until(async () => (await stateOf(handle)).counts.done === 1);
    expect(await stateOf(handle)).toMatchObject({ status: 'paused', counts: { running: 0 } });
    await handle.signal('parallel', 2);
    await handle.signal('parallel', 0);
    await handle.signal('resume');
    await ingests.until(second, third);
    expect(await stateOf(handle)).toMatchObject({ status: 'running', parallel: 2, counts: { running: 2 } });
    await handle.signal('stop');
    expect(await stateOf(handle)).toMatchObject({ status: 'stopping', counts: { running: 2 } });
    ingests.hold.clear();
    expect(await handle.result()).toMatchObject({ status: 'stopped', total: 6, done: 3, failed: 0 });
    expect([...ingests.seen].sort()).toEqual([first, second, third]);
    expect(await project.store.runs.backfills.find(runId)).toMatchObject({ status: 'stopped', done: 3 });
    expect(await run(range)).toMatchObject({ status: 'completed', total: 3, done: 3 });
  });

  it('pauses when the definitions refuse a run, and runs it again when they were mended', async () => {
    const range = hours(4);
    const [first = '', second = '', third = '', fourth = ''] = range.starts;
    for (const at of [third, fourth]) ingests.refuse.set(at, 'the view has no such column');
    const { handle } = await start(range, { parallel: 2 });
    await until(
      async () => (await stateOf(handle)).reason !== undefined && (await stateOf(handle)).counts.running === 0,
    );
    expect(await stateOf(handle)).toMatchObject({
      status: 'paused',
      reason: 'the view has no such column',
      counts: { total: 4, done: 2, failed: 0, running: 0 },
    });
    ingests.refuse.clear();
    await handle.signal('resume');
    expect(await handle.result()).toMatchObject({ status: 'completed', total: 4, done: 4, failed: 0 });
    expect((await stateOf(handle)).reason).toBeUndefined();
    expect([...ingests.seen].sort()).toEqual([first, second, third, third, fourth, fourth]);
  });

  it('cancels what is at work when it is cancelled', async () => {
    const range = hours(3);
    for (const at of range.starts) ingests.hold.add(at);
    const { handle, runId } = await start(range, { parallel: 2 });
    await ingests.until(...range.starts.slice(0, 2));
    await handle.cancel();
    await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    expect((await runsOf(range)).map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
    expect(await project.store.runs.backfills.find(runId)).toMatchObject({ status: 'cancelled', failed: 2 });
    ingests.hold.clear();
    expect(await run(range, { only: 'failed' })).toMatchObject({ total: 2, done: 2 });
  });

  it('is refused beside another of the same time, until that one is gone', async () => {
    const range = hours(3);
    const [first = ''] = range.starts;
    ingests.hold.add(first);
    const { handle } = await start(range, { parallel: 1 });
    await ingests.until(first);
    await expect(start(range)).rejects.toMatchObject({ name: 'FencedError', message: /being backfilled already/ });
    const overlapping = { from: hour(next - 2), to: hour(next + 2) };
    expect(await failure(overlapping)).toMatch(/backfill \S+ is working on .*\n {2}→ wait for workflow/);
    next += 3;
    const apart = hours(1);
    expect(await run(apart)).toMatchObject({ done: 1 });
    // Killed, it could not give its range free.
    await handle.terminate();
    expect(await run(overlapping, { only: 'all' })).toMatchObject({ status: 'completed' });
    ingests.hold.clear();
  });

  it('leaves an interval to the run that works on it', async () => {
    const range = hours(2);
    const [first = '', second = ''] = range.starts;
    ingests.hold.add(first);
    const pipeline = project.store.repo.pipelines.get('hours');
    if (pipeline === undefined) throw new Error('no pipeline');
    const byHand = await startPipeline(temporal.client, {
      ...{ project: project.store.project, pipeline, interval: { start: first, end: second } },
    });
    await ingests.until(first);
    expect(await run(range, { only: 'missing' })).toMatchObject({ total: 1, done: 1 });
    const { handle } = await start(range, { only: 'all' });
    expect(await handle.result()).toMatchObject({ status: 'completed', total: 2, done: 1, failed: 0, skipped: 1 });
    expect((await stateOf(handle)).skips).toEqual([
      { start: first, end: second, why: expect.stringMatching(/run \S+ is working on/) },
    ]);
    ingests.hold.clear();
    await byHand.handle.result();
    // A run that was killed left its record open, and its interval to be done.
    ingests.hold.add(first);
    ingests.seen = [];
    const killed = await start({ from: first, to: second }, { only: 'all' });
    await ingests.until(first);
    await temporal.client.workflow.getHandle(`test/hours-${second.replace('.000Z', 'Z')}`).terminate();
    expect(await killed.handle.result().then(() => 'completed', failureReason)).toMatch(/1 of 1 intervals failed/);
    ingests.hold.clear();
    expect(await run(range, { only: 'failed' })).toMatchObject({ total: 1, done: 1 });
  });

  it('refuses what can not be meant, and leaves nothing', async () => {
    const before = await project.store.lake.currentSnapshot();
    const range = hours(2);
    expect(await failure({ from: range.to, to: range.from })).toMatch(/ends .* before it begins/);
    expect(await failure(range, { pipeline: 'load' })).toMatch(/pipeline of manual\(\) has no intervals/);
    expect(await failure(range, { pipeline: 'nothing' })).toMatch(/there is no pipeline "nothing"/);
    expect(await failure(range, { args: { views: 'stats' } })).toMatch(/argument "views" does not fit/);
    expect(await failure({ from: '2023-01-01T00:00:00Z', to: '2023-02-01T00:00:00Z' })).toMatch(
      /before the pipeline starts/,
    );
    expect(await failure({ from: '2024-04-01T00:00:00Z', to: '2024-05-01T00:00:00Z' })).toMatch(
      /after the pipeline has ended/,
    );
    expect(await project.store.lake.currentSnapshot()).toBe(before);
    const nothing = { from: range.from.replace(':00:00', ':10:00'), to: range.from.replace(':00:00', ':50:00') };
    expect(await run(nothing)).toMatchObject({ status: 'completed', total: 0 });
  });

  it('can be recorded', async () => {
    if (process.env['ASOF_RECORD_HISTORIES'] === '1')
      await recordHistories(temporal.client, temporal.address, undefined, 'backfill');
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(20);
}
