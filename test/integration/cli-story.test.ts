import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SampleProject, sampleProject, stateOf } from '../support/cli.js';

interface Rows {
  readonly rows: Record<string, unknown>[];
}
const close = (value: number) => expect.closeTo(value, 8) as number;
const stats = (conv: number, acc: number, trips: number) => ({
  conv_rate: close(conv),
  acc_rate: close(acc),
  avg_daily_trips: trips,
});

/** The features of each driver as of every one of its orders. */
const asOfOrders: Record<number, object> = {
  1001: stats(0.175218582, 0.761433542, 385),
  1002: stats(0.312346905, 0.481786072, 810),
  1003: stats(0.736727178, 0.936666548, 939),
  1004: stats(0.094608888, 0.151162535, 166),
};
/** The newest features, all of 2021-07-28 10:00. */
const newest: Record<number, object> = {
  1001: stats(0.222533852, 0.927691281, 114),
  1002: stats(0.913527548, 0.357141674, 573),
  1003: stats(0.581625998, 0.558202326, 451),
  1004: stats(0.264819056, 0.411574543, 207),
  1005: stats(0.983053803, 0.618732393, 190),
};
const orders = [1001, 1002, 1003, 1001, 1002, 1003, 1001, 1002, 1003, 1004];
const labels = [1, 0, 0, 1, 0, 0, 1, 0, 0, 1];
const features = 'driver_stats:conv_rate,driver_stats:acc_rate,driver_stats:avg_daily_trips';

let project: SampleProject;
beforeAll(() => {
  project = sampleProject();
});
afterAll(() => project.close());

