import { createHmac } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FeatureStore, openFeatureStore, type RunEvent } from '../../src/index.js';
import { failureReason, type RunningWorker, taskQueue } from '../../src/temporal/index.js';
import type { DeliverySummary } from '../../workflows/deliver-notifications.js';
import { type SampleProject, sampleProject } from '../support/cli.js';
import { recordHistories, replayHistories } from '../support/histories.js';
import { workerFor } from '../support/in-process-worker.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

const tellFile = fileURLToPath(new URL('../../workflows/lib/notify.js', import.meta.url));

/** A run that tells of itself as often as it is asked to, when it is done or cancelled. */
const telling = `
import { sleep, workflowInfo } from '@temporalio/workflow';
import { tell } from ${JSON.stringify(tellFile)};
export async function telling({ times = 1, waits = false, ...event }) {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  try {
    if (waits) await sleep('1 hour');
  } finally {
    for (let time = 0; time < times; time += 1) await tell({ ...event, workflowId, runId: firstExecutionRunId });
  }
  return 'done';
}
`;

const pipelines = `
import { env, pipeline, slack, webhook } from 'asof';
const hook = webhook({ url: env('TEST_HOOK_URL'), secret: env('TEST_HOOK_SECRET') });
export const told = pipeline({ name: 'told', workflow: 'telling', owner: 'mlops@example.com', tags: ['a'],
  onFailure: [hook, slack(env('TEST_SLACK_URL'))], onSuccess: [slack(env('TEST_SLACK_URL'))],
  deadline: { within: '1 hour', notify: [slack(env('TEST_UNSET_URL')), hook] } });
export const away = pipeline({ name: 'away', workflow: 'telling', onFailure: [hook, slack(env('TEST_AWAY_URL'))] });
`;

const secret = 'whsec_bm9ib2R5IG11c3Qgc2VlIHRoaXMga2V5IQ==';
const paths = { hook: '/hooks/HOOKTOKEN', slack: '/services/T0/SLACKTOKEN', away: '/services/T0/AWAYTOKEN' };

