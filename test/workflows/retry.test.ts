import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectActivities } from '../../src/cli/project-activities.js';
import { type FeatureStore, openFeatureStore, type RunRecord, type TakeOver } from '../../src/index.js';
import { type RunningWorker, startPipeline, startRetry } from '../../src/temporal/index.js';
import { type CliResult, expectRefused, runCli } from '../support/cli.js';
import { workerFor } from '../support/in-process-worker.js';
import { type Definitions, definitionsText } from '../support/store.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

interface Retried {
  readonly runId: string;
  readonly workflowId: string;
  readonly takenOver: readonly Pick<TakeOver, 'view' | 'reused' | 'why'>[];
}

const narrow = "[between('a', 0, 10)]";

describe('runs that are done again', () => {
  let temporal: TestTemporal;
  let root: string;
  let store: FeatureStore;
  let worker: RunningWorker;
  /** How often the next publications fail. */
  let brokenPublications = 0;

  beforeAll(async () => {
    temporal = await startTemporal();
    root = mkdtempSync(path.join(os.tmpdir(), 'asof-retry-'));
    for (const folder of ['feature_repo', 'data']) mkdirSync(path.join(root, folder));
    writeFileSync(path.join(root, 'package.json'), '{}');
    write({});
    store = await openFeatureStore(path.join(root, 'feature_repo'));
    await store.apply();
    const activities = await projectActivities({ store, shutdown: new AbortController().signal });
    worker = await workerFor(store, temporal.address, {
      activities: {
        ...activities,
        publish: async (input: never) => {
          if (brokenPublications === 0) return activities['publish']?.(input);
          brokenPublications -= 1;
          throw ApplicationFailure.nonRetryable('the disk of the lake is on fire', 'DataError');
        },
      },
    });
  }, 300_000);

  afterAll(async () => {
    await worker.stop();
    await store.close();
    await temporal.close();
    rmSync(root, { recursive: true, force: true });
  });

  const write = (definitions: Definitions): void =>
    writeFileSync(
      path.join(root, 'feature_repo', 'definitions.ts'),
      `${definitionsText(definitions)}
export const stream = pipeline({ name: 'stream', workflow: 'streamToStores', args: { view: 'scores' }, schedule: manual() });`,
    );

  const asof = (...args: string[]): Promise<CliResult> =>
    runCli(args, { cwd: root, env: { TEMPORAL_ADDRESS: temporal.address } });

  /** Definitions that were mended, applied by another process; the worker sees them with the next run. */
  async function define(definitions: Definitions): Promise<void> {
    write(definitions);
    const again = await openFeatureStore(path.join(root, 'feature_repo'));
    await again.apply();
    await again.close();
  }

  /** The rows of both sources: user 1..n with the value given. */
  function rows(a: number, users: number, day: string): void {
    for (const view of ['stats', 'scores']) {
      const lines = Array.from({ length: users }, (_, user_id) =>
        JSON.stringify({ user_id, at: `${day}T00:00:00Z`, made: `${day}T01:00:00Z`, a, b: 'x' }),
      );
      writeFileSync(path.join(root, 'data', `${view}.ndjson`), `${lines.join('\n')}\n`);
    }
  }

  const forget = (view: string): void => rmSync(path.join(root, 'data', `${view}.ndjson`));

  async function start(name = 'load', args = {}): Promise<RunRecord> {
    const pipeline = store.repo.pipelines.get(name);
    if (pipeline === undefined) throw new Error(`no pipeline ${name}`);
    const { handle, runId } = await startPipeline(temporal.client, { project: store.project, pipeline, args });
    await handle.result().catch(() => undefined);
    return found(runId);
  }

  async function found(runId: string): Promise<RunRecord> {
    const record = await store.runs.find(runId);
    if (record === undefined) throw new Error(`no run ${runId}`);
    return record;
  }

  /** What the command does, in this process. */
  async function retry(run: RunRecord, from?: string): Promise<Retried & RunRecord> {
    const pipeline = store.repo.pipelines.get(run.pipeline);
    if (pipeline === undefined) throw new Error(`no pipeline ${run.pipeline}`);
    await store.requireApplied();
    const takenOver = await store.steps.takeOver({ runId: run.runId, from }, run.views);
    const { handle, runId } = await startRetry(temporal.client, { project: store.project, pipeline, run, from });
    await handle.result();
    return { ...(await found(runId)), takenOver };
  }

  const statuses = ({ steps }: RunRecord): string[] => steps.map(({ name, status = 'done' }) => `${name}: ${status}`);

  const count = async (view: string, day: string): Promise<number> =>
    Number(
      (
        await store.lake.one<{ n: bigint }>(
          `SELECT count(*) AS n FROM ${store.lake.table(view)} WHERE event_timestamp::DATE = $1::DATE`,
          [day],
        )
      )?.n,
    );

  let first: RunRecord;
  it('go on from the step that failed, without reading the source again', async () => {
    await define({ expect: narrow });
    rows(99, 4, '2024-01-01');
    first = await start('load', { views: ['stats'] });
    expect(first).toMatchObject({ status: 'failed', trigger: 'manual' });
    expect(statuses(first).at(-1)).toBe('explore and validate stats: failed');
    await define({ expect: "[between('a', 0, 100)]" });
    forget('stats');
    const done = await asof('retry', first.runId, '--wait', '--json');
    expect(done.code).toBe(0);
    const again = done.json<Retried & Record<string, unknown>>();
    expect(again).toMatchObject({ status: 'completed', published: 4, retryOf: first.runId });
    expect(again.workflowId).toBe(`${first.workflowId}/retry-1`);
    expect(again.takenOver).toMatchObject([{ view: 'stats', reused: ['ingest', 'clean'] }]);
    const record = await found(again.runId);
    expect(statuses(record)).toEqual([
      'ingest stats: reused',
      'clean stats: reused',
      'explore and validate stats: done',
      'publish stats: done',
    ]);
    expect(record).toMatchObject({
      trigger: 'retry',
      retryOf: { runId: first.runId },
      interval: first.interval,
      args: { views: ['stats'] },
    });
    expect(await store.runs.retriesOf(first.runId)).toEqual([again.runId]);
    expect(await count('stats', '2024-01-01')).toBe(4);
    // The failed run still has its own files: others may start from them.
    expect(readdirSync(path.join(root, '.asof/staging', first.runId, 'stats'))).toContain('cleaned.parquet');
  });

  it('read the source again when asked to, and may be retries of retries', async () => {
    rows(5, 6, '2024-01-02');
    const again = await retry(first, 'ingest');
    expect(again).toMatchObject({ status: 'completed', published: 6 });
    expect(again.workflowId).toBe(`${first.workflowId}/retry-2`);
    expect(again.takenOver).toMatchObject([{ view: 'stats', reused: [] }]);
    // It completed: its rows were removed once they were published.
    const third = await retry(again, 'explore stats');
    expect(third.workflowId).toBe(`${first.workflowId}/retry-3`);
    expect(third.takenOver).toMatchObject([
      { view: 'stats', reused: [], why: expect.stringMatching(/rows .* are gone/) },
    ]);
    expect(third).toMatchObject({ status: 'completed', published: 0 });
    expect(store.logs.read(third.runId, { step: 'open run' }).map(({ message }) => message)).toEqual([
      'run opened',
      expect.stringMatching(/^taken over from run .* of view stats: nothing; .* anew: .* are gone$/),
    ]);
  });

  it('leave what was published, and go on with the view that was not', async () => {
    await define({ stream: `expect: ${narrow},` });
    rows(99, 3, '2024-01-03');
    const failed = await start();
    expect(statuses(failed).slice(3)).toEqual([
      'publish stats: done',
      'ingest scores: done',
      'clean scores: done',
      'explore and validate scores: failed',
    ]);
    await define({});
    forget('stats');
    forget('scores');
    const again = await retry(failed);
    expect(again).toMatchObject({ status: 'completed', published: 3 });
    expect(statuses(await found(again.runId))).toEqual([
      'ingest stats: reused',
      'clean stats: reused',
      'explore and validate stats: reused',
      'publish stats: reused',
      'ingest scores: reused',
      'clean scores: reused',
      'explore and validate scores: done',
      'publish scores: done',
    ]);
    expect([await count('stats', '2024-01-03'), await count('scores', '2024-01-03')]).toEqual([3, 3]);
  });

  it('publish what was validated when publishing failed', async () => {
    rows(1, 5, '2024-01-04');
    brokenPublications = 1;
    const failed = await start('load', { views: ['stats'] });
    expect(failed.message).toMatch(/on fire/);
    forget('stats');
    const again = await retry(failed);
    expect(again).toMatchObject({ status: 'completed', published: 5 });
    expect(again.takenOver).toMatchObject([{ view: 'stats', reused: ['ingest', 'clean', 'explore'] }]);
    expect(await count('stats', '2024-01-04')).toBe(5);
  });

  it('begin at the start, and say so, when what was kept is gone or was made under other definitions', async () => {
    rows(1, 2, '2024-01-05');
    brokenPublications = 2;
    const [expired, changed] = [await start('load', { views: ['stats'] }), await start('load', { views: ['stats'] })];
    rmSync(path.join(root, '.asof/staging', expired.runId), { recursive: true });
    const anew = await retry(expired);
    expect(anew.takenOver).toMatchObject([{ view: 'stats', reused: [], why: expect.stringContaining('expired') }]);
    expect(anew).toMatchObject({ status: 'completed', published: 2 });
    // Another key: a new generation of the table, which has none of the rows.
    await define({ keys: 'user_id: int32()' });
    const second = await retry(changed);
    expect(second.takenOver).toMatchObject([
      { view: 'stats', reused: [], why: expect.stringContaining('have changed') },
    ]);
    expect(second).toMatchObject({ status: 'completed', published: 2 });
    await define({});
  });

  it('are refused where nothing can be done again', async () => {
    const [{ runId } = first] = await store.runs.list({ limit: 1 });
    expect((await found(runId)).status).toBe('completed');
    expectRefused(await asof('retry', runId), 2, /completed; there is nothing to retry/, /--from <step>/);
    expectRefused(await asof('retry', first.runId), 2, /run \S+ has completed the interval of run/, /--force/);
    expectRefused(
      await asof('retry', first.runId, '--from', 'dance'),
      2,
      /no step "dance"/,
      /ingest, clean, explore and/,
    );
  });

  it('are refused while they are at work; their log is followed to their end', async () => {
    const pipeline = store.repo.pipelines.get('stream');
    if (pipeline === undefined) throw new Error('no pipeline');
    const producer = await store.openProducer('scores');
    await producer.close();
    const { handle, runId } = await startPipeline(temporal.client, { project: store.project, pipeline });
    while (store.logs.read(runId, { step: 'consume' }).length === 0) await new Promise((next) => setTimeout(next, 100));
    expectRefused(await asof('retry', runId), 2, /is at work/, /asof cancel/);

    let followed = '';
    const stopped = runCli(['logs', runId, '--follow'], {
      cwd: root,
      env: { TEMPORAL_ADDRESS: temporal.address },
      onStart: (child) =>
        child.stdout?.on('data', (text: Buffer) => {
          if (String(text).includes('begun')) child.kill('SIGINT');
        }),
    });
    expect((await stopped).code).toBe(130);
    const following = runCli(['logs', runId, '--follow'], {
      cwd: root,
      env: { TEMPORAL_ADDRESS: temporal.address },
      onStart: (child) =>
        child.stdout?.on('data', (text: Buffer) => {
          if (followed === '') void handle.cancel();
          followed += String(text);
        }),
    });
    const end = await following;
    expect(end.code).toBe(0);
    expect(end.stdout).toMatch(/info {2}open run: run opened \(pipeline stream, .* on \d+@/);
    expect(end.stdout).toMatch(/consume scores: begun/);
    expect(end.stdout).toMatch(/close run: run cancelled/);
    const cancelled = await found(runId);
    expect(cancelled.status).toBe('cancelled');
    expectRefused(await asof('retry', runId, '--from', 'ingest'), 2, /keeps nothing to go on from/, /leave --from out/);
    const again = await asof('retry', runId);
    expect({ code: again.code, stderr: again.stderr }).toEqual({ code: 0, stderr: '' });
    expect(again.stdout).toMatch(/^Started .*\/retry-1\nrun /);
    const [newRun = ''] = await store.runs.retriesOf(runId);
    const { workflowId, interval } = await found(newRun);
    expect(interval).toEqual(cancelled.interval);
    await temporal.client.workflow.getHandle(workflowId).signal('stop');
    await temporal.client.workflow.getHandle(workflowId).result();
  });

  it('tell in their log what happened, filtered and as JSON; where there is none, why', async () => {
    const all = await asof('logs', first.runId);
    expect(all.code).toBe(0);
    expect(all.stdout).toMatch(/ingest stats: done \(rowsIn 4, rowsOut 4, durationMs [\d,]+\)/);
    expect(all.stdout).toMatch(
      /error explore and validate stats: failed for good \(failure 1 of at most 3\): .*between/,
    );
    expect(all.stdout).toMatch(/close run: run failed/);
    expect(all.stdout).not.toMatch(/^\s+at .+:\d+/m);
    const some = await asof('logs', first.runId, '--step', 'explore', '--level', 'warn', '--json');
    expect(some.json()).toMatchObject({
      runId: first.runId,
      lines: [{ level: 'error', step: 'explore and validate' }],
    });
    store.logs.remove(first.runId);
    expect((await asof('logs', first.runId)).stdout).toMatch(/has no log: it has expired/);
  });
});