describe('the story on the command line', () => {
  it('plans, applies, and has nothing left to do', async () => {
    const plan = (await project.ok('plan', '--json')).json<{ changes: { kind: string; action: string }[] }>();
    expect(plan.changes).toHaveLength(13);
    expect(plan).toMatchObject({ version: 0, breaking: false });
    expect((await project.ok('list')).stdout).toContain('run `asof apply`');
    const applied = await project.ok('apply', '--json');
    expect(applied.json()).toMatchObject({ version: 1, breaking: false });
    const again = await project.ok('apply');
    expect(again.stdout).toContain('Nothing to do: version 1 is applied.');
    expect((await project.ok('plan')).stdout).toMatch(/^Nothing to do: version 1/);
  });

  it('pushes the sample into both stores, once', async () => {
    const args = ['push', 'driver_stats', '--file', 'data/driver_stats.parquet', '--json'];
    expect((await project.ok(...args)).json()).toMatchObject({
      published: 1805,
      alreadyThere: 0,
      duplicates: 2,
      online: { written: 5 },
    });
    // Again: nothing new in the lake; the keys are brought online once more, in case the first push ended between the stores.
    expect((await project.ok(...args)).json()).toMatchObject({ published: 0, alreadyThere: 1805 });
    expect(await stateOf(project.root)).toMatchObject({
      rows: { driver_stats: 1805 },
      online: { driver_stats: { length: 5 } },
    });
  });

  it('materializes: first in full and says why, then what changed, then a window', async () => {
    const first = (await project.ok('materialize', '--json')).json<{ views: object[] }>();
    expect(first.views).toMatchObject([
      {
        view: 'driver_stats',
        mode: 'full',
        reason: expect.stringContaining('no rows of the view'),
        keys: 5,
        written: 5,
      },
      { view: 'driver_stats_stream', mode: 'full', keys: 0 },
    ]);
    const second = await project.ok('materialize', '--views', 'driver_stats');
    expect(second.stdout).toMatch(/driver_stats +│ incremental │ 0 /);
    const window = ['--start', '2021-07-01', '--end', '2021-07-31T23:59:59Z', '--views', 'driver_stats', '--json'];
    expect((await project.ok('materialize', ...window)).json()).toMatchObject({ views: [{ mode: 'window', keys: 5 }] });
    expect((await project.ok('materialize', '--full', '--views', 'driver_stats', '--json')).json()).toMatchObject({
      views: [{ mode: 'full', keys: 5, deleted: 0 }],
    });
  });

  it('reads features as of each order', async () => {
    const args = ['get-historical-features', '--entities', 'data/driver_orders.csv', '--features', features];
    const { rows } = (await project.ok(...args, '--json')).json<Rows>();
    expect(rows).toEqual(
      orders.map((driver_id, index) => ({
        event_timestamp: new Date(Date.UTC(2021, 3, 16, 20 + 8 * index, 29, 28)).toISOString(),
        driver_id,
        trip_completed: labels[index],
        ...asOfOrders[driver_id],
      })),
    );
    const shown = await project.ok(...args);
    expect(shown.stdout).toMatch(/2021-04-16T20:29:28Z │ 1001 +│ 1 +│ 0\.175218582 │ 0\.761433542 │ 385/);
    expect(shown.stderr).toBe('');
  });

  it('writes them to files and to tables of the lake', async () => {
    const read = ['get-historical-features', '--entities', 'data/driver_orders.csv', '--service', 'driver_ranking'];
    const csv = await project.ok(...read, '--out', 'training.csv');
    expect(csv.stdout).toMatch(/^10 rows written to training\.csv, as of snapshot \d+\.\n$/);
    const lines = readFileSync(path.join(project.root, 'training.csv'), 'utf8').trim().split('\n');
    expect(lines[0]).toBe('event_timestamp,driver_id,trip_completed,conv_rate,acc_rate,avg_daily_trips');
    expect(lines).toHaveLength(11);
    const parquet = (await project.ok(...read, '--out', 'training.parquet', '--json')).json();
    expect(parquet).toMatchObject({ rowCount: 10, features: { conv_rate: 'float32', avg_daily_trips: 'int32' } });
    expect(existsSync(path.join(project.root, 'training.parquet'))).toBe(true);
    await project.ok(...read, '--table', 'training_set');
    const sql = 'SELECT driver_id, event_timestamp FROM training_set WHERE driver_id = 1004';
    const fromTable = await project.ok('get-historical-features', '--entities', sql, '--features', features, '--json');
    expect(fromTable.json<Rows>().rows).toMatchObject([{ driver_id: 1004, ...asOfOrders[1004] }]);
  });

  it('reads features as of now, with statuses and event times in the order asked', async () => {
    const keys = [1005, 1001, 1002, 1003, 1004, 42].flatMap((driver) => ['--key', `driver_id=${driver}`]);
    const read = ['get-online-features', '--service', 'driver_ranking', ...keys];
    const { rows, statuses, eventTimestamps } = (await project.ok(...read, '--json')).json<
      Rows & { statuses: object[]; eventTimestamps: object[] }
    >();
    expect(rows.slice(0, 5)).toEqual(
      [1005, 1001, 1002, 1003, 1004].map((driver_id) => ({ driver_id, ...newest[driver_id] })),
    );
    expect(rows[5]).toEqual({ driver_id: 42, conv_rate: null, acc_rate: null, avg_daily_trips: null });
    expect(statuses.map((row) => Object.values(row)[0])).toEqual([...Array(5).fill('PRESENT'), 'NOT_FOUND']);
    expect(eventTimestamps[0]).toMatchObject({ conv_rate: '2021-07-28T10:00:00.000Z' });
    const shown = await project.ok(...read);
    expect(shown.stdout).toMatch(/1005 +│ 0\.983053803 │ 0\.618732393 │ 190 +│ 2021-07-28T10:00:00Z/);
    expect(shown.stdout).toMatch(/42 +│ \(not found\)/);
  });

  it('serves what was pushed as rows of JSON, and reads the lake as it was', async () => {
    const read = ['get-historical-features', '--features', 'driver_stats:avg_daily_trips', '--json', '--entities'];
    const later = "SELECT 1001 AS driver_id, TIMESTAMP '2021-09-01' AS event_timestamp";
    const before = (await project.ok(...read, later)).json<{ snapshot: number } & Rows>();
    expect(before.rows).toMatchObject([{ avg_daily_trips: 114 }]);
    const rows = `[{"driver_id": 1001, "datetime": "2021-08-01T10:00:00", "created": "2021-08-01T10:00:01Z",
      "conv_rate": 0.5, "acc_rate": 0.25, "avg_daily_trips": 7}]`;
    const pushed = await project.ok('push', 'driver_stats', '--rows', rows);
    expect(pushed.stdout).toBe('1 row written to the offline store.\n1 key written to the online store.\n');
    const now = await project.ok(
      'get-online-features',
      '--features',
      'driver_stats:*',
      '--key',
      'driver_id=1001',
      '--json',
    );
    expect(now.json<Rows>().rows).toEqual([{ driver_id: 1001, conv_rate: 0.5, acc_rate: 0.25, avg_daily_trips: 7 }]);
    expect((await project.ok(...read, later)).json<Rows>().rows).toMatchObject([{ avg_daily_trips: 7 }]);
    const asItWas = await project.ok(...read, later, '--as-of-snapshot', String(before.snapshot));
    expect(asItWas.json()).toMatchObject({ snapshot: before.snapshot, rows: [{ avg_daily_trips: 114 }] });
  });

  it('takes events of a stream view through its transform', async () => {
    const event =
      '[{"driver_id": 1002, "datetime": "2021-08-01T10:00:00Z", "created": "2021-08-01T10:00:00Z", "conv_rate": 0.5, "acc_rate": 0.25}]';
    await project.ok('push', 'driver_stats_stream', '--rows', event);
    const read = ['get-online-features', '--service', 'driver_ranking_fresh', '--key', 'driver_id=1002', '--json'];
    expect((await project.ok(...read)).json<Rows>().rows).toMatchObject([
      { fresh_conv_rate: 50, fresh_acc_rate: 25, conv_rate: close(0.913527548) },
    ]);
  });
});