describe('notifications on a real Temporal server', () => {
  let temporal: TestTemporal;
  let project: SampleProject;
  let store: FeatureStore;
  let worker: RunningWorker;
  let receiver: Receiver;
  let awayPort: number;

  beforeAll(async () => {
    [temporal, receiver] = await Promise.all([startTemporal(), startReceiver()]);
    const gone = await startReceiver();
    awayPort = gone.port;
    await gone.close();
    process.env['TEST_HOOK_URL'] = `${receiver.url}${paths.hook}`;
    process.env['TEST_HOOK_SECRET'] = secret;
    process.env['TEST_SLACK_URL'] = `${receiver.url}${paths.slack}`;
    process.env['TEST_AWAY_URL'] = `${gone.url}${paths.away}`;
    project = sampleProject();
    mkdirSync(path.join(project.root, 'workflows'));
    project.write('workflows/telling.ts', telling);
    project.write('feature_repo/told.ts', pipelines);
    store = await openFeatureStore(path.join(project.root, 'feature_repo'));
    worker = await workerFor(store, temporal.address);
  });
  afterAll(async () => {
    await worker.stop();
    await store.close();
    await temporal.close();
    await receiver.close();
    project.close();
    for (const name of ['HOOK_URL', 'HOOK_SECRET', 'SLACK_URL', 'AWAY_URL']) delete process.env[`TEST_${name}`];
  });

  type Told = Partial<RunEvent> & { times?: number; waits?: boolean };
  let runs = 0;
  /** Starts a run that tells, and a handle for what tells for it. */
  async function start(event: Told, id = runs + 1) {
    runs = Math.max(runs, id);
    const given = { pipeline: 'told', event: 'failed' as const, ...event };
    const handle = await temporal.client.workflow.start('telling', {
      taskQueue: taskQueue(store.project),
      workflowId: `${store.project}/${given.pipeline}/${id}`,
      args: [given],
    });
    const runId = handle.firstExecutionRunId;
    const child = `${handle.workflowId}/notify-${given.event}/${runId.slice(-12)}`;
    return { handle, runId, telling: temporal.client.workflow.getHandle(child) };
  }
  /** @returns the summary of the one that tells, or why it failed. */
  async function tell(event: Told): Promise<{ summary?: DeliverySummary; failed?: string }> {
    const { handle, telling } = await start(event);
    expect(await handle.result()).toBe('done');
    return telling.result().then(
      (summary: DeliverySummary) => ({ summary }),
      (error: unknown) => ({ failed: failureReason(error) }),
    );
  }
  const since = (path: string) => {
    const before = receiver.at(path).length;
    return () => receiver.at(path).slice(before);
  };

  it('tell everybody once, signed, of what the run says', async () => {
    const [hooks, slacks] = [since(paths.hook), since(paths.slack)];
    const interval = { start: '2026-11-24T00:00:00.000Z', end: '2026-11-25T00:00:00.000Z' };
    const { summary } = await tell({ interval, message: 'it <broke>', published: 7, quality: 'failed' });
    expect(summary).toMatchObject({
      pipeline: 'told',
      event: 'failed',
      delivered: [
        { target: 'onFailure[0], webhook TEST_HOOK_URL', status: 200, attempts: 1 },
        { target: 'onFailure[1], slack TEST_SLACK_URL', status: 200, attempts: 1 },
      ],
    });
    const [got, ...more] = hooks();
    if (got === undefined) throw new Error('nothing came');
    expect(more).toEqual([]);
    const { type, data } = JSON.parse(got.body) as { type: string; data: object };
    expect(type).toBe('run.failed');
    expect(data).toMatchObject({
      ...{ test: false, project: store.project, pipeline: 'told', status: 'failed', interval, message: 'it <broke>' },
      ...{ published: 7, quality: 'failed', owner: 'mlops@example.com', tags: ['a'] },
    });
    const { 'webhook-id': id, 'webhook-timestamp': sentAt, 'webhook-signature': signed } = got.headers;
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    expect(signed).toBe(`v1,${createHmac('sha256', key).update(`${id}.${sentAt}.${got.body}`).digest('base64')}`);
    expect(slacks().map(({ body }) => (JSON.parse(body) as { text: string }).text)).toEqual([
      expect.stringMatching(/^told failed \(.+, 2026-11-24 – 2026-11-25\)\nit &lt;broke&gt;$/),
    ]);
  });

  it('tell those who are named for the event, and nobody else', async () => {
    const [hooks, slacks] = [since(paths.hook), since(paths.slack)];
    const { summary } = await tell({ event: 'succeeded', published: 1805 });
    expect(summary?.delivered).toHaveLength(1);
    expect([hooks().length, slacks().length]).toEqual([0, 1]);
    expect((await tell({ pipeline: 'away', event: 'succeeded' })).summary?.delivered).toEqual([]);
  });

  it('are tried again while a receiver is in trouble or asks to wait, with the same message', async () => {
    const hooks = since(paths.hook);
    receiver.answer(
      paths.hook,
      500,
      (r) => r.writeHead(429, { 'retry-after': '1' }).end(),
      (r) => r.destroy(),
      204,
    );
    const { summary } = await tell({ message: 'again' });
    expect(summary?.delivered).toMatchObject([{ status: 204, attempts: 4 }, { attempts: 1 }]);
    const got = hooks();
    expect(got).toHaveLength(4);
    expect(new Set(got.map(({ body, headers }) => `${headers['webhook-id']} ${body}`)).size).toBe(1);
    receiver.answer(paths.hook, 200);
  });

  it('wait for a receiver that is down, long after the run has ended; the others are told meanwhile', async () => {
    const hooks = since(paths.hook);
    const { handle, telling } = await start({ pipeline: 'away' });
    expect(await handle.result()).toBe('done');
    for (;;) {
      const { raw, status } = await telling.describe();
      expect(status.name).toBe('RUNNING');
      const [waiting, ...more] = raw.pendingActivities ?? [];
      if (more.length === 0 && (waiting?.attempt ?? 0) > 1) {
        expect(waiting?.lastFailure?.message).toMatch(/onFailure\[1\] \(slack\): 127\.0\.0\.1:\d+ can't be reached/);
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(hooks()).toHaveLength(1);
    const back = await startReceiver(awayPort);
    try {
      const summary = (await telling.result()) as DeliverySummary;
      expect(summary.delivered[1]?.attempts).toBeGreaterThan(1);
      expect(back.at(paths.away)).toHaveLength(1);
      expect(hooks()).toHaveLength(1);
    } finally {
      await back.close();
    }
  });

  it('fail, and not the run, when the pipeline is gone', async () => {
    expect((await tell({ pipeline: 'gone' })).failed).toMatch(/no pipeline "gone"/);
  });

  it.each([
    ['refuses', 400, /^1 of 2 could not be told: .*onFailure\[1\] \(slack\): 127\.0\.0\.1:\d+ answered 400$/],
    ['sends elsewhere', 302, /answered 302: it sends elsewhere$/],
  ])('fail, and not the run, when a receiver %s; the others are told', async (_, status, reason) => {
    const [hooks, slacks] = [since(paths.hook), since(paths.slack)];
    receiver.answer(paths.slack, status);
    const { failed } = await tell({});
    receiver.answer(paths.slack, 200);
    expect(failed?.split('\n')[0]).toMatch(reason);
    expect([hooks().length, slacks().length]).toEqual([1, 1]);
  });

  it('fail when a variable is not set, by its name', async () => {
    const hooks = since(paths.hook);
    const { failed } = await tell({ event: 'deadline_missed', dueAt: '2026-11-25T01:00:00.000Z' });
    expect(failed).toMatch(/deadline\.notify\[0\]\.url is to be read from TEST_UNSET_URL, which is not set/);
    expect(hooks()).toHaveLength(1);
  });

  it('are sent for a run that was cancelled', async () => {
    const hooks = since(paths.hook);
    const { handle, telling } = await start({ waits: true });
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(/cancelled/i);
    expect((await telling.result()).delivered).toHaveLength(2);
    expect(hooks()).toHaveLength(1);
  });

  it('never fail the run: what has begun already is not begun twice', async () => {
    const { handle, telling } = await start({ pipeline: 'away', times: 2 });
    expect(await handle.result()).toBe('done');
    await telling.cancel();
    await expect(telling.result()).rejects.toThrow(/cancelled/i);
  });

  it('are begun for each run of one workflow id, though those of the run before are still under way', async () => {
    const first = await start({ pipeline: 'away' });
    await first.handle.result();
    const second = await start({ pipeline: 'away' }, runs);
    await second.handle.result();
    expect(second.handle.workflowId).toBe(first.handle.workflowId);
    for (const { telling } of [first, second]) {
      expect((await telling.describe()).status.name).toBe('RUNNING');
      await telling.cancel();
    }
  });

  it('stay small, whatever the run says', async () => {
    const reports = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`view_${n}`, 'r'.repeat(100)]));
    const { handle, telling } = await start({ event: 'succeeded', message: 'x'.repeat(100_000), reports });
    await handle.result();
    await telling.result();
    const sizes = decodedPayloads(await telling.fetchHistory()).map(({ length }) => length);
    expect(Math.max(...sizes)).toBeGreaterThan(1_500);
    expect(Math.max(...sizes)).toBeLessThan(4_000);
  });

  it('leave no address and no secret in any history, and replay', async () => {
    const kept = [];
    for await (const { workflowId, runId } of temporal.client.workflow.list()) {
      const handle = temporal.client.workflow.getHandle(workflowId, runId);
      const { raw } = await handle.describe();
      const history = await handle.fetchHistory();
      kept.push(JSON.stringify([raw, history]), ...decodedPayloads(raw), ...decodedPayloads(history));
    }
    const text = kept.join('\n');
    expect(text).toContain('onFailure[0], webhook TEST_HOOK_URL');
    for (const hidden of ['HOOKTOKEN', 'SLACKTOKEN', 'AWAYTOKEN', secret.slice(6, 30), '/services/', '/hooks/'])
      expect(text).not.toContain(hidden);
    await replayHistories(temporal.client, store.repo.projectRoot);
    if (process.env['ASOF_RECORD_HISTORIES'] === '1')
      await recordHistories(temporal.client, temporal.address, undefined, 'deliverNotifications');
  });
});

/** All payloads of a history, as text. */
function decodedPayloads(value: unknown): string[] {
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('utf8')];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(decodedPayloads) : [];
}
