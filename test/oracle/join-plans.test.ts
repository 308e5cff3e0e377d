import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Session } from '../../src/lake/index.js';
import {
  type PointInTimeJoin,
  pointInTimeSql,
  positionColumn,
  type Reach,
} from '../../src/offline-store/point-in-time.js';
import { type TempLake, withTempLake } from '../support/lake.js';
import { type OracleRow, oracleJoin } from './point-in-time-oracle.js';

/** The statement has several shapes for speed; each must give the oracle's answer, whatever the caller would have chosen. */
let temp: TempLake;
let session: Session;
beforeAll(async () => {
  temp = await withTempLake();
  session = await temp.lake.session();
  await session.run(`CREATE TEMP TABLE rows_of_view ("a key" BIGINT, event_timestamp TIMESTAMPTZ, created_timestamp TIMESTAMPTZ,
    "created_timestamp_" BIGINT, _ingest_time TIMESTAMPTZ, _ingest_position BIGINT)`);
  await session.run(`CREATE TEMP TABLE asked_rows (k BIGINT, "at" TIMESTAMPTZ, "${positionColumn}" BIGINT)`);
});
afterAll(() => {
  session.close();
  temp.close();
});

// Around 1970, where times change sign, and on a grid whose step divides the ttl.
const step = 1_000;
const moment = fc
  .tuple(fc.integer({ min: -12, max: 12 }), fc.constantFrom(0, 0, 0, 1, -1))
  .map(([n, aside]) => n * step + aside);
const key = fc.constantFrom(1, 2, 3);
const scenario = fc.record({
  rows: fc.array(
    fc.record({ k: fc.option(key, { freq: 12 }), event: moment, created: fc.option(moment, { freq: 3 }) }),
    { maxLength: 50, size: '+1' },
  ),
  entities: fc.array(fc.record({ k: fc.option(key, { freq: 8 }), at: fc.option(moment, { freq: 8 }) }), {
    minLength: 1,
    maxLength: 90,
    size: '+1',
  }),
  ttlSteps: fc.constantFrom(0, 1, 3),
});

const time = (ms: number | null) => (ms === null ? 'NULL' : `make_timestamptz(${ms * 1_000}::BIGINT)`);

it('every shape of the statement answers as the oracle does', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ rows, entities, ttlSteps }) => {
      const oracleRows = rows.map(
        ({ k, event, created }, n): OracleRow => ({
          keys: { k },
          event,
          created,
          ingestTime: n % 3,
          ingestPosition: n,
          values: { v: n },
        }),
      );
      const asked = entities.map(({ k, at }) => ({ time: at, row: { k } }));
      const cells = oracleRows.map(
        (r) =>
          `(${r.keys['k'] ?? 'NULL'}, ${time(r.event)}, ${time(r.created)}, ${r.values['v']}, ${time(r.ingestTime)}, ${r.ingestPosition})`,
      );
      await session.run('DELETE FROM rows_of_view; DELETE FROM asked_rows');
      if (cells.length > 0) await session.run(`INSERT INTO rows_of_view VALUES ${cells.join(', ')}`);
      await session.run(
        `INSERT INTO asked_rows VALUES ${entities.map(({ k, at }, n) => `(${k ?? 'NULL'}, ${time(at)}, ${n})`).join(', ')}`,
      );
      const times = entities.flatMap(({ at }) => (at === null ? [] : [BigInt(at) * 1_000n]));
      const sorted = [...times].sort((a, b) => (a < b ? -1 : 1));
      const [fromUs, toUs] = [sorted[0], sorted.at(-1)];
      for (const createdCutoff of [false, true]) {
        const expected = oracleJoin(
          asked,
          [{ rows: oracleRows, keys: { k: 'k' }, columns: { out: 'v' }, ttlMs: ttlSteps * step }],
          createdCutoff,
        ).map((row, n) => ({ k: entities[n]?.k ?? null, out: row['out'] }));
        for (const reach of ['all', 'keys', 'times'] satisfies Reach[]) {
          for (const range of [undefined, fromUs === undefined || toUs === undefined ? undefined : { fromUs, toUs }]) {
            const join: PointInTimeJoin = {
              entities: { relation: 'asked_rows', columns: ['k'], timestamp: 'at' },
              views: [
                {
                  relation: 'rows_of_view',
                  keys: { 'a key': 'k' },
                  columns: { out: 'created_timestamp_' },
                  ttlMs: ttlSteps * step,
                  reach,
                },
              ],
              createdCutoff,
              range,
            };
            const answer = await session.all<{ k: bigint | null; out: bigint | null }>(pointInTimeSql(join));
            const plain = answer.map(({ k, out }) => ({
              k: k === null ? null : Number(k),
              out: out === null ? null : Number(out),
            }));
            expect(plain, `${reach}, cutoff ${createdCutoff}, ${range === undefined ? 'no range' : 'range'}`).toEqual(
              expected,
            );
          }
        }
      }
    }),
    { numRuns: 150 },
  );
});

it('lets a null time match nothing, though DuckDB lets it match in an ASOF join over few rows', async () => {
  await session.run('DELETE FROM rows_of_view; DELETE FROM asked_rows');
  await session.run(`INSERT INTO rows_of_view VALUES (1, ${time(0)}, NULL, 7, ${time(0)}, 1)`);
  await session.run('INSERT INTO asked_rows VALUES (1, NULL, 0)');
  const views = [
    { relation: 'rows_of_view', keys: { 'a key': 'k' }, columns: { out: 'created_timestamp_' }, ttlMs: 0 },
  ];
  const sql = pointInTimeSql({ entities: { relation: 'asked_rows', columns: ['k'], timestamp: 'at' }, views });
  expect(await session.all(sql)).toEqual([{ k: 1n, out: null }]);
});
