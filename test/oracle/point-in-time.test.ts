import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FeatureTable, tableName } from '../../src/definitions/feature-table.js';
import { historicalFeatures } from '../../src/offline-store/historical-features.js';
import { float64, int64, string } from '../../src/types.js';
import { createView, type TempLake, withTempLake } from '../support/lake.js';
import { insertRows } from './feature-rows.js';
import { type OracleEntity, type OracleRow, type OracleView, oracleJoin } from './point-in-time-oracle.js';

const hour = 3_600_000;
const start = Date.parse('2024-03-30T20:00:00Z');
const driverTtl = 3 * hour;

/** One view with a ttl and one key; one without a ttl and two keys, of which one goes by another name in the entity rows. */
const drivers: FeatureTable = {
  view: 'drivers',
  generation: 1,
  joinKeys: { driver_id: int64() },
  features: { rate: float64(), note: string() },
  ttlMs: driverTtl,
};
const trips: FeatureTable = {
  view: 'trips',
  generation: 1,
  joinKeys: { driver_id: int64(), zone: string() },
  features: { rate: float64(), event: string() },
  ttlMs: 0,
};
const selections = [
  { table: drivers, columns: { rate: 'rate', note: 'note' } },
  { table: trips, columns: { trip_rate: 'rate', zone_event: 'event' }, keyMap: { zone: 'pickup' } },
  { table: drivers, columns: { rate_again: 'rate' } },
] as const;

// Few moments on one grid, so that equal times, exact ttl edges and rows just beside them are the rule, not luck.
const moment = fc
  .tuple(fc.integer({ min: 0, max: 8 }), fc.constantFrom(0, 0, 0, 1, -1))
  .map(([hours, aside]) => start + hours * hour + aside);
const driverId = fc.integer({ min: 1, max: 5 });
const zone = fc.constantFrom('north', 'süd', '');
const created = fc.option(moment, { nil: null, freq: 3 });
const value = fc.option(fc.integer({ min: 0, max: 99 }), { nil: null, freq: 8 });

const driverRow = fc.record({
  driver_id: fc.option(driverId, { nil: null, freq: 12 }),
  event: moment,
  created,
  rate: value,
});
const tripRow = fc.record({
  driver_id: driverId,
  zone: fc.option(zone, { nil: null, freq: 12 }),
  event: moment,
  created,
  rate: value,
});
const entityRow = fc.record({
  driver_id: fc.option(fc.integer({ min: 1, max: 6 }), { nil: null, freq: 8 }),
  pickup: fc.option(zone, { nil: null, freq: 8 }),
  time: fc.option(moment, { nil: null, freq: 12 }),
});
/** Rows of two commits, so that the lake can also be read as of the first. */
const scenario = fc.record({
  driverRows: fc.array(driverRow, { maxLength: 60, size: '+1' }),
  tripRows: fc.array(tripRow, { maxLength: 60, size: '+1' }),
  laterDriverRows: fc.array(driverRow, { maxLength: 8 }),
  entities: fc.array(entityRow, { maxLength: 60, size: '+1' }),
  repeated: fc.boolean(),
  createdCutoff: fc.boolean(),
});

const asDriverRow = (
  row: { driver_id: number | null; event: number; created: number | null; rate: number | null },
  commit: number,
  n: number,
): OracleRow => ({
  keys: { driver_id: row.driver_id },
  event: row.event,
  created: row.created,
  ingestTime: start + commit,
  // Not in the order of insertion: the position decides, not where a row lies.
  ingestPosition: (n * 7) % 61,
  values: { rate: row.rate, note: `${commit}/${n}` },
});
const asTripRow = (
  row: { driver_id: number; zone: string | null; event: number; created: number | null; rate: number | null },
  n: number,
): OracleRow => ({
  keys: { driver_id: row.driver_id, zone: row.zone },
  event: row.event,
  created: row.created,
  ingestTime: start,
  ingestPosition: (n * 7) % 61,
  values: { rate: row.rate, event: `trip ${n}` },
});

let temp: TempLake;
beforeAll(async () => {
  temp = await withTempLake();
  await createView(temp.lake, drivers);
  await createView(temp.lake, trips);
});
afterAll(() => temp.close());

it('answers as the oracle does, now and as of an earlier snapshot', async () => {
  const { lake } = temp;
  await fc.assert(
    fc.asyncProperty(scenario, async ({ driverRows, tripRows, laterDriverRows, entities, repeated, createdCutoff }) => {
      await lake.transaction({ message: 'empty the views' }, async (session) => {
        for (const table of [drivers, trips]) await session.run(`DELETE FROM ${lake.table(tableName(table))}`);
      });
      const first = driverRows.map((row, n) => asDriverRow(row, 1, n));
      const later = laterDriverRows.map((row, n) => asDriverRow(row, 2, n));
      const tripped = tripRows.map((row, n) => asTripRow(row, n));
      await insertRows(lake, trips, tripped);
      const snapshot = await insertRows(lake, drivers, first);
      await insertRows(lake, drivers, later);
      const asked: OracleEntity[] = (repeated ? [...entities, ...entities] : entities).map(({ time, ...row }, n) => ({
        time,
        row: { ...row, label: n },
      }));
      const views = (rows: readonly OracleRow[]): OracleView[] => [
        { rows, keys: { driver_id: 'driver_id' }, columns: selections[0].columns, ttlMs: drivers.ttlMs },
        { rows: tripped, keys: { driver_id: 'driver_id', zone: 'pickup' }, columns: selections[1].columns, ttlMs: 0 },
        { rows, keys: { driver_id: 'driver_id' }, columns: selections[2].columns, ttlMs: drivers.ttlMs },
      ];
      for (const [asOfSnapshot, rows] of [
        [undefined, [...first, ...later]],
        [snapshot, first],
      ] as const) {
        const given = asked.map(({ time, row }) => ({
          ...row,
          event_timestamp: time === null ? null : new Date(time),
        }));
        const answer = await historicalFeatures(lake, {
          selections,
          entities: { type: 'rows', rows: given },
          options: { createdCutoff, asOfSnapshot },
          output: { type: 'rows' },
        });
        const expected = oracleJoin(asked, views(rows), createdCutoff);
        expect(answer.rows).toEqual(given.map((row, n) => ({ ...row, ...expected[n] })));
      }
    }),
    { numRuns: 30 },
  );
});
