import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dueDispatches, openFeatureStore, type RunRecord } from '../../src/index.js';
import { type RunningWorker, startPipeline } from '../../src/temporal/index.js';
import { workerFor } from '../support/in-process-worker.js';
import { definitionsText, TestStore } from '../support/store.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

const day = (n: number): string => new Date(Date.UTC(2024, 0, n)).toISOString();
const interval = (from: number, to = from + 1) => ({ start: day(from), end: day(to) });

/** `load` and `more` publish, `both` waits for the two of them, `then` for `both`. */
const pipelines = `
const waiting = (name: string, upstream: string[]) => pipeline({ name, workflow: 'materializeOfflineToOnline',
  args: { views: ['stats'] }, schedule: asof.after(...upstream) });
export const more = pipeline({ name: 'more', workflow: 'dbToOfflineStore', args: { views: ['scores'] }, schedule: daily() });
export const both = waiting('both', ['load', 'more']);
export const then = waiting('then', ['both']);
`;

describe('pipelines that run after others', () => {
  let temporal: TestTemporal;
  let project: TestStore;
  let worker: RunningWorker;

  beforeAll(async () => {
    temporal = await startTemporal();
    project = await TestStore.open();
    define(pipelines);
    await reopen();
    project.writeData('stats.ndjson', [{ user_id: 1, at: '2024-01-01', made: '2024-01-01', a: 1, b: 'x' }]);
    project.writeData('scores.ndjson', [{ user_id: 1, at: '2024-01-01', made: '2024-01-01', a: 1, b: 'x' }]);
    worker = await workerFor(project.store, temporal.address);
  });

  afterAll(async () => {
    await worker?.stop();
    await project?.close();
    await temporal?.close();
  });

  const define = (more: string): void =>
    writeFileSync(path.join(project.repo, 'definitions.ts'), `${definitionsText()}${more}`);

  async function reopen(): Promise<void> {
    await project.store.close();
    project.store = await openFeatureStore(project.repo);
    await project.store.apply();
  }

  async function run(name: string, span: { start: string; end: string }): Promise<string> {
    const pipeline = project.store.repo.pipelines.get(name);
    if (pipeline === undefined) throw new Error(`no pipeline ${name}`);
    const { handle, runId } = await startPipeline(temporal.client, { project: 'test', pipeline, interval: span });
    await handle.result();
    return runId;
  }

  const runsOf = (pipeline: string): Promise<RunRecord[]> => project.store.runs.list({ pipeline });

  async function untilRuns(pipeline: string, count: number): Promise<RunRecord[]> {
    for (;;) {
      const found = (await runsOf(pipeline)).filter(({ status }) => status !== 'running');
      if (found.length >= count) return found;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  it('start when all upstreams cover the interval, in a chain, and again when one publishes anew', async () => {
    await run('load', interval(1));
    await run('load', interval(2));
    expect(await runsOf('both')).toEqual([]);
    // Two days at once: both of the others' are covered.
    await run('more', interval(1, 3));
    const [first] = await untilRuns('both', 1);
    expect(first).toMatchObject({ status: 'completed', trigger: 'after', interval: interval(1, 3) });
    expect((await untilRuns('then', 1))[0]).toMatchObject({ trigger: 'after', interval: interval(1, 3) });
    await run('load', interval(2));
    expect((await untilRuns('both', 2))[0]).toMatchObject({ trigger: 'after', interval: interval(2) });
    await run('load', interval(3));
    expect(await runsOf('both')).toHaveLength(2);
    await untilRuns('then', 2);
  });

  it('are started by the sweep when the run that published could not, and only once', async () => {
    const { store } = project;
    const runId = await run('more', interval(3));
    await untilRuns('both', 3);
    const sweep = () => dueDispatches(store.lake, store.repo.pipelines);
    // A run that has ended may be about to start what follows it.
    await expect.poll(sweep, { timeout: 60_000 }).toEqual([]);
    // As if the worker had died between the end of the run and the start of what follows.
    await store.lake.transaction({ message: 'forget' }, (session) =>
      session.run(`DELETE FROM ${store.lake.system('dispatches')} WHERE upstream_run = $1`, [runId]),
    );
    const due = await sweep();
    expect(due.map(({ pipeline, interval: { start, end } }) => [pipeline.name, start, end])).toEqual([
      ['both', new Date(day(3)), new Date(day(4))],
    ]);
    await temporal.client.workflow.getHandle((await runsOf('both'))[0]?.workflowId ?? '').result();
    await run('load', interval(8));
    expect(await runsOf('both')).toHaveLength(3);
  });

  it('do not run because of what was published before they waited for it', async () => {
    define(`${pipelines}export const late = waiting('late', ['load']);`);
    await worker.stop();
    await reopen();
    worker = await workerFor(project.store, temporal.address);
    expect(await dueDispatches(project.store.lake, project.store.repo.pipelines)).not.toContainEqual(
      expect.objectContaining({ pipeline: expect.objectContaining({ name: 'late' }) }),
    );
    await run('load', interval(20));
    expect((await untilRuns('late', 1))[0]).toMatchObject({ interval: interval(20), trigger: 'after' });
    expect(await runsOf('late')).toHaveLength(1);
  });

  it('run for the intervals of rows that are released from quarantine, once, when the sweep comes', async () => {
    const expect10 = "[between('a', 0, 10, { severity: 'quarantine' })]";
    writeFileSync(path.join(project.repo, 'definitions.ts'), `${definitionsText({ expect: expect10 })}${pipelines}`);
    await worker.stop();
    await reopen();
    const { store } = project;
    worker = await workerFor(store, temporal.address);
    const load = async (n: number): Promise<void> => {
      const row = (user_id: number, a: number) => ({ user_id, at: day(n), made: day(n), a, b: 'x' });
      const good = Array.from({ length: 40 }, (_, user_id) => row(user_id, 1));
      project.writeData('stats.ndjson', [...good, row(100, 99)]);
      await run('load', interval(n));
    };
    const before = (await runsOf('both')).length;
    await run('more', interval(40, 43));
    await load(40);
    await load(41);
    await untilRuns('both', before + 2);
    const sweep = () => dueDispatches(store.lake, store.repo.pipelines);
    await expect.poll(sweep, { timeout: 60_000 }).toEqual([]);
    expect((await store.quarantine.list({ state: 'held' })).total).toBe(2);

    // By its rows, a release is of two runs.
    const { released, views } = await store.quarantine.release({});
    expect([released, views[0]?.published]).toEqual([2, 2]);
    const due = (await sweep()).map(({ pipeline, interval: { start } }) => `${pipeline.name} ${start.toISOString()}`);
    expect(due.sort()).toEqual([`both ${day(40)}`, `both ${day(41)}`]);
    await run('maintain_lake', interval(50));
    const found = (await untilRuns('both', before + 4)).slice(0, 2);
    expect(found.map(({ trigger, status, interval: { start } }) => [trigger, status, start]).sort()).toEqual([
      ['after', 'completed', day(40)],
      ['after', 'completed', day(41)],
    ]);
    // What runs after `both` is due for a moment, until that starts it.
    await expect.poll(sweep, { timeout: 60_000 }).toEqual([]);
    await run('maintain_lake', interval(51));
    expect(await runsOf('both')).toHaveLength(before + 4);
  });
});
