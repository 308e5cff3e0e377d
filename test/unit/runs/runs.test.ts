import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { every, manual, type Pipeline, pipeline, type Schedule } from '../../../src/definitions/index.js';
import { DefinitionError, FencedError } from '../../../src/errors.js';
import { createLeaseTable, leaseTable } from '../../../src/lake/feature-tables.js';
import { type CloseRequest, formatInterval, holdLease, type LeaseHolder, Runs } from '../../../src/runs/index.js';
import { type TempLake, withTempLake } from '../../support/lake.js';

let temp: TempLake;
let runs: Runs;
let name = '';
beforeAll(async () => {
  temp = await withTempLake();
  runs = new Runs(temp.lake);
});
afterAll(() => temp.close());
beforeEach(async () => {
  name = `load_${randomUUID().slice(0, 8)}`;
  await temp.lake.transaction({ message: 'lease' }, (session) => createLeaseTable(session, temp.lake, name));
});

/** An id of this test's own: all tests share one lake. */
const id = (run: string): string => `${run}-${name}`;
const alive = async () => true;
const gone = async () => false;
const never = async (): Promise<boolean> => {
  throw new Error('nobody is in the way');
};
const named = (schedule: Schedule): Pipeline =>
  pipeline({ name, workflow: 'dbToOfflineStore', args: { views: ['stats'] }, schedule });
const hour = (n: number): string => new Date(Date.UTC(2024, 0, 1, n)).toISOString();

async function open(
  runId: string,
  isRunning: (holder: LeaseHolder) => Promise<boolean>,
  { nominalTime = hour(2), schedule = every('1 hour'), interval }: Record<string, never> | OpenOptions = {},
) {
  const request = {
    pipeline: named(schedule),
    runId,
    workflowId: `workflow of ${runId}`,
    nominalTime,
    registryVersion: 3,
  };
  const opened = await runs.open({ ...request, interval }, isRunning);
  if ('waitsFor' in opened) throw new Error('no limit was given');
  return opened.interval;
}
interface OpenOptions {
  nominalTime?: string;
  schedule?: Schedule;
  interval?: { start: string; end: string };
}

const close = (runId: string, more: Partial<CloseRequest> = {}) =>
  runs.close({
    pipeline: name,
    runId,
    workflowId: `workflow of ${runId}`,
    status: 'completed',
    steps: [{ name: 'publish', attempts: 2, rowsIn: 5, rowsOut: 4, durationMs: 30 }],
    published: 4,
    ...more,
  });

const hold = (runId: string) =>
  temp.lake.transaction({ message: 'publish' }, (session) => holdLease(session, temp.lake, name, runId));

describe('the lease on an interval', () => {
  it('is refused while the run that has it runs', async () => {
    await open(id('first'), never);
    const refused = await open(id('second'), alive).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(FencedError);
    expect((refused as FencedError).message).toMatch(/run first-\S+ is working on .*01:00:00.000Z\/.*02:00:00.000Z/);
    expect((refused as FencedError).mend).toMatch(/workflow of first/);
    expect(await runs.find(id('second'))).toBeUndefined();
    await hold(id('first'));
  });

  it('goes to the next when the run that has it is gone', async () => {
    await open(id('first'), never);
    const asked: LeaseHolder[] = [];
    await open(id('second'), async (holder) => {
      asked.push(holder);
      return false;
    });
    expect(asked.map(({ runId, workflowId }) => [runId, workflowId])).toEqual([
      [id('first'), `workflow of ${id('first')}`],
    ]);
    await hold(id('second'));
    await expect(hold(id('first'))).rejects.toBeInstanceOf(FencedError);
  });

  it('is free again when the run was closed', async () => {
    await open(id('first'), never);
    await close(id('first'), { status: 'failed', message: 'broken' });
    await open(id('second'), never);
    await hold(id('second'));
    await expect(hold(id('first'))).rejects.toThrow(/nothing was published/);
  });

  it('is about overlapping intervals only, and one pipeline', async () => {
    await open(id('first'), never, { interval: { start: hour(0), end: hour(2) } });
    await open(id('after'), never, { interval: { start: hour(2), end: hour(3) } });
    await open(id('before'), never, { interval: { start: hour(-1), end: hour(0) } });
    await expect(open(id('across'), alive, { interval: { start: hour(1), end: hour(4) } })).rejects.toThrow(
      FencedError,
    );
    await expect(open(id('inside'), alive, { interval: { start: hour(1), end: hour(2) } })).rejects.toThrow(
      FencedError,
    );
    await open(id('across'), gone, { interval: { start: hour(1), end: hour(4) } });
    await expect(hold(id('first'))).rejects.toThrow(FencedError);
    await expect(hold(id('after'))).rejects.toThrow(FencedError);
    await hold(id('before'));
  });

  it('is taken again by the run that has it', async () => {
    const interval = await open(id('first'), never);
    expect(await open(id('first'), never)).toEqual(interval);
    await hold(id('first'));
    const rows = await temp.lake.all(`SELECT * FROM ${leaseTable(temp.lake, name)} WHERE run_id = $1`, [id('first')]);
    expect(rows).toHaveLength(1);
  });

  it('goes to one of several that ask at once', async () => {
    const ids = ['a', 'b', 'c', 'd'].map(id);
    const results = await Promise.allSettled(ids.map((id) => open(id, alive)));
    const won = ids.filter((_, index) => results[index]?.status === 'fulfilled');
    expect(won).toHaveLength(1);
    await hold(won[0] as string);
  });

  it('is not taken when it can not be said whether the other run lives', async () => {
    await open(id('first'), never);
    await expect(open(id('second'), never)).rejects.toThrow('nobody is in the way');
    await hold(id('first'));
  });
});

