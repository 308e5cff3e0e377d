import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFeatureStore } from '../../src/index.js';
import { type RunningWorker, startBackfill } from '../../src/temporal/index.js';
import { workerFor } from '../support/in-process-worker.js';
import { definitionsText, TestStore } from '../support/store.js';
import { startTemporal, type TestTemporal } from '../support/temporal.js';

const pipelines = `
export const days = pipeline({ name: 'days', workflow: 'dbToOfflineStore', schedule: daily(),
  args: { views: ['stats', 'scores'], onlyInterval: true } });
`;

/** Of 2024-01-01 to 05: two rows, one, none, one at the very beginning, one just before the end. */
const times = [
  '2024-01-01T00:00:00Z',
  '2024-01-01T12:00:00Z',
  '2024-01-02T23:59:59.999Z',
  '2024-01-04T00:00:00Z',
  '2024-01-05T23:59:59.999999Z',
];

describe("runs that take their interval's rows only", () => {
  let temporal: TestTemporal;
  let project: TestStore;
  let worker: RunningWorker;

  beforeAll(async () => {
    temporal = await startTemporal();
    project = await TestStore.open();
    writeFileSync(path.join(project.repo, 'definitions.ts'), `${definitionsText()}${pipelines}`);
    await project.store.close();
    project.store = await openFeatureStore(project.repo);
    await project.store.apply();
    for (const name of ['stats', 'scores'])
      project.writeData(
        `${name}.ndjson`,
        times.map((at, user_id) => ({ user_id, at, made: at, a: user_id, b: 'x' })),
      );
    worker = await workerFor(project.store, temporal.address);
  });
  afterAll(async () => {
    await worker?.stop();
    await project?.close();
    await temporal?.close();
  });

  it('bring each row in by the run of its day, and none of a day that has no run', async () => {
    const range = { from: '2024-01-01T00:00:00Z', to: '2024-01-05T00:00:00Z' };
    const { handle } = await startBackfill(temporal.client, project.store.project, {
      ...{ pipeline: 'days', only: 'all', parallel: 2, reverse: true, ...range },
    });
    expect(await handle.result()).toMatchObject({ done: 4, failed: 0 });
    const runs = await project.store.runs.list({ pipeline: 'days' });
    const published = Object.fromEntries(
      runs.map(({ interval, published }) => [interval.start.slice(0, 10), published]),
    );
    // Of each of the two views.
    expect(published).toEqual({ '2024-01-01': 4, '2024-01-02': 2, '2024-01-03': 0, '2024-01-04': 2 });
    for (const view of ['stats', 'scores']) {
      const rows = await project.store.lake.all<{ user_id: bigint }>(
        `SELECT user_id FROM ${project.store.lake.table(view)} ORDER BY user_id`,
      );
      expect(rows.map(({ user_id }) => Number(user_id))).toEqual([0, 1, 2, 3]);
    }
    const [last] = runs.filter(({ interval }) => interval.start.startsWith('2024-01-02'));
    expect(last?.steps.find(({ name }) => name === 'clean stats')).toMatchObject({ rowsIn: 5, rowsOut: 1 });
  });
});
