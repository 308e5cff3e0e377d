import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { every, pipeline } from '../../../src/definitions/index.js';
import { createLeaseTable } from '../../../src/lake/feature-tables.js';
import { type DataInterval, intervalStatuses, Runs } from '../../../src/runs/index.js';
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

const at = (hour: number): Date => new Date(Date.UTC(2024, 0, 1, hour));
const hours = (from: number, to: number): DataInterval[] =>
  Array.from({ length: to - from }, (_, i) => ({ start: at(from + i), end: at(from + i + 1) }));

/** A run over some hours that ends so, or not at all. */
async function run(from: number, to: number, status?: 'completed' | 'failed' | 'cancelled', registryVersion = 3) {
  const runId = randomUUID();
  const load = pipeline({ name, workflow: 'dbToOfflineStore', args: { views: ['stats'] }, schedule: every('1 hour') });
  const interval = { start: at(from).toISOString(), end: at(to).toISOString() };
  const nominalTime = interval.end;
  await runs.open(
    { pipeline: load, runId, workflowId: `of ${runId}`, nominalTime, interval, registryVersion },
    async () => true,
  );
  if (status !== undefined) {
    await runs.close({ pipeline: name, runId, workflowId: `of ${runId}`, status, steps: [], published: 0 });
  }
  return runId;
}

const statuses = (from: number, to: number, more: Partial<Parameters<typeof intervalStatuses>[1]> = {}) =>
  intervalStatuses(temp.lake, {
    pipeline: name,
    intervals: hours(from, to),
    tablesSince: new Map(),
    views: ['stats'],
    ...more,
  });
const shown = async (...args: Parameters<typeof statuses>): Promise<string[]> =>
  (await statuses(...args)).map(({ status, isThere }) => `${status}${isThere ? ' there' : ''}`);

describe('the statuses of intervals', () => {
  it('are those of the last run of each', async () => {
    await run(0, 1, 'completed');
    await run(1, 2, 'failed');
    await run(2, 3, 'cancelled');
    await run(3, 4);
    await run(4, 5, 'failed');
    const again = await run(4, 5, 'completed');
    await run(5, 6, 'completed');
    await run(5, 6, 'failed');
    expect(await shown(0, 7)).toEqual([
      ...['done there', 'failed', 'failed', 'running', 'done there'],
      ...['failed there', 'missing'],
    ]);
    expect((await statuses(4, 5))[0]?.run).toEqual({ runId: again, workflowId: `of ${again}` });
    expect(await statuses(3, 3)).toEqual([]);
  });

  it('know nothing of other pipelines', async () => {
    await run(0, 1, 'completed');
    expect(await shown(0, 1, { pipeline: 'another' })).toEqual(['missing']);
  });

  it('count a run for all the intervals that lie whole in its own', async () => {
    await run(1, 4, 'completed');
    expect(await shown(0, 5)).toEqual(['missing', 'done there', 'done there', 'done there', 'missing']);
    const halves = [0.5, 1, 1.5].map((hour) => ({ start: at(hour), end: at(hour + 0.5) }));
    expect(await shown(0, 0, { intervals: halves })).toEqual(['missing', 'done there', 'done there']);
    const days = [{ start: at(0), end: at(24) }];
    expect(await shown(0, 0, { intervals: days })).toEqual(['missing']);
  });

  it('show a run at work on all it touches, and one that is gone as failed', async () => {
    await run(1, 4);
    const days = [{ start: at(0), end: at(24) }];
    expect(await shown(0, 0, { intervals: days })).toEqual(['running']);
    expect(await shown(0, 5, { isRunning: async () => false })).toEqual([
      ...['missing', 'failed', 'failed', 'failed', 'missing'],
    ]);
  });

  it('are invalid where a view has begun a new table since', async () => {
    await run(0, 1, 'completed', 3);
    await run(1, 2, 'completed', 4);
    await run(2, 3, 'completed', 3);
    await run(2, 3, 'completed', 4);
    expect(await shown(0, 3, { tablesSince: new Map([['stats', 4]]) })).toEqual([
      'invalid',
      'done there',
      'done there',
    ]);
    expect(await shown(0, 3, { tablesSince: new Map([['another', 4]]) })).toEqual([
      ...['done there', 'done there', 'done there'],
    ]);
  });

  it('of tens of thousands are told at once', async () => {
    await temp.lake.transaction({ message: 'many runs' }, (session) =>
      session.run(
        `INSERT INTO ${temp.lake.system('run_events')}
         SELECT 'run ' || i, 'workflow ' || i, $1, now(), event, CASE event WHEN 'closed'
           THEN json_object('status', CASE i % 2 WHEN 0 THEN 'completed' ELSE 'failed' END, 'steps', repeat('x', 500))
           ELSE json_object('registryVersion', 3, 'interval', json_object(
             'start', strftime($2::TIMESTAMP + to_hours(i::BIGINT), '%Y-%m-%dT%H:%M:%S.000Z'),
             'end', strftime($2::TIMESTAMP + to_hours(i::BIGINT + 1), '%Y-%m-%dT%H:%M:%S.000Z'))) END
         FROM range(20000) AS r(i), (VALUES ('opened'), ('closed')) AS e(event)`,
        [name, '2024-01-01'],
      ),
    );
    const found = await statuses(0, 20_000);
    expect(found.filter(({ status }) => status === 'done')).toHaveLength(10_000);
    expect(found.filter(({ status }) => status === 'failed')).toHaveLength(10_000);
    expect(await shown(19_998, 20_001)).toEqual(['done there', 'failed', 'missing']);
  });
});
