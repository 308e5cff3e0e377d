import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FeatureTable } from '../../src/definitions/feature-table.js';
import { tableColumns } from '../../src/definitions/feature-table.js';
import { DataError, FencedError } from '../../src/errors.js';
import type { Lake } from '../../src/lake/index.js';
import { writeParquet } from '../../src/lake/parquet-file.js';
import type { NewestRowsRequest, OfflineStore, PartitionClaim } from '../../src/offline-store/offline-store.js';
import { float32, int32, int64 } from '../../src/types.js';

/** What a suite run needs of an engine: a store, its lake, a folder, and a second store on the same lake as another process has it. */
export interface OfflineStoreUnderTest {
  readonly store: OfflineStore;
  readonly lake: Lake;
  readonly directory: string;
  createView(table: FeatureTable): Promise<void>;
  dropView(table: FeatureTable): Promise<void>;
  another(): Promise<{ store: OfflineStore; close(): void }>;
  close(): void;
}

export const driverStats: FeatureTable = {
  view: 'driver_stats',
  generation: 1,
  joinKeys: { driver_id: int64() },
  features: { conv_rate: float32(), trips: int32() },
  ttlMs: 0,
};

type StagedRow = [driver: number, event: string, created: string | null, convRate: number | null, trips: number | null];

/** Every engine of the offline store passes this. */
export function offlineStoreConformance(name: string, open: () => Promise<OfflineStoreUnderTest>): void {
  describe(`offline store: ${name}`, () => {
    let under: OfflineStoreUnderTest;
    let staged = 0;

    beforeEach(async () => {
      under = await open();
      await under.createView(driverStats);
    });
    afterEach(() => under.close());

    const rowsOf = async (): Promise<unknown[]> =>
      (
        await under.lake.all(
          `SELECT driver_id::INTEGER AS d, strftime(event_timestamp, '%H:%M') AS at, trips, round(conv_rate::DOUBLE, 2) AS c
         FROM ${under.lake.table('driver_stats')} ORDER BY ALL`,
        )
      ).map((row) => Object.values(row));

    async function stage(rows: readonly StagedRow[]): Promise<string> {
      const file = path.join(under.directory, `staged-${staged++}.parquet`);
      mkdirSync(path.dirname(file), { recursive: true });
      const values = rows.map(
        ([d, event, created, conv, trips], i) =>
          `(${d}::BIGINT, TIMESTAMPTZ '2024-01-01 ${event}:00+00', ${created === null ? 'NULL' : `'2024-01-02 ${created}:00+00'`}::TIMESTAMPTZ,
            ${conv ?? 'NULL'}::FLOAT, ${trips ?? 'NULL'}::INTEGER, ${i}::BIGINT)`,
      );
      const body = rows.length === 0 ? `(1::BIGINT, now(), now(), 1::FLOAT, 1::INTEGER, 0::BIGINT)` : values.join(', ');
      await under.lake.withSession((session) =>
        writeParquet(
          session,
          `SELECT * FROM (VALUES ${body}) t(driver_id, event_timestamp, created_timestamp, conv_rate, trips, _ingest_position)
           ${rows.length === 0 ? 'WHERE false' : ''}`,
          [],
          file,
        ),
      );
      return file;
    }

    const publish = async (runId: string, rows: readonly StagedRow[], store = under.store) =>
      store.publish({ table: driverStats, file: await stage(rows), runId, provenance: '{}' });

    describe('publish', () => {
      it('adds the rows once: for the same run, and for another run with the same rows', async () => {
        const rows: StagedRow[] = [
          [1, '10:00', '10:00', 0.1, 10],
          [2, '10:00', null, null, null],
        ];
        const first = await publish('run-1', rows);
        expect(first).toMatchObject({ published: 2, alreadyThere: 0 });
        expect(await publish('run-1', rows)).toEqual(first);
        expect(await publish('run-2', rows)).toMatchObject({ published: 0, alreadyThere: 2 });
        expect(await rowsOf()).toEqual([
          [1, '10:00', 10, 0.1],
          [2, '10:00', null, null],
        ]);
      });

      it('adds a row that differs in one value only, and keeps both', async () => {
        await publish('run-1', [[1, '10:00', '10:00', 0.1, 10]]);
        expect(await publish('run-2', [[1, '10:00', '10:00', 0.1, 11]])).toMatchObject({ published: 1 });
        expect(await publish('run-3', [[1, '10:00', null, 0.1, 11]])).toMatchObject({ published: 1 });
        expect(await rowsOf()).toHaveLength(3);
      });

      it('takes a file without rows', async () => {
        expect(await publish('run-1', [])).toMatchObject({ published: 0, alreadyThere: 0 });
      });

      it('lets two publishers of one view run at once without a row twice or lost', async () => {
        const other = await under.another();
        const rows = (from: number): StagedRow[] =>
          Array.from({ length: 50 }, (_, i) => [from + i, '10:00', null, 0.5, i]);
        const done = await Promise.all([
          ...[0, 25, 50].map((from, i) => publish(`a-${i}`, rows(from))),
          ...[10, 35, 60].map((from, i) => publish(`b-${i}`, rows(from), other.store)),
        ]);
        other.close();
        // Keys 0..109 once per distinct row: rows of different publishers differ in `trips` except where they agree in all values.
        const distinct = new Set(
          [0, 25, 50, 10, 35, 60].flatMap((from) => rows(from).map((row) => JSON.stringify(row))),
        );
        expect(done.reduce((sum, { published }) => sum + published, 0)).toBe(distinct.size);
        expect(await rowsOf()).toHaveLength(distinct.size);
      });

      it('rolls back with what has to commit alongside it', async () => {
        const file = await stage([[1, '10:00', null, 0.1, 1]]);
        const failing = under.store.publish({
          table: driverStats,
          file,
          runId: 'run-1',
          provenance: '{}',
          alongside: async () => {
            throw new FencedError('the lease is gone');
          },
        });
        await expect(failing).rejects.toThrow(FencedError);
        expect(await rowsOf()).toEqual([]);
        expect(await publish('run-1', [[1, '10:00', null, 0.1, 1]])).toMatchObject({ published: 1 });
      });
    });

    describe('streams', () => {
      const ranges = [
        { partition: 0, start: 0, end: 1_000 },
        { partition: 1, start: 0, end: 1_000 },
      ];
      const claim = (store = under.store, more: object = {}) =>
        store.claimPartitions({ table: driverStats, topic: 'drivers', topicId: 't-1', ranges, ...more });
      const us = (time: string): bigint => BigInt(Date.parse(`2024-01-01T${time}:00Z`)) * 1_000n;

      /** One event per entry: [driver, time, trips], from the partition's claim on. */
      async function append(
        claims: readonly PartitionClaim[],
        events: readonly [number, string, number][],
        store = under.store,
      ) {
        const first = claims[0] as PartitionClaim;
        const columns: unknown[][] = Object.keys(tableColumns(driverStats)).map(() => []);
        for (const [i, [driver, time, trips]] of events.entries()) {
          const row = [
            driver,
            us(time),
            null,
            0.5,
            trips,
            us(time),
            i,
            'drivers',
            first.partition,
            first.nextOffset + i,
          ];
          for (const [column, value] of row.entries()) columns[column]?.push(value);
        }
        const nextOffset = first.nextOffset + events.length;
        const done = await store.appendStreamBatch({
          table: driverStats,
          topic: 'drivers',
          progress: [
            {
              claim: first,
              nextOffset,
              counts: { read: events.length + 1, written: events.length, deadLetters: 1, dropped: 0, late: 0 },
            },
          ],
          columns,
          deadLetters: [{ partition: 0, offset: 7, reason: 'bad JSON', payload: new Uint8Array([123, 255]) }],
        });
        return { ...done, claim: { ...first, nextOffset } };
      }

      it('starts a new partition where the topic starts, and goes on where the last batch ended', async () => {
        const claims = await claim(under.store, { ranges: [{ partition: 0, start: 40, end: 100 }] });
        expect(claims).toEqual([{ partition: 0, nextOffset: 40, epoch: 1 }]);
        await append(claims, [
          [1, '10:00', 1],
          [2, '11:00', 2],
        ]);
        const again = await claim(under.store, { ranges: [{ partition: 0, start: 40, end: 100 }] });
        expect(again).toEqual([
          { partition: 0, nextOffset: 42, epoch: 2, newestEventUs: us('11:00'), newestIngestUs: us('11:00') },
        ]);
        expect(await rowsOf()).toEqual([
          [1, '10:00', 1, 0.5],
          [2, '11:00', 2, 0.5],
        ]);
        expect(
          await under.lake.all(`SELECT topic, "offset", reason FROM ${under.lake.system('dead_letters')}`),
        ).toEqual([{ topic: 'drivers', offset: 7n, reason: 'bad JSON' }]);
      });

      it('counts what became of all events, together with the rows', async () => {
        const { claim: next } = await append(await claim(), [[1, '10:00', 1]]);
        await append([next], [[1, '10:01', 1]]);
        expect(await under.store.eventTotals(driverStats, 'drivers')).toEqual({
          read: 4,
          written: 2,
          deadLetters: 2,
          dropped: 0,
          late: 0,
        });
        expect(await under.store.eventTotals(driverStats, 'other')).toMatchObject({ read: 0 });
      });

      it('writes out what was added between two offsets, with the snapshot that holds each row', async () => {
        const { claim: next, snapshot: first } = await append(await claim(), [
          [1, '10:00', 1],
          [2, '10:01', 2],
        ]);
        const { snapshot: second } = await append([next], [[3, '10:02', 3]]);
        const file = path.join(under.directory, 'rows.parquet');
        const request = { table: driverStats, topic: 'drivers', partition: 0, from: 1, to: 3, file };
        expect(await under.store.writeStreamRows(request)).toMatchObject({ rows: 2 });
        expect(
          await under.lake.all(`SELECT driver_id, trips, committed FROM read_parquet($1) ORDER BY ALL`, [file]),
        ).toEqual([
          { driver_id: 2n, trips: 2, committed: BigInt(first) },
          { driver_id: 3n, trips: 3, committed: BigInt(second) },
        ]);
      });

      it('fences off a consumer whose partition was taken over, and writes nothing of its batch', async () => {
        const old = await claim();
        const other = await under.another();
        const now = await claim(other.store);
        await expect(append(old, [[1, '10:00', 1]])).rejects.toThrow(FencedError);
        expect(await rowsOf()).toEqual([]);
        expect(await under.lake.all(`SELECT * FROM ${under.lake.system('dead_letters')}`)).toEqual([]);
        await append(now, [[1, '10:00', 2]], other.store);
        other.close();
        expect(await rowsOf()).toEqual([[1, '10:00', 2, 0.5]]);
      });

      it('refuses a batch that was committed before', async () => {
        const claims = await claim();
        await append(claims, [[1, '10:00', 1]]);
        await expect(append(claims, [[1, '10:00', 1]])).rejects.toThrow(FencedError);
        expect(await rowsOf()).toHaveLength(1);
      });

      it('stops at lost events, a shorter topic and a topic created again, unless the gap is accepted', async () => {
        const claims = await claim(under.store, { ranges: [{ partition: 0, start: 0, end: 100 }] });
        await append(claims, [[1, '10:00', 1]]);
        const reclaim = (more: object) =>
          claim(under.store, { ranges: [{ partition: 0, start: 0, end: 100 }], ...more });
        await expect(reclaim({ ranges: [{ partition: 0, start: 50, end: 100 }] })).rejects.toThrow(
          /offset 1 to 49 are gone/,
        );
        await expect(reclaim({ ranges: [{ partition: 0, start: 0, end: 0 }] })).rejects.toThrow(DataError);
        await expect(reclaim({ topicId: 't-2' })).rejects.toThrow(/created again/);
        const [accepted] = await reclaim({ topicId: 't-2', acceptGap: true });
        expect(accepted).toMatchObject({ nextOffset: 0 });
        expect(
          (
            await under.lake.all(
              `SELECT reason FROM ${under.lake.system('dead_letters')} WHERE reason LIKE 'gap accepted%'`,
            )
          ).length,
        ).toBe(1);
      });
    });

    describe('newest rows', () => {
      const end = new Date('2024-01-01T12:00:00Z');
      async function newest(more: Partial<NewestRowsRequest>): Promise<unknown[]> {
        const file = path.join(under.directory, `newest-${staged++}.parquet`);
        const snapshot = await under.store.currentSnapshot();
        const { keys } = await under.store.writeNewestRows({
          table: driverStats,
          keys: { type: 'all' },
          snapshot,
          end,
          file,
          ...more,
        });
        const rows = await under.lake.all(
          `SELECT driver_id::INTEGER AS d, strftime(event_timestamp, '%H:%M') AS at, trips FROM read_parquet($1) ORDER BY ALL`,
          [file],
        );
        expect(rows).toHaveLength(keys);
        return rows.map((row) => Object.values(row));
      }

      it('takes the newest by event time, then created time (none is older), then ingest', async () => {
        await publish('run-1', [
          [1, '10:00', null, 0.1, 1],
          [1, '10:00', '11:00', 0.1, 2],
          [1, '10:00', '10:30', 0.1, 3],
          [1, '09:00', '23:00', 0.1, 4],
          [2, '10:00', null, 0.1, 5],
          [2, '10:00', null, 0.1, 6],
          [3, '13:00', null, 0.1, 7],
        ]);
        expect(await newest({})).toEqual([
          [1, '10:00', 2],
          [2, '10:00', 6],
        ]);
        await publish('run-2', [[2, '10:00', null, 0.2, 5]]);
        expect(await newest({})).toEqual([
          [1, '10:00', 2],
          [2, '10:00', 5],
        ]);
      });

      it('names the keys of the change feed and those that came due, also keys left without a row', async () => {
        await publish('run-1', [
          [1, '10:00', null, 0.1, 1],
          [2, '10:00', null, 0.1, 2],
          [3, '11:30', null, 0.1, 3],
          [4, '13:00', null, 0.1, 4],
        ]);
        const from = await under.store.currentSnapshot();
        await publish('run-2', [[1, '08:00', null, 0.1, 9]]);
        await under.lake.transaction({ message: 'correct' }, async (session) => {
          await session.run(`DELETE FROM ${under.lake.table('driver_stats')} WHERE driver_id = 2`);
        });
        const to = await under.store.currentSnapshot();
        const after = new Date('2024-01-01T11:00:00Z');
        expect(await newest({ keys: { type: 'changed', fromSnapshot: from + 1, toSnapshot: to, after } })).toEqual([
          [1, '10:00', 1],
          [2, null, null],
          [3, '11:30', 3],
        ]);
      });

      it('reads the lake as it was, and windows by event time', async () => {
        await publish('run-1', [[1, '10:00', null, 0.1, 1]]);
        const snapshot = await under.store.currentSnapshot();
        await publish('run-2', [
          [1, '11:00', null, 0.1, 2],
          [2, '09:00', null, 0.1, 3],
        ]);
        expect(await newest({ snapshot })).toEqual([[1, '10:00', 1]]);
        const from = new Date('2024-01-01T08:00:00Z');
        expect(await newest({ keys: { type: 'window', from, to: new Date('2024-01-01T09:00:00Z') } })).toEqual([
          [2, '09:00', 3],
        ]);
      });
    });

    it('gives a table that was dropped and created again another identity', async () => {
      const before = await under.store.tableId(driverStats);
      expect(before).toMatch(/^[0-9a-f-]{36}$/);
      await under.dropView(driverStats);
      expect(await under.store.tableId(driverStats)).toBeUndefined();
      await under.createView(driverStats);
      const after = await under.store.tableId(driverStats);
      expect(after).toMatch(/^[0-9a-f-]{36}$/);
      expect(after).not.toBe(before);
    });

    it('has an identity', async () => {
      expect(await under.store.lakeId()).toMatch(/^[0-9a-f-]{36}$/);
    });
  });
}
