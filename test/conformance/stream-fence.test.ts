import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tableColumns } from '../../src/definitions/feature-table.js';
import { FencedError } from '../../src/errors.js';
import { offsetsTable, partitionTable } from '../../src/lake/feature-tables.js';
import { type CatalogOptions, catalog, Lake, lit } from '../../src/lake/index.js';
import { DuckLakeOfflineStore } from '../../src/offline-store/ducklake-offline-store.js';
import type { OfflineStore, PartitionClaim } from '../../src/offline-store/offline-store.js';
import { createView, type TempLake, withTempLake } from '../support/lake.js';
import { lacks, startPostgres, type TestPostgres } from '../support/services.js';
import { driverStats } from './offline-store.js';

const topic = 'drivers';
const races = 25;

/** One lake, several consumers of it, each with a DuckDB of its own as in another process. */
function fence(name: string, catalogOf: () => Promise<CatalogOptions | undefined>): void {
  describe(`the fence of a stream's partitions, ${name}`, () => {
    let temp: TempLake;
    let lakes: Lake[];
    let stores: OfflineStore[];
    beforeEach(async () => {
      const place = await catalogOf();
      temp = await withTempLake(place);
      const { stateDir } = temp;
      lakes = [];
      for (let n = 0; n < 3; n += 1) lakes.push(await Lake.open({ stateDir, project: 'test', catalog: place }));
      stores = lakes.map((lake) => new DuckLakeOfflineStore(lake));
      await createView(temp.lake, driverStats);
    });
    afterEach(() => {
      for (const lake of lakes) lake.close();
      temp.close();
    });

    const store = (n: number): OfflineStore => stores[n] as OfflineStore;
    const ranges = (...partitions: number[]) => partitions.map((partition) => ({ partition, start: 0, end: 10_000 }));
    const claim = (n: number, ...partitions: number[]): Promise<PartitionClaim[]> =>
      store(n).claimPartitions({ table: driverStats, topic, topicId: 't', ranges: ranges(...partitions) });

    /** Three rows and a dead letter for each partition, marked by who wrote them. */
    async function append(n: number, claims: readonly PartitionClaim[]): Promise<PartitionClaim[]> {
      const columns: unknown[][] = Object.keys(tableColumns(driverStats)).map(() => []);
      for (const { partition, nextOffset } of claims) {
        for (let i = 0; i < 3; i += 1) {
          const row = [1, 0n, null, 0.5, n, 0n, i, topic, partition, nextOffset + i];
          for (const [column, value] of row.entries()) columns[column]?.push(value);
        }
      }
      const counts = { read: 4, written: 3, deadLetters: 1, dropped: 0, late: 0 };
      await store(n).appendStreamBatch({
        table: driverStats,
        topic,
        progress: claims.map((held) => ({ claim: held, nextOffset: held.nextOffset + 4, counts })),
        columns,
        deadLetters: claims.map(({ partition, nextOffset }) => ({
          ...{ partition, offset: nextOffset + 3, reason: `by ${n}`, payload: null },
        })),
      });
      return claims.map((held) => ({ ...held, nextOffset: held.nextOffset + 4 }));
    }

    /** Whether it was written; every other outcome than the fence is an error. */
    const isWritten = (work: Promise<unknown>): Promise<boolean> =>
      work.then(
        () => true,
        (error: unknown) => {
          if (error instanceof FencedError) return false;
          throw error;
        },
      );

    /** Each offset up to where the partition was read is there once, as a row or as a dead letter, and the counts agree. */
    async function expectEachOnce(): Promise<void> {
      const places = await temp.lake.all<{ partition: number; offset: bigint }>(
        `SELECT _partition AS "partition", _offset AS "offset" FROM ${temp.lake.table('driver_stats')}
         UNION ALL SELECT "partition", "offset" FROM ${temp.lake.system('dead_letters')} ORDER BY ALL`,
      );
      const progress = await store(0).partitionProgress(driverStats, topic);
      const expected = [...progress]
        .sort(([a], [b]) => a - b)
        .flatMap(([partition, { nextOffset }]) =>
          Array.from({ length: nextOffset }, (_, offset) => ({ partition, offset: BigInt(offset) })),
        );
      expect(places).toEqual(expected);
      const { read, written, deadLetters } = await store(0).eventTotals(driverStats, topic);
      expect({ read, written: written + deadLetters }).toEqual({ read: places.length, written: places.length });
    }

    it('a batch is refused whole when one of its partitions was taken over', async () => {
      const old = await claim(0, 0, 1);
      const [taken] = await claim(1, 1);
      expect(await isWritten(append(0, old))).toBe(false);
      expect(await temp.lake.all(`SELECT 1 FROM ${temp.lake.table('driver_stats')}`)).toEqual([]);
      expect(await temp.lake.all(`SELECT 1 FROM ${temp.lake.system('dead_letters')}`)).toEqual([]);
      expect(await isWritten(append(0, old.slice(0, 1)))).toBe(true);
      await append(1, [taken as PartitionClaim]);
      await expectEachOnce();
    });

    it('a commit reads no statistics of files, of which the catalog keeps some for every ten minutes of a week', async () => {
      let held = await claim(0, 0);
      held = await append(0, held);
      const lake = lakes[0] as Lake;
      await lake.all(`CALL ducklake_flush_inlined_data(${lit(catalog)})`);
      await lake.all("CALL enable_logging('QueryLog', storage => 'memory')");
      const statisticsRead = async (): Promise<number> => {
        const [found] = await lake.all<{ n: bigint }>(
          `SELECT count(*) AS n FROM duckdb_logs WHERE type = 'QueryLog'
           AND regexp_matches(message, 'FROM [^ ]*ducklake_file_column_stats') AND NOT contains(message, 'duckdb_logs')`,
        );
        await lake.all('CALL truncate_duckdb_logs()');
        return Number(found?.n);
      };
      held = await append(0, held);
      expect(await statisticsRead()).toBe(0);
      // The log would show it.
      await lake.all(`SELECT 1 FROM ${partitionTable(lake, driverStats, 0)} WHERE epoch = 1`);
      expect(await statisticsRead()).toBeGreaterThan(0);
      await lake.all('CALL disable_logging()');
      expect(await isWritten(append(0, held))).toBe(true);
      await expectEachOnce();
    });

    it(`who holds an older claim never commits, also at the very moment the newer one does, ${races} times`, async () => {
      for (let race = 0; race < races; race += 1) {
        const [old, now] = [await claim(0, 0), await claim(1, 0)];
        const [older, newer] = await Promise.all([
          sleep(race % 5).then(() => isWritten(append(0, old))),
          sleep(race % 3).then(() => isWritten(append(1, now))),
        ]);
        expect({ older, newer }).toEqual({ older: false, newer: true });
      }
      await expectEachOnce();
    }, 300_000);

    it(`a commit and a take-over at the same moment: the one or the other was first, ${races} times`, async () => {
      let held = await claim(0, 0);
      let holder = 0;
      for (let race = 0; race < races; race += 1) {
        const taker = 1 - holder;
        const before = held[0]?.nextOffset as number;
        const [written, taken] = await Promise.all([
          sleep(race % 4).then(() => isWritten(append(holder, held))),
          sleep(race % 3).then(() => claim(taker, 0)),
        ]);
        expect(taken[0]?.nextOffset).toBe(written ? before + 4 : before);
        expect(await isWritten(append(holder, held))).toBe(false);
        held = await append(taker, taken);
        holder = taker;
      }
      await expectEachOnce();
    }, 300_000);

    it(`of two that commit the same batch under one claim, one does, ${races} times`, async () => {
      let held = await claim(0, 0, 1);
      for (let race = 0; race < races; race += 1) {
        const wrote = await Promise.all([isWritten(append(0, held)), isWritten(append(1, held))]);
        expect(wrote.filter(Boolean)).toHaveLength(1);
        held = held.map((each) => ({ ...each, nextOffset: each.nextOffset + 4 }));
      }
      await expectEachOnce();
    }, 300_000);

    it('consumers that meet a topic at once set its partitions down once', async () => {
      for (let race = 0; race < 5; race += 1) {
        const [view, all] = [`race_${race}`, ranges(0, 1, 2, 3)];
        const table = { ...driverStats, view };
        await createView(temp.lake, table);
        const beginnings = all.map(({ partition }) => ({ partition, offset: 7 + partition, offsetLater: 0 }));
        const members = [[0, 1], [1, 2], [3]].map((own, n) =>
          store(n).claimPartitions({ ...{ table, topic, topicId: 't', ranges: ranges(...own) }, beginnings }),
        );
        const claims = (await Promise.all(members)).flat();
        expect(claims.map(({ partition, nextOffset }) => nextOffset - partition)).toEqual([7, 7, 7, 7, 7]);
        expect(
          claims
            .filter(({ partition }) => partition === 1)
            .map(({ epoch }) => epoch)
            .sort(),
        ).toEqual([1, 2]);
        const rows = await temp.lake.all(`SELECT "partition" FROM ${offsetsTable(temp.lake, table)} ORDER BY 1`);
        expect(rows).toEqual([0, 1, 2, 3].map((partition) => ({ partition })));
        // A partition that the topic gets later has nothing that was there when the view met the topic.
        const later = { ...{ table, topic, topicId: 't', ranges: ranges(4) } };
        const [added] = await store(0).claimPartitions({
          ...later,
          beginnings: [...beginnings, { partition: 4, offset: 99, offsetLater: 0 }],
        });
        expect(added).toMatchObject({ nextOffset: 0, epoch: 1 });
      }
    }, 300_000);
  });
}

fence('SQLite catalog', async () => undefined);

describe.skipIf(lacks('postgres'))('on Postgres', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());
  fence('Postgres catalog', async () => ({ type: 'postgres', url: await server.createDatabase(randomUUID()) }));
});