describe('the record of a run', () => {
  it('is written when it opens and when it closes, once each', async () => {
    const interval = await open(`r-${name}`, never, { schedule: manual(), nominalTime: hour(5) });
    expect(formatInterval(interval)).toBe(`1970-01-01T00:00:00.000Z/${hour(5)}`);
    expect(await runs.find(`r-${name}`)).toMatchObject({
      status: 'running',
      pipeline: name,
      interval: { start: '1970-01-01T00:00:00.000Z', end: hour(5) },
      registryVersion: 3,
      steps: [],
      published: 0,
      closedAt: undefined,
    });
    await close(`r-${name}`, { quality: 'warned', reports: { stats: 'report.html' } });
    await close(`r-${name}`, { status: 'failed', published: 0, message: 'a late retry' });
    expect(await runs.find(`r-${name}`)).toMatchObject({
      status: 'completed',
      steps: [{ name: 'publish', attempts: 2, rowsIn: 5, rowsOut: 4, durationMs: 30 }],
      published: 4,
      message: undefined,
      quality: 'warned',
      reports: { stats: 'report.html' },
    });
    // Opened again by a retry that came late: it keeps its interval and stays closed.
    expect(await open(`r-${name}`, never, { nominalTime: hour(9) })).toEqual(interval);
    expect((await runs.find(`r-${name}`))?.status).toBe('completed');
  });

  it('is one record when two attempts open or close it at once', async () => {
    await Promise.all([open(`r-${name}`, never), open(`r-${name}`, never), open(`r-${name}`, never)]);
    await Promise.all([close(`r-${name}`), close(`r-${name}`, { status: 'failed' })]);
    expect(await runs.list({ pipeline: name })).toHaveLength(1);
    const rows = await temp.lake.all(`SELECT event FROM ${temp.lake.system('run_events')} WHERE run_id = $1`, [
      `r-${name}`,
    ]);
    expect(rows).toHaveLength(2);
  });

  it('is listed, the newest first, by pipeline', async () => {
    for (const n of [1, 2, 3]) await open(`${n}-${name}`, never, { nominalTime: hour(n) });
    expect((await runs.list({ pipeline: name })).map(({ runId }) => runId)).toEqual(
      [3, 2, 1].map((n) => `${n}-${name}`),
    );
    expect((await runs.list({ pipeline: name, limit: 1 })).map(({ runId }) => runId)).toEqual([`3-${name}`]);
    expect(await runs.list({ pipeline: 'another' })).toEqual([]);
    expect((await runs.list({ limit: 3 })).map(({ pipeline: p }) => p)).toEqual([name, name, name]);
  });

  it('is found by its id, the beginning of it, its workflow, or as the newest of its pipeline', async () => {
    await open(`one-${name}`, never, { nominalTime: hour(1) });
    await open(`one-${name}-more`, never, { nominalTime: hour(2) });
    expect((await runs.show(`one-${name}`)).runId).toBe(`one-${name}`);
    expect((await runs.show(`one-${name}-m`)).runId).toBe(`one-${name}-more`);
    expect((await runs.show(`workflow of one-${name}`)).runId).toBe(`one-${name}`);
    expect((await runs.show(name)).runId).toBe(`one-${name}-more`);
    await expect(runs.show(`one-${name.slice(0, -1)}`)).rejects.toThrow(/fits several runs/);
    await expect(runs.show('one')).rejects.toThrow(/there is no run "one"/);
    await expect(runs.show('')).rejects.toBeInstanceOf(DefinitionError);
  });
});
