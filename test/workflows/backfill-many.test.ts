import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningWorker, startBackfill } from '../../src/temporal/index.js';
import type { BackfillState } from '../../workflows/lib/backfill-progress.js';
import { recordHistories } from '../support/histories.js';
import { workerFor } from '../support/in-process-worker.js';
import { TestStore } from '../support/store.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

/** A pipeline whose runs are over at once: what is left is the backfill itself. */
const pipelineText = `
import * as asof from 'asof';
const { every, pipeline } = asof as any;
export const minutes = pipeline({ name: 'minutes', workflow: 'nothing', schedule: every('1 minute'), startAt: '2024-01-01' });
`;
const workflowText = 'export async function nothing() {}\n';

const minute = (n: number): string => new Date(Date.UTC(2024, 0, 1, 0, n)).toISOString();
const isLong = process.env['ASOF_TEST_LONG'] === '1';
/** So that the backfills below go on as new several times; the long one has the server's own limit, of 4,096. */
const historyMax = isLong ? 4_096 : 300;
const recording = process.env['ASOF_RECORD_HISTORIES'] === '1';

describe('a backfill of many intervals', () => {
  let temporal: TestTemporal;
  let project: TestStore;
  let worker: RunningWorker;

  beforeAll(async () => {
    temporal = await startTemporal({ historyMax });
    project = await TestStore.open();
    mkdirSync(path.join(project.root, 'workflows'));
    writeFileSync(path.join(project.root, 'workflows/nothing.ts'), workflowText);
    writeFileSync(path.join(project.repo, 'pipelines.ts'), pipelineText);
    await project.reopen();
    worker = await workerFor(project.store, temporal.address);
  });
  afterAll(async () => {
    await worker.stop();
    await project.close();
    await temporal.close();
  });

  const sizes = [
    { count: 300, parallel: 10, reverse: false },
    { count: 120, parallel: 3, reverse: true },
  ];
  it.each(isLong ? [{ count: 10_000, parallel: 40, reverse: false }] : sizes)(
    'starts each of $count once, $parallel at once at most, in short histories',
    async ({ count, parallel, reverse }) => {
      const from = reverse ? 20_000 : 0;
      const { handle, workflowId, runId } = await startBackfill(temporal.client, project.store.project, {
        ...{ pipeline: 'minutes', only: 'all', parallel, reverse, from: minute(from), to: minute(from + count) },
      });
      expect(await handle.result()).toMatchObject({
        status: 'completed',
        total: count,
        done: count,
        failed: 0,
        skipped: 0,
      });
      const { histories, started, mostAtWork } = await startsOf(temporal.client, workflowId, runId);
      expect(histories.length).toBeGreaterThan(1);
      expect(Math.max(...histories)).toBeLessThan(historyMax + 20 * parallel);
      const ids = Array.from({ length: count }, (_, i) => idOf(minute(from + i + 1)));
      expect(started).toHaveLength(count);
      expect([...started].sort()).toEqual(ids.sort());
      expect(mostAtWork).toBeLessThanOrEqual(parallel);
      expect(mostAtWork).toBeGreaterThan(1);
      expect(await handle.query<BackfillState>('backfill')).toMatchObject({ counts: { done: count, running: 0 } });
      expect(await project.store.runs.backfills.find(runId)).toMatchObject({ status: 'completed', done: count });
    },
    isLong ? 30 * 60_000 : 120_000,
  );

  it('is recorded', async () => {
    if (recording) await recordHistories(temporal.client, temporal.address, 'many', 'backfill');
  });
});

const idOf = (end: string): string => `test/minutes-${end.replace('.000Z', 'Z')}`;

/** By the histories of all executions of a backfill: how long they are, which runs were started, how many were at work at once. */
async function startsOf(client: Client, workflowId: string, firstRunId: string) {
  const histories: number[] = [];
  const started: string[] = [];
  let [atWork, mostAtWork] = [0, 0];
  let runId: string | undefined = firstRunId;
  while (runId !== undefined) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    histories.push(events?.length ?? 0);
    runId = undefined;
    for (const event of events ?? []) {
      const begun = event.startChildWorkflowExecutionInitiatedEventAttributes;
      if (begun != null) {
        started.push(begun.workflowId ?? '');
        atWork += 1;
      }
      if (event.childWorkflowExecutionCompletedEventAttributes != null) atWork -= 1;
      mostAtWork = Math.max(mostAtWork, atWork);
      runId = event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? runId;
    }
  }
  return { histories, started, mostAtWork };
}
