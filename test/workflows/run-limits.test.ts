import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json, RunRecord } from '../../src/index.js';
import type { RunTrigger } from '../../src/runs/index.js';
import { failureReason } from '../../src/temporal/index.js';
import { ServedStore } from '../support/served-store.js';
import { definitionsText, TestStore } from '../support/store.js';

const hour = (n: number): string => new Date(Date.UTC(2024, 0, 1, n)).toISOString();

/** A workflow of the project's own that is at work until it is told to end. */
const waiting = `
import { condition, defineSignal, setHandler, pipelineRun } from 'asof/workflow';
export const end = defineSignal('end');
export async function waits(input) {
  let isOver = false;
  setHandler(end, () => { isOver = true; });
  return pipelineRun(input, {}, async () => { await condition(() => isOver); });
}
`;

const pipelines = (port: number): string => `
const tells = [asof.webhook({ url: 'http://127.0.0.1:${port}/' })];
const waits = (name: string, more: object) => pipeline({ name, workflow: 'waits', schedule: asof.hourly(), overlap: 'allow', ...more });
export const two = waits('two', { maxActiveRuns: 2 });
export const quick = waits('quick', { timeout: '1 second', onFailure: tells });
export const due = waits('due', { deadline: { within: '1 second', after: 'started', notify: tells }, onSuccess: tells });
`;

describe('the limits of runs', () => {
  const told: { type: string; data: Record<string, Json> }[] = [];
  let receiver: Server;
  let project: TestStore;
  let served: ServedStore;

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (data: Buffer) => {
        body += data.toString();
      });
      request.on('end', () => {
        told.push(JSON.parse(body));
        response.end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    project = await TestStore.open();
    writeFileSync(
      path.join(project.repo, 'definitions.ts'),
      `${definitionsText()}${pipelines((receiver.address() as AddressInfo).port)}`,
    );
    mkdirSync(path.join(project.root, 'workflows'));
    writeFileSync(path.join(project.root, 'workflows', 'waits.ts'), waiting);
    await project.reopen();
    served = await ServedStore.serve(project.store);
  });

  afterAll(async () => {
    await served?.close();
    await project?.close();
    receiver?.close();
  });

  const start = (name: string, n: number, trigger?: RunTrigger) =>
    served.start(name, undefined, { interval: { start: hour(n), end: hour(n + 1) }, trigger });

  const atWork = async (): Promise<RunRecord[]> =>
    (await project.store.runs.list({ pipeline: 'two' })).filter(({ status }) => status === 'running');

  it('let only so many be at work at once, those of backfills apart; who waits begins when one ends', async () => {
    const runs = [await start('two', 1), await start('two', 2)];
    await expect.poll(atWork, { timeout: 60_000 }).toHaveLength(2);
    const third = await start('two', 3);
    const filled = await start('two', 4, 'backfill');
    await expect.poll(atWork, { timeout: 60_000 }).toHaveLength(3);
    expect((await third.handle.describe()).status.name).toBe('RUNNING');
    expect((await atWork()).map(({ runId }) => runId)).not.toContain(third.runId);
    await runs[0]?.handle.signal('end');
    await expect
      .poll(async () => (await atWork()).map(({ runId }) => runId), { timeout: 60_000 })
      .toContain(third.runId);
    // One that was terminated holds its place no longer.
    await runs[1]?.handle.terminate('gone');
    const fourth = await start('two', 5);
    await expect
      .poll(async () => (await atWork()).map(({ runId }) => runId), { timeout: 60_000 })
      .toContain(fourth.runId);
    for (const { handle } of [third, filled, fourth]) await handle.signal('end');
    for (const { handle } of [third, filled, fourth]) await handle.result();
  });

  it('stop a run at its timeout, which fails and is told of', async () => {
    const { handle, runId } = await start('quick', 1);
    const reason = await handle.result().catch(failureReason);
    expect(reason).toMatch(/^the run was not done by .*, the end of its timeout/);
    expect(await project.store.runs.find(runId)).toMatchObject({ status: 'failed', message: reason });
    await expect.poll(() => told.map(({ data }) => data['runId'] ?? data['run']), { timeout: 60_000 }).toContain(runId);
  });

  it('tell of a deadline that is missed, and the run goes on', async () => {
    const { handle, runId } = await start('due', 1);
    const news = () => told.filter(({ data }) => JSON.stringify(data).includes(runId)).map(({ type }) => type);
    await expect.poll(news, { timeout: 60_000 }).toHaveLength(1);
    expect((await handle.describe()).status.name).toBe('RUNNING');
    await handle.signal('end');
    expect(await handle.result()).toMatchObject({ status: 'completed' });
    await expect.poll(news, { timeout: 60_000 }).toHaveLength(2);
    expect(news()).toEqual([expect.stringContaining('deadline'), expect.stringContaining('succeeded')]);
  });

  it('close the record of a run that is cancelled while it is being opened', async () => {
    const { runs } = project.store;
    const open = runs.open.bind(runs);
    runs.open = async (request, isRunning) => {
      const opened = await open(request, isRunning);
      const handle = served.temporal.client.workflow.getHandle(request.workflowId);
      await handle.cancel();
      const heard = async () =>
        (await handle.fetchHistory()).events?.some((event) => event.activityTaskCancelRequestedEventAttributes != null);
      await expect.poll(heard, { timeout: 60_000 }).toBe(true);
      return opened;
    };
    const { handle, runId } = await start('two', 9);
    await expect(handle.result()).rejects.toThrow();
    runs.open = open;
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    expect(await runs.find(runId)).toMatchObject({ status: 'cancelled' });
  });
});
