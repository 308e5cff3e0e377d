import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FeatureTable } from '../../src/definitions/feature-table.js';
import { historicalFeatures } from '../../src/offline-store/historical-features.js';
import { float32, int32, int64 } from '../../src/types.js';
import { createView, type TempLake, withTempLake } from '../support/lake.js';
import { insertRows } from './feature-rows.js';
import type { OracleRow } from './point-in-time-oracle.js';

let temp: TempLake;
beforeAll(async () => {
  temp = await withTempLake();
});
afterAll(() => temp.close());

const day = 86_400_000;

/** The table on which Feast's two local stores disagree; Feast's DuckDB store is right. */
describe('nine entity rows', () => {
  const at = (text: string) => Date.parse(text);
  const feature = (uid: number, event: string, created: string | null, v: number, position: number): OracleRow => ({
    keys: { uid },
    event: at(event),
    created: created === null ? null : at(created),
    ingestTime: at('2026-02-01'),
    ingestPosition: position,
    values: { v },
  });
  const rows = [
    feature(1, '2026-01-01', '2026-01-01', 10, 1),
    feature(1, '2026-01-01', '2026-01-03', 11, 2),
    feature(1, '2026-01-01', null, 12, 3),
    feature(1, '2026-01-02', '2026-01-02', 20, 4),
    feature(2, '2026-01-01', '2026-01-01', 30, 5),
  ];
  const entities = [
    { uid: 1, event_timestamp: '2026-01-01 00:00:00' },
    { uid: 1, event_timestamp: '2026-01-01 12:00:00' },
    { uid: 1, event_timestamp: '2026-01-02 00:00:00' },
    { uid: 1, event_timestamp: '2025-12-31 23:59:59' },
    { uid: 2, event_timestamp: '2026-01-02 00:00:00' },
    { uid: 2, event_timestamp: '2026-01-02 00:00:01' },
    { uid: 3, event_timestamp: '2026-01-01 00:00:00' },
    { uid: 1, event_timestamp: '2026-01-01 00:00:00' },
    { uid: 1, event_timestamp: '2026-01-05 00:00:00' },
  ];
  const table = (view: string, ttlMs: number): FeatureTable => ({
    view,
    generation: 1,
    joinKeys: { uid: int64() },
    features: { v: int64() },
    ttlMs,
  });
  const views = { day: table('nine_day', day), forever: table('nine_forever', 0) };
  beforeAll(async () => {
    for (const view of Object.values(views)) {
      await createView(temp.lake, view);
      await insertRows(temp.lake, view, rows);
    }
  });
  const ask = async (view: FeatureTable, createdCutoff: boolean) => {
    const { rows: answer } = await historicalFeatures(temp.lake, {
      selections: [{ table: view, columns: { v: 'v' } }],
      entities: { type: 'rows', rows: entities },
      options: { createdCutoff },
      output: { type: 'rows' },
    });
    expect(answer?.map(({ v: _, ...own }) => own)).toEqual(entities);
    return answer?.map(({ v }) => v);
  };

  it.each([
    ['day', false, [11, 11, 20, null, 30, null, null, 11, null]],
    ['forever', false, [11, 11, 20, null, 30, 30, null, 11, 20]],
    ['day', true, [10, 10, 20, null, 30, null, null, 10, null]],
    ['forever', true, [10, 10, 20, null, 30, 30, null, 10, 20]],
  ] as const)('ttl %s, created cutoff %s', async (view, createdCutoff, expected) => {
    expect(await ask(views[view], createdCutoff)).toEqual(expected);
  });
});

describe('the ten orders of the sample data', () => {
  const table: FeatureTable = {
    view: 'driver_stats',
    generation: 1,
    joinKeys: { driver_id: int64() },
    features: { conv_rate: float32(), acc_rate: float32(), avg_daily_trips: int32() },
    ttlMs: 36_500 * day,
  };
  const values: Record<number, readonly [number, number, number]> = {
    1001: [0.175218582, 0.761433542, 385],
    1002: [0.312346905, 0.481786072, 810],
    1003: [0.736727178, 0.936666548, 939],
    1004: [0.094608888, 0.151162535, 166],
  };
  beforeAll(async () => {
    await createView(temp.lake, table);
    await temp.lake.transaction({ message: 'sample data' }, (session) =>
      session.run(
        `INSERT INTO ${temp.lake.table('driver_stats')} BY NAME
         SELECT DISTINCT driver_id, datetime AS event_timestamp, created AS created_timestamp, conv_rate, acc_rate, avg_daily_trips,
           now() AS _ingest_time, 0 AS _ingest_position FROM 'data/driver_stats.parquet'`,
      ),
    );
  });

  it('gives each order its features, with the label kept', async () => {
    const { rows, rowCount, features } = await historicalFeatures(temp.lake, {
      selections: [
        { table, columns: { conv_rate: 'conv_rate', acc_rate: 'acc_rate', avg_daily_trips: 'avg_daily_trips' } },
      ],
      entities: { type: 'file', path: 'data/driver_orders.csv' },
      output: { type: 'rows' },
    });
    expect(rowCount).toBe(10);
    expect(features).toEqual({ conv_rate: 'float32', acc_rate: 'float32', avg_daily_trips: 'int32' });
    expect(rows?.map((row) => [row['driver_id'], row['trip_completed']])).toEqual([
      [1001, 1],
      [1002, 0],
      [1003, 0],
      [1001, 1],
      [1002, 0],
      [1003, 0],
      [1001, 1],
      [1002, 0],
      [1003, 0],
      [1004, 1],
    ]);
    expect(rows?.[0]?.['event_timestamp']).toEqual(new Date('2021-04-16T20:29:28Z'));
    for (const row of rows ?? []) {
      const [conv, acc, trips] = values[row['driver_id'] as number] as readonly [number, number, number];
      expect(row['conv_rate']).toBeCloseTo(conv, 8);
      expect(row['acc_rate']).toBeCloseTo(acc, 8);
      expect(row['avg_daily_trips']).toBe(trips);
    }
  });
});
