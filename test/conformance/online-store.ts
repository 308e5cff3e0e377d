import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/config.js';
import type { FeatureTable } from '../../src/definitions/feature-table.js';
import { entityKey } from '../../src/online-store/entity-key.js';
import { ensureSchema } from '../../src/online-store/feature-schemas.js';
import type { OnlineEntry, OnlineStore } from '../../src/online-store/online-store.js';
import { readOnlineFeatures } from '../../src/online-store/read-features.js';
import { decodeHeader, decodeValues, encodeRow, encodeTombstone } from '../../src/online-store/row-codec.js';
import { storedSchema } from '../../src/online-store/stored-schema.js';
import { float32, int64, string } from '../../src/types.js';
import { type ModelRow, OnlineModel } from './online-store-model.js';

/** A place that belongs to one test. `store` gives another handle on it each time, as another process would have. */
export interface OnlineStorePlace {
  store(project?: string): Promise<OnlineStore>;
  /** Closes the place; all handles were closed before. */
  close(): Promise<void>;
}

const drivers: FeatureTable = {
  view: 'driver_stats',
  generation: 1,
  joinKeys: { driver_id: int64() },
  features: { trips: int64() },
  ttlMs: 0,
};

const second = (table: FeatureTable): FeatureTable => ({ ...table, generation: 2 });

interface Given {
  reflects?: number;
  value?: number;
  committed?: number;
  event?: number;
  created?: number | null;
  ingest?: number;
  position?: number;
  generation?: number;
}

function row({
  reflects = 0,
  value = 0,
  committed = 1,
  event = 0,
  created = null,
  ingest = 0,
  position = 0,
  generation = 1,
}: Given) {
  return encodeRow({
    generation,
    committed,
    reflects,
    eventUs: BigInt(event),
    createdUs: created === null ? null : BigInt(created),
    ingestUs: BigInt(ingest),
    position,
    schema: storedSchema(drivers.features),
    values: [value],
  });
}

const keyOf = (driver: number | string): Uint8Array =>
  typeof driver === 'number'
    ? entityKey(drivers.joinKeys, { driver_id: driver })
    : entityKey({ id: string() }, { id: driver });
const entry = (driver: number | string, given: Given): OnlineEntry => ({ key: keyOf(driver), row: row(given) });
const gone = (driver: number, snapshot: number, generation = 1): OnlineEntry => ({
  key: keyOf(driver),
  row: encodeTombstone({ generation, snapshot }),
});

/** Holds an engine to the contract of online-store.ts. */
export function onlineStoreConformance(name: string, open: () => Promise<OnlineStorePlace>): void {
  describe(`online store: ${name}`, () => {
    let place: OnlineStorePlace;
    let store: OnlineStore;
    const opened: OnlineStore[] = [];

    const another = async (project?: string): Promise<OnlineStore> => {
      const handle = await place.store(project);
      opened.push(handle);
      return handle;
    };
    const value = async (driver: number | string, table = drivers, from = store): Promise<unknown> => {
      const [[packed] = []] = await from.read([{ table, keys: [keyOf(driver)] }]);
      return packed === undefined ? undefined : decodeValues(packed, storedSchema(drivers.features))[0];
    };
    const head = async (driver: number, table = drivers) => {
      for await (const found of store.scan(table)) {
        if (Buffer.compare(found.key, keyOf(driver)) === 0) return decodeHeader(found.row);
      }
      return undefined;
    };

    beforeEach(async () => {
      place = await open();
      store = await another();
    });
    afterEach(async () => {
      for (const handle of opened.splice(0)) await handle.close();
      await place.close();
    });

    describe('reading', () => {
      it('erases keys for good, their tombstones included, whatever page they lie in', async () => {
        const count = 3_000;
        const all = Array.from({ length: count }, (_, driver) => entry(driver, { event: driver, value: driver }));
        for (let event = 0; event < 3; event += 1)
          await store.writeNewer(
            drivers,
            all.map((_, driver) => entry(driver, { event, value: driver })),
          );
        // Among so many neighbours in a row there are first and last ones of pages, and keys that separate two.
        const erased = Array.from({ length: 60 }, (_, index) => 1_000 + index);
        await store.replace(
          drivers,
          erased.map((driver) => gone(driver, 5)),
          5,
        );
        const keys = erased.map(keyOf);
        expect(await store.traces(drivers.view, keys)).toMatchObject({ stored: 60 });
        for (const some of [keys.slice(0, 1), keys.slice(1, 7), keys]) {
          await store.erase(drivers.view, some);
          expect(await store.traces(drivers.view, some)).toMatchObject({ stored: 0, remains: 0 });
        }
        const others = all.filter(({ key }) => !keys.some((gone) => Buffer.compare(gone, key) === 0));
        const [left] = await store.read([{ table: drivers, keys: others.map(({ key }) => key) }]);
        expect(left?.filter((found) => found === undefined)).toEqual([]);
        expect(await store.traces(drivers.view, [keyOf(999)])).toMatchObject({ stored: 1 });
        await store.erase(drivers.view, keys);
      });

      it('gives rows in the order asked, duplicates and absent keys included, over several views', async () => {
        const riders = { ...drivers, view: 'riders' };
        await store.writeNewer(drivers, [entry(1, { value: 10 }), entry(2, { value: 20 })]);
        await store.writeNewer(riders, [entry(1, { value: 100 })]);
        const found = await store.read([
          { table: drivers, keys: [2, 7, 1, 2].map(keyOf) },
          { table: riders, keys: [1, 2].map(keyOf) },
        ]);
        const values = found.map((rows) =>
          rows.map((packed) => packed && decodeValues(packed, storedSchema(drivers.features))[0]),
        );
        expect(values).toEqual([
          [20, undefined, 10, 20],
          [100, undefined],
        ]);
      });

      it('gives an empty answer to an empty question', async () => {
        expect(await store.read([])).toEqual([]);
        expect(await store.read([{ table: drivers, keys: [] }])).toEqual([[]]);
        expect(await store.writeNewer(drivers, [])).toEqual({ written: 0, stale: 0 });
        expect(await store.replace(drivers, [], 1)).toEqual({ written: 0, deleted: 0, left: 0 });
        expect(await store.sweep(drivers, 1)).toEqual({ deleted: 0 });
      });

      it('keeps rows it gave out unchanged by later reads and writes', async () => {
        await store.writeNewer(drivers, [entry(1, { value: 10 }), entry(2, { value: 20 })]);
        const [[packed] = []] = await store.read([{ table: drivers, keys: [keyOf(1)] }]);
        const before = Buffer.from(packed as Uint8Array);
        await store.read([{ table: drivers, keys: [keyOf(2)] }]);
        await store.writeNewer(drivers, [entry(1, { value: 11, event: 5, committed: 2 })]);
        expect(Buffer.compare(packed as Uint8Array, before)).toBe(0);
      });

      it('keeps entities with very long keys apart, reads, scans, deletes and sweeps them', async () => {
        const stem = 'x'.repeat(5_000);
        await store.writeNewer(drivers, [entry(`${stem}a`, { value: 1 }), entry(`${stem}b`, { value: 2 })]);
        expect([await value(`${stem}a`), await value(`${stem}b`), await value(stem)]).toEqual([1, 2, undefined]);
        const scanned = new Set<string>();
        for await (const found of store.scan(drivers)) scanned.add(Buffer.from(found.key).toString('hex'));
        expect([...scanned].sort()).toEqual([`${stem}a`, `${stem}b`].map((k) => Buffer.from(keyOf(k)).toString('hex')));
        await store.replace(drivers, [entry(`${stem}a`, { value: 3 })], 4);
        expect(await store.sweep(drivers, 4)).toEqual({ deleted: 1 });
        expect([await value(`${stem}a`), await value(`${stem}b`)]).toEqual([3, undefined]);
        for await (const found of store.scan(drivers)) expect(found.key.length).toBe(keyOf(`${stem}a`).length);
      });

      it('takes rows of a megabyte', async () => {
        const table = { ...drivers, features: { text: string() } };
        const text = 'ü'.repeat(600_000);
        const packed = encodeRow({
          generation: 1,
          committed: 1,
          reflects: 0,
          eventUs: 0n,
          createdUs: null,
          ingestUs: 0n,
          position: 0,
          schema: await ensureSchema(store, table),
          values: [text],
        });
        await store.writeNewer(table, [{ key: keyOf(1), row: packed }, entry(2, { value: 5 })]);
        const { rows } = await readOnlineFeatures(
          store,
          [{ table, columns: { text: 'text' } }],
          [{ driver_id: 1 }],
          new Date(),
        );
        expect(rows[0]?.['text']).toBe(text);
        expect(await value(2)).toBe(5);
      });
    });

    describe('stream and push writes', () => {
      it('go in when newer, and are stale when older or the same', async () => {
        expect(await store.writeNewer(drivers, [entry(1, { event: 10, value: 1 })])).toEqual({ written: 1, stale: 0 });
        expect(await store.writeNewer(drivers, [entry(1, { event: 9, value: 2, committed: 2 })])).toEqual({
          written: 0,
          stale: 1,
        });
        expect(await store.writeNewer(drivers, [entry(1, { event: 10, value: 1 })])).toEqual({ written: 0, stale: 1 });
        expect(await value(1)).toBe(1);
        expect(await store.writeNewer(drivers, [entry(1, { event: 11, value: 3 })])).toEqual({ written: 1, stale: 0 });
        expect(await value(1)).toBe(3);
      });

      it('order times before 1970 and far ones rightly', async () => {
        const times = [-(2 ** 52), -1_000_000, -1, 0, 1, 2 ** 40, 2 ** 52];
        for (const [index, event] of times.entries())
          expect(await store.writeNewer(drivers, [entry(1, { event, value: index })])).toEqual({
            written: 1,
            stale: 0,
          });
        for (const event of times)
          expect(await store.writeNewer(drivers, [entry(1, { event, value: 99 })])).toEqual({ written: 0, stale: 1 });
        expect(await value(1)).toBe(times.length - 1);
      });

      it('correct a row of the same event time by created time, then ingest time, then position', async () => {
        const steps: Given[] = [
          { created: null, ingest: 50, position: 9 },
          { created: -5, ingest: 0 },
          { created: 0, ingest: 0 },
          { created: 3, ingest: 0 },
          { created: 3, ingest: 7, position: 0 },
          { created: 3, ingest: 7, position: 1 },
        ];
        for (const [index, step] of steps.entries()) {
          const report = await store.writeNewer(drivers, [entry(1, { ...step, event: 10, value: index })]);
          expect(report).toEqual({ written: 1, stale: 0 });
        }
        for (const step of steps)
          expect((await store.writeNewer(drivers, [entry(1, { ...step, event: 10, value: 99 })])).stale).toBe(1);
        expect(await value(1)).toBe(steps.length - 1);
      });

      it('count entries of one key in one call one after the other', async () => {
        const report = await store.writeNewer(
          drivers,
          [3, 1, 5, 2, 5].map((event) => entry(1, { event, value: event })),
        );
        expect(report).toEqual({ written: 2, stale: 3 });
        expect(await value(1)).toBe(5);
      });

      it('go in only when committed after what materialize reflects, however new they are', async () => {
        await store.replace(drivers, [entry(1, { event: 10, value: 1, committed: 5 })], 8);
        expect((await store.writeNewer(drivers, [entry(1, { event: 99, value: 2, committed: 8 })])).stale).toBe(1);
        expect(await value(1)).toBe(1);
        expect((await store.writeNewer(drivers, [entry(1, { event: 11, value: 3, committed: 9 })])).written).toBe(1);
        expect(await value(1)).toBe(3);
        expect(await head(1)).toMatchObject({ committed: 9, reflects: 8 });
      });
    });

    describe('materialize', () => {
      it('replaces what was committed up to its snapshot, also by an older value', async () => {
        await store.writeNewer(drivers, [entry(1, { event: 100, value: 1, committed: 4 })]);
        const report = await store.replace(drivers, [entry(1, { event: 50, value: 2, committed: 3 })], 4);
        expect(report).toEqual({ written: 1, deleted: 0, left: 0 });
        expect(await value(1)).toBe(2);
        expect(await head(1)).toMatchObject({ committed: 3, reflects: 4, eventUs: 50n });
      });

      it('leaves what was committed after its snapshot; the next run takes it', async () => {
        await store.writeNewer(drivers, [entry(1, { event: 100, value: 1, committed: 5 })]);
        const older = [entry(1, { event: 50, value: 2, committed: 3 })];
        expect(await store.replace(drivers, older, 4)).toEqual({ written: 0, deleted: 0, left: 1 });
        expect(await store.replace(drivers, [gone(1, 4)], 4)).toEqual({ written: 0, deleted: 0, left: 1 });
        expect(await value(1)).toBe(1);
        expect(await store.replace(drivers, older, 5)).toEqual({ written: 1, deleted: 0, left: 0 });
        expect(await value(1)).toBe(2);
      });

      it('leaves what a later run wrote', async () => {
        await store.replace(drivers, [entry(1, { event: 50, value: 2, committed: 3 })], 9);
        expect(await store.replace(drivers, [entry(1, { event: 60, value: 1, committed: 4 })], 8)).toEqual({
          written: 0,
          deleted: 0,
          left: 1,
        });
        expect(await value(1)).toBe(2);
      });

      it('says the same when it is done again', async () => {
        const entries = [entry(1, { event: 50, value: 2 }), gone(2, 7)];
        await store.writeNewer(drivers, [entry(2, { value: 9 })]);
        expect(await store.replace(drivers, entries, 7)).toEqual({ written: 1, deleted: 1, left: 0 });
        expect(await store.replace(drivers, entries, 7)).toEqual({ written: 1, deleted: 0, left: 0 });
        expect([await value(1), await value(2)]).toEqual([2, undefined]);
      });

      it('alone says what rows reflect', async () => {
        await store.writeNewer(drivers, [entry(1, { reflects: 9, committed: 2 })]);
        expect(await head(1)).toMatchObject({ committed: 2, reflects: 0 });
      });

      it('sets what rows reflect, whatever they said', async () => {
        await store.replace(drivers, [entry(1, { committed: 2 })], 7);
        expect(await head(1)).toMatchObject({ committed: 2, reflects: 7 });
      });
    });

    describe('deleted rows', () => {
      it('stay deleted when a late retry of a stream brings them again', async () => {
        const late = [entry(1, { event: 100, value: 1, committed: 5 })];
        await store.writeNewer(drivers, late);
        expect(await store.replace(drivers, [gone(1, 6)], 6)).toEqual({ written: 0, deleted: 1, left: 0 });
        expect(await store.writeNewer(drivers, late)).toEqual({ written: 0, stale: 1 });
        expect(await value(1)).toBeUndefined();
        expect(await head(1)).toMatchObject({ tombstone: true, reflects: 6 });
      });

      it('stay deleted also when nothing was stored before', async () => {
        expect(await store.replace(drivers, [gone(1, 6)], 6)).toEqual({ written: 0, deleted: 0, left: 0 });
        expect((await store.writeNewer(drivers, [entry(1, { event: 100, committed: 6 })])).stale).toBe(1);
        expect(await value(1)).toBeUndefined();
      });

      it('come back by a write committed later, of any event time', async () => {
        await store.replace(drivers, [entry(1, { event: 100 })], 5);
        await store.replace(drivers, [gone(1, 6)], 6);
        expect((await store.writeNewer(drivers, [entry(1, { event: -40, value: 4, committed: 7 })])).written).toBe(1);
        expect(await value(1)).toBe(4);
        expect(await head(1)).toMatchObject({ tombstone: false, reflects: 6 });
      });

      it('come back by a later run', async () => {
        await store.replace(drivers, [gone(1, 6)], 6);
        expect((await store.replace(drivers, [entry(1, { value: 4, committed: 3 })], 5)).left).toBe(1);
        expect((await store.replace(drivers, [entry(1, { value: 4, committed: 3 })], 7)).written).toBe(1);
        expect(await value(1)).toBe(4);
      });
    });

    describe('sweep', () => {
      it('takes only rows that the run did not confirm and that were committed up to its snapshot', async () => {
        await store.writeNewer(drivers, [
          entry(1, { value: 1, committed: 3 }),
          entry(2, { value: 2, committed: 3 }),
          entry(3, { value: 3, committed: 9 }),
        ]);
        await store.replace(drivers, [entry(1, { value: 10, committed: 3 })], 5);
        expect(await store.sweep(drivers, 5)).toEqual({ deleted: 1 });
        expect([await value(1), await value(2), await value(3)]).toEqual([10, undefined, 3]);
        expect(await head(2)).toMatchObject({ tombstone: true, reflects: 5, committed: 5 });
        expect(await store.sweep(drivers, 5)).toEqual({ deleted: 0 });
        expect((await store.writeNewer(drivers, [entry(2, { event: 99, committed: 3 })])).stale).toBe(1);
      });

      it('takes what a run left out, also when it says how many keys it replaced', async () => {
        await store.writeNewer({ ...drivers, view: 'driver_stats_x' }, [entry(9, { committed: 3 })]);
        await store.writeNewer(
          drivers,
          [1, 2, 3].map((driver) => entry(driver, { committed: 3 })),
        );
        const confirmed = [entry(1, { value: 10, committed: 3 }), gone(4, 5)];
        await store.replace(drivers, confirmed, 5);
        expect(await store.sweep(drivers, 5, confirmed.length)).toEqual({ deleted: 2 });
        expect([await value(1), await value(2), await value(3)]).toEqual([10, undefined, undefined]);
        await store.replace(
          drivers,
          [1, 2, 3, 4].map((driver) => entry(driver, { value: 20, committed: 6 })),
          7,
        );
        expect(await store.sweep(drivers, 7, 4)).toEqual({ deleted: 0 });
        expect([await value(1), await value(2), await value(3), await value(4)]).toEqual([20, 20, 20, 20]);
      });

      it('takes rows of older generations, never of newer ones nor of other views', async () => {
        const riders = { ...drivers, view: 'driver_stats_x' };
        await store.writeNewer(drivers, [entry(1, {})]);
        await store.writeNewer(second(drivers), [entry(2, { generation: 2, value: 7 })]);
        await store.writeNewer(riders, [entry(3, { value: 8 })]);
        expect(await store.sweep(drivers, 5)).toEqual({ deleted: 1 });
        expect(await value(2, second(drivers))).toBe(7);
        await store.writeNewer(drivers, [entry(4, { committed: 9 })]);
        expect(await store.sweep(second(drivers), 9)).toEqual({ deleted: 2 });
        expect(await value(3, riders)).toBe(8);
        expect(await head(4, second(drivers))).toMatchObject({ tombstone: true, generation: 2, reflects: 9 });
      });
    });

    describe('generations', () => {
      it('count rows of an older one as absent, also deleted ones', async () => {
        await store.replace(drivers, [entry(1, { event: 100, value: 1, committed: 50 }), gone(2, 50)], 50);
        const next = second(drivers);
        expect(await value(1, next)).toBeUndefined();
        const entries = [1, 2].map((driver) => entry(driver, { event: 5, value: 2, committed: 3, generation: 2 }));
        expect(await store.writeNewer(next, entries)).toEqual({ written: 2, stale: 0 });
        expect([await value(1, next), await value(2, next), await value(1)]).toEqual([2, 2, undefined]);
        expect(await head(1, next)).toMatchObject({ reflects: 0 });
      });

      it('are replaced whatever they reflect, and a newer one never', async () => {
        const next = second(drivers);
        await store.replace(drivers, [entry(1, { value: 1, committed: 50 })], 50);
        const written = await store.replace(next, [entry(1, { value: 2, committed: 3, generation: 2 })], 4);
        expect(written).toEqual({ written: 1, deleted: 0, left: 0 });
        expect(await store.writeNewer(drivers, [entry(1, { event: 999, committed: 90 })])).toEqual({
          written: 0,
          stale: 1,
        });
        expect(await store.replace(drivers, [entry(1, { committed: 90 })], 90)).toEqual({
          written: 0,
          deleted: 0,
          left: 1,
        });
        expect(await value(1, next)).toBe(2);
      });

      it('are scanned one at a time', async () => {
        await store.writeNewer(drivers, [entry(1, {}), entry(2, {})]);
        await store.writeNewer(second(drivers), [entry(2, { generation: 2 })]);
        const scanned = async (table: FeatureTable): Promise<number> => {
          let count = 0;
          for await (const _ of store.scan(table)) count += 1;
          return count;
        };
        expect([await scanned(drivers), await scanned(second(drivers))]).toEqual([1, 1]);
      });
    });

    describe('streams and materialize at once', () => {
      const streamed = [entry(1, { event: 100, value: 2, committed: 11 })];
      const materialized = [entry(1, { event: 50, value: 1, committed: 4 })];

      it('end the same in both orders', async () => {
        const other = await another('other');
        await store.writeNewer(drivers, streamed);
        await store.replace(drivers, materialized, 10);
        await other.replace(drivers, materialized, 10);
        await other.writeNewer(drivers, streamed);
        expect([await value(1), await value(1, drivers, other)]).toEqual([2, 2]);
      });

      it('end the same in both orders once the next run was there, when the streamed row is older', async () => {
        const late = [entry(1, { event: 20, value: 3, committed: 11 })];
        const other = await another('other');
        await store.writeNewer(drivers, late);
        expect((await store.replace(drivers, materialized, 10)).left).toBe(1);
        await other.replace(drivers, materialized, 10);
        await other.writeNewer(drivers, late);
        for (const each of [store, other]) {
          await each.replace(drivers, materialized, 11);
          expect(await value(1, drivers, each)).toBe(1);
        }
      });

      it('lose nothing when they write the same keys at the same moment', async () => {
        const other = await another();
        const ids = Array.from({ length: 400 }, (_, index) => index);
        await Promise.all([
          store.replace(
            drivers,
            ids.map((id) => entry(id, { event: 50, value: 1, committed: 4 })),
            10,
          ),
          other.writeNewer(
            drivers,
            ids.map((id) => entry(id, { event: 100, value: 2, committed: 11 })),
          ),
        ]);
        for (const id of ids) expect(await value(id)).toBe(2);
      });
    });

    describe('rows written before the features changed', () => {
      it('stay readable: an added feature is null, a removed one gone, a widened one itself', async () => {
        const before: FeatureTable = {
          ...drivers,
          view: 'changing',
          features: { old: string(), rate: float32(), trips: int64() },
        };
        const after: FeatureTable = { ...before, features: { rate: float32(), trips: int64(), extra: string() } };
        const write = async (table: FeatureTable, driver: number, values: unknown[], committed: number) => {
          const schema = await ensureSchema(store, table);
          const times = { eventUs: 0n, createdUs: null, ingestUs: 0n, position: 0 };
          const packed = encodeRow({ generation: 1, committed, reflects: 0, ...times, schema, values });
          await store.writeNewer(table, [{ key: keyOf(driver), row: packed }]);
        };
        await write(before, 1, ['x', 0.5, 7], 1);
        await write(after, 2, [0.25, 8, 'y'], 2);
        const columns = { rate: 'rate', trips: 'trips', extra: 'extra' };
        const { rows, statuses } = await readOnlineFeatures(
          store,
          [{ table: after, columns }],
          [{ driver_id: 1 }, { driver_id: 2 }],
          new Date(0),
        );
        expect(rows).toEqual([
          { driver_id: 1, rate: 0.5, trips: 7, extra: null },
          { driver_id: 2, rate: 0.25, trips: 8, extra: 'y' },
        ]);
        expect(statuses[0]).toEqual({ rate: 'PRESENT', trips: 'PRESENT', extra: 'NULL_VALUE' });
      });
    });

    describe('notes, views and projects', () => {
      it('keeps notes by view and name, the last one set', async () => {
        expect(await store.getNote('driver_stats', 'cursor')).toBeUndefined();
        await store.setNote('driver_stats', 'cursor', '{"snapshot":1}');
        await store.setNote('driver_stats', 'cursor', '{"snapshot":2,"text":"ü"}');
        await store.setNote('driver_stats', 'offset:0', '');
        expect(await store.getNote('driver_stats', 'cursor')).toBe('{"snapshot":2,"text":"ü"}');
        expect(await store.getNote('driver_stats', 'offset:0')).toBe('');
        expect(await store.getNote('riders', 'cursor')).toBeUndefined();
        expect(await head(1)).toBeUndefined();
      });

      it('keeps marks by view and name, the last one set, apart from notes', async () => {
        const other = await another();
        expect(await store.getMark('driver_stats', 'origin')).toBeUndefined();
        await store.setMark('driver_stats', 'origin', '{"lake":1}');
        await store.setMark('driver_stats', 'origin', '{"lake":2,"text":"ü"}');
        await store.setMark('driver_stats', 'cursor', 'x');
        expect(await other.getMark('driver_stats', 'origin')).toBe('{"lake":2,"text":"ü"}');
        expect(await store.getMark('driver_stats', 'cursor')).toBe('x');
        expect(await store.getMark('riders', 'origin')).toBeUndefined();
        await store.dropView('driver_stats');
        expect(await other.getMark('driver_stats', 'origin')).toBeUndefined();
        expect(await other.getMark('driver_stats', 'cursor')).toBeUndefined();
      });

      it('says by the same text that the same servers are behind it', async () => {
        const other = await another();
        expect(await store.servers()).toBe(await other.servers());
        await store.writeNewer(drivers, [entry(1, {})]);
        expect(await store.servers()).toBe(await other.servers());
      });

      it('loses a view with its notes and rows of all generations, and nothing else', async () => {
        const longer = { ...drivers, view: 'driver_stats2' };
        await store.writeNewer(drivers, [entry(1, {}), entry('k'.repeat(4_000), {})]);
        await store.writeNewer(second(drivers), [entry(2, { generation: 2 })]);
        await store.setNote('driver_stats', 'cursor', 'x');
        await store.writeNewer(longer, [entry(1, { value: 5 })]);
        await store.setNote('driver_stats2', 'cursor', 'y');
        await store.dropView('driver_stats');
        expect(await value(1)).toBeUndefined();
        expect(await value(2, second(drivers))).toBeUndefined();
        expect(await value('k'.repeat(4_000))).toBeUndefined();
        expect(await store.getNote('driver_stats', 'cursor')).toBeUndefined();
        expect(await value(1, longer)).toBe(5);
        expect(await store.getNote('driver_stats2', 'cursor')).toBe('y');
        expect((await store.writeNewer(drivers, [entry(1, { event: -9 })])).written).toBe(1);
      });

      it('keeps projects of one place apart, and drops one alone', async () => {
        const other = await another('test2');
        await store.writeNewer(drivers, [entry(1, { value: 1 })]);
        await other.writeNewer(drivers, [entry(1, { value: 2 })]);
        await other.setNote('driver_stats', 'cursor', 'theirs');
        expect([await value(1), await value(1, drivers, other)]).toEqual([1, 2]);
        expect(await store.getNote('driver_stats', 'cursor')).toBeUndefined();
        await store.dropProject();
        expect(await value(1)).toBeUndefined();
        expect(await value(1, drivers, other)).toBe(2);
        expect(await other.getNote('driver_stats', 'cursor')).toBe('theirs');
      });

      it('shows one handle at once what another wrote, and outlives the closing of the other', async () => {
        const other = await another();
        for (let round = 0; round < 20; round += 1) {
          await store.writeNewer(drivers, [entry(1, { event: round, value: round })]);
          expect(await value(1, drivers, other)).toBe(round);
          await other.setNote('driver_stats', 'cursor', String(round));
          expect(await store.getNote('driver_stats', 'cursor')).toBe(String(round));
        }
        await other.close();
        await other.close();
        expect(await value(1)).toBe(19);
        await expect(other.getNote('driver_stats', 'cursor')).rejects.toMatchObject({ name: 'StoreUnavailableError' });
      });
    });

    it('takes batches larger than its chunks, whole', async () => {
      const count = limits.onlineWriteChunkRows * 2 + 17;
      const ids = Array.from({ length: count }, (_, index) => (index * 7919) % count);
      const replaced = ids.map((id) => entry(id, { value: id, committed: 3 }));
      expect(await store.replace(drivers, replaced, 5)).toEqual({ written: count, deleted: 0, left: 0 });
      const newer = ids.map((id) => entry(id, { value: -id, event: 1, committed: id % 2 === 0 ? 6 : 5 }));
      const even = Math.ceil(count / 2);
      expect(await store.writeNewer(drivers, newer)).toEqual({ written: even, stale: count - even });
      const [found = []] = await store.read([{ table: drivers, keys: ids.map(keyOf) }]);
      const values = found.map((packed) => decodeValues(packed as Uint8Array, storedSchema(drivers.features))[0]);
      expect(values).toEqual(ids.map((id) => (id % 2 === 0 ? 0 - id : id)));
      const scanned = new Set<string>();
      for await (const { key } of store.scan(drivers)) scanned.add(Buffer.from(key).toString('hex'));
      expect(scanned.size).toBe(count);
      expect(await store.sweep(drivers, 6)).toEqual({ deleted: count });
      await store.dropView('driver_stats');
      for await (const left of store.scan(drivers)) expect(left).toBeUndefined();
    });

    it('does what the model does, whatever the order of operations', async () => {
      const small = (max: number) => fc.integer({ min: 0, max });
      const ids = ['a', 'b', 'c'];
      const written = fc.record({
        key: fc.constantFrom(...ids),
        committed: small(8),
        tombstone: fc.boolean(),
        ties: fc.tuple(small(2), fc.option(small(1)), small(1), small(1)),
        value: small(1000),
      });
      const operation = fc.record({
        kind: fc.constantFrom('writeNewer' as const, 'replace' as const, 'sweep' as const),
        generation: fc.constantFrom(1, 1, 1, 2),
        snapshot: small(8),
        entries: fc.array(written, { maxLength: 4 }),
      });
      let round = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 14 }), async (operations) => {
          round += 1;
          const table = { ...drivers, view: `model_${round}` };
          const model = new OnlineModel();
          for (const { kind, generation, snapshot, entries } of operations) {
            const at = { ...table, generation };
            if (kind === 'sweep') {
              expect(await store.sweep(at, snapshot)).toEqual(model.sweep(generation, snapshot));
              continue;
            }
            const rows = entries.map(({ key, ...given }): readonly [string, ModelRow] => {
              const tombstone = kind === 'replace' && given.tombstone;
              const zero = { committed: snapshot, ties: [0, null, 0, 0] as const, value: 0 };
              return [key, { ...given, ...(tombstone ? zero : {}), tombstone, generation }];
            });
            const packed = rows.map(([key, { tombstone, committed, ties, value: given }]) => {
              const [event, created, ingest, position] = ties;
              const live = row({ value: given, committed, event, created, ingest, position, generation });
              return { key: keyOf(key), row: tombstone ? encodeTombstone({ generation, snapshot }) : live };
            });
            const report =
              kind === 'replace' ? await store.replace(at, packed, snapshot) : await store.writeNewer(at, packed);
            expect(report).toEqual(
              kind === 'replace' ? model.replace(generation, rows, snapshot) : model.writeNewer(generation, rows),
            );
          }
          for (const generation of [1, 2]) {
            const at = { ...table, generation };
            for (const id of ids) expect(await value(id, at)).toBe(model.read(generation, id)?.value);
            // A scan may tell a row twice.
            const scanned = new Map<string, unknown[]>();
            for await (const found of store.scan(at)) {
              const { reflects, committed, tombstone } = decodeHeader(found.row);
              const key = Buffer.from(found.key).toString('hex');
              scanned.set(key, [key, committed, reflects, tombstone]);
            }
            const wanted = [...model.rows]
              .filter(([, stored]) => stored.generation === generation)
              .map(([key, { committed, reflects, tombstone }]) => [
                Buffer.from(keyOf(key)).toString('hex'),
                committed,
                reflects,
                tombstone,
              ]);
            expect([...scanned.values()].sort()).toEqual(wanted.sort());
          }
        }),
        { numRuns: 300 },
      );
    });
  });
}
