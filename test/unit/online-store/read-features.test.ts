import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FeatureTable } from '../../../src/definitions/feature-table.js';
import { DataError, DefinitionError } from '../../../src/errors.js';
import { entityKey } from '../../../src/online-store/entity-key.js';
import { ensureSchema, loadSchemas } from '../../../src/online-store/feature-schemas.js';
import { openLmdbOnlineStore } from '../../../src/online-store/lmdb-online-store.js';
import type { OnlineStore } from '../../../src/online-store/online-store.js';
import { type OnlineSelection, readOnlineFeatures } from '../../../src/online-store/read-features.js';
import { encodeRow } from '../../../src/online-store/row-codec.js';
import { schemaText } from '../../../src/online-store/stored-schema.js';
import { bytes, float32, int64, list, string, timestamp } from '../../../src/types.js';

const hour = 3_600_000;
const now = new Date('2022-05-01T12:00:00Z');

const drivers: FeatureTable = {
  view: 'driver_stats',
  generation: 1,
  joinKeys: { driver_id: int64() },
  features: { conv_rate: float32(), trips: int64(), name: string() },
  ttlMs: 2 * hour,
};
const rides: FeatureTable = {
  view: 'rides',
  generation: 3,
  joinKeys: { driver_id: int64(), city: string() },
  features: { total: int64({ mode: 'bigint' }), at: timestamp(), times: list(timestamp()), raw: bytes() },
  ttlMs: 0,
};
const all = (table: FeatureTable): OnlineSelection => ({
  table,
  columns: Object.fromEntries(Object.keys(table.features).map((name) => [name, name])),
});

let directory: string;
let store: OnlineStore;

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'asof-read-'));
  store = openLmdbOnlineStore({ directory, project: 'test' });
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

async function put(table: FeatureTable, key: Record<string, unknown>, event: Date | bigint, values: unknown[]) {
  const row = encodeRow({
    generation: table.generation,
    committed: 1,
    reflects: 0,
    eventUs: typeof event === 'bigint' ? event : BigInt(event.getTime()) * 1000n,
    createdUs: null,
    ingestUs: 0n,
    position: 0,
    schema: await ensureSchema(store, table),
    values,
  });
  await store.writeNewer(table, [{ key: entityKey(table.joinKeys, key), row }]);
}

/** Counts round trips, as an engine over a network would feel them. */
function counted(): { store: OnlineStore; calls: string[] } {
  const calls: string[] = [];
  const proxy = new Proxy(store, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        calls.push(String(name));
        return method.apply(target, args);
      };
    },
  });
  return { store: proxy, calls };
}

describe('reading online features', () => {
  it('gives one row per key row in their order, with statuses and event times by output name', async () => {
    const recent = new Date(now.getTime() - hour);
    await put(drivers, { driver_id: 1 }, recent, [0.5, 7, 'ann']);
    await put(drivers, { driver_id: 2 }, recent, [null, 0, '']);
    await put(drivers, { driver_id: 3 }, new Date(now.getTime() - 3 * hour), [0.25, 1, 'old']);
    const ids = [3, 1, 9, 2, 1].map((driver_id) => ({ driver_id }));
    expect(await readOnlineFeatures(store, [all(drivers)], ids, now)).toEqual({
      rows: [
        { driver_id: 3, conv_rate: null, trips: null, name: null },
        { driver_id: 1, conv_rate: 0.5, trips: 7, name: 'ann' },
        { driver_id: 9, conv_rate: null, trips: null, name: null },
        { driver_id: 2, conv_rate: null, trips: 0, name: '' },
        { driver_id: 1, conv_rate: 0.5, trips: 7, name: 'ann' },
      ],
      statuses: [
        { conv_rate: 'OUTSIDE_MAX_AGE', trips: 'OUTSIDE_MAX_AGE', name: 'OUTSIDE_MAX_AGE' },
        { conv_rate: 'PRESENT', trips: 'PRESENT', name: 'PRESENT' },
        { conv_rate: 'NOT_FOUND', trips: 'NOT_FOUND', name: 'NOT_FOUND' },
        { conv_rate: 'NULL_VALUE', trips: 'PRESENT', name: 'PRESENT' },
        { conv_rate: 'PRESENT', trips: 'PRESENT', name: 'PRESENT' },
      ],
      eventTimestamps: [new Date(now.getTime() - 3 * hour), recent, null, recent, recent].map((at) => ({
        conv_rate: at,
        trips: at,
        name: at,
      })),
    });
  });

  it('asks the store once for the whole request, and nothing for no rows', async () => {
    await put(drivers, { driver_id: 1 }, now, [0.5, 7, 'ann']);
    await put(rides, { driver_id: 1, city: 'x' }, now, [1, 2n, [], null]);
    const { store: watched, calls } = counted();
    const prefixed = { table: drivers, columns: { d_trips: 'trips' } };
    const picked = { table: drivers, columns: { trips: 'trips' } };
    const { rows } = await readOnlineFeatures(
      watched,
      [picked, all(rides), prefixed],
      [{ city: 'x', driver_id: 1 }],
      now,
    );
    expect(calls).toEqual(['read']);
    expect(rows[0]).toMatchObject({ driver_id: 1, city: 'x', trips: 7, d_trips: 7, total: 1n });
    expect(await readOnlineFeatures(store, [all(rides)], [], now)).toEqual({
      rows: [],
      statuses: [],
      eventTimestamps: [],
    });
  });

  it('counts a row of exactly the maximum age as young enough, one microsecond more as too old', async () => {
    const edge = BigInt(now.getTime() - drivers.ttlMs) * 1000n;
    await put(drivers, { driver_id: 1 }, edge, [0.5, 7, 'ann']);
    await put(drivers, { driver_id: 2 }, edge - 1n, [0.5, 7, 'ann']);
    const { statuses } = await readOnlineFeatures(store, [all(drivers)], [{ driver_id: 1 }, { driver_id: 2 }], now);
    expect(statuses.map(({ trips }) => trips)).toEqual(['PRESENT', 'OUTSIDE_MAX_AGE']);
  });

  it('never lets rows of a view without ttl expire', async () => {
    await put(rides, { driver_id: 1, city: 'x' }, new Date(0), [1, null, null, null]);
    const { statuses } = await readOnlineFeatures(store, [all(rides)], [{ driver_id: 1, city: 'x' }], now);
    expect(statuses[0]?.['total']).toBe('PRESENT');
  });

  it('gives each type as declared: bigint where asked, Dates cut to milliseconds, bytes, lists', async () => {
    await put(rides, { driver_id: 1n, city: 'ü' }, -1n, [2n ** 62n, -1n, [1999n, -1001n], Uint8Array.from([0, 255])]);
    const { rows, eventTimestamps } = await readOnlineFeatures(store, [all(rides)], [{ driver_id: 1, city: 'ü' }], now);
    expect({ ...rows[0], raw: Uint8Array.from(rows[0]?.['raw'] as Uint8Array) }).toEqual({
      driver_id: 1,
      city: 'ü',
      total: 2n ** 62n,
      at: new Date(-1),
      times: [new Date(1), new Date(-2)],
      raw: Uint8Array.from([0, 255]),
    });
    expect(eventTimestamps[0]?.['total']).toEqual(new Date(-1));
  });

  it('refuses to round a whole number, naming feature and mend', async () => {
    await put(drivers, { driver_id: 1 }, now, [0.5, 2n ** 60n, 'ann']);
    const reading = readOnlineFeatures(store, [all(drivers)], [{ driver_id: 1 }], now);
    await expect(reading).rejects.toBeInstanceOf(DataError);
    await expect(reading).rejects.toMatchObject({
      message: expect.stringContaining('driver_stats:trips'),
      mend: expect.stringContaining("int64({ mode: 'bigint' })"),
    });
    await put(rides, { driver_id: 1, city: 'x' }, now, [1, 2n ** 63n - 1n, null, null]);
    await expect(readOnlineFeatures(store, [all(rides)], [{ driver_id: 1, city: 'x' }], now)).rejects.toMatchObject({
      name: 'DataError',
      message: expect.stringContaining('rides:at'),
    });
  });

  it('accepts keys that only one of the views uses', async () => {
    await put(drivers, { driver_id: 1 }, now, [0.5, 7, 'ann']);
    const keys = [{ driver_id: 1, city: 'nowhere' }];
    const { statuses } = await readOnlineFeatures(store, [all(drivers), all(rides)], keys, now);
    expect(statuses[0]).toMatchObject({ trips: 'PRESENT', total: 'NOT_FOUND' });
  });

  it.each([
    [{ driver_id: 1, citi: 'x' }, 'unknown key "citi"', 'did you mean "city"?'],
    [{ driver_id: 1, city: 'x', weather: 'dry' }, 'unknown key "weather"', 'the join keys are driver_id, city'],
    [{ driver_id: 1 }, 'join key "city" is missing', 'add city'],
    [{ driver_id: '1', city: 'x' }, 'join key "driver_id" is "1"', 'whole number'],
    [{ driver_id: null, city: 'x' }, 'join key "driver_id" is null', 'give driver_id a value'],
  ])('refuses the key row %o, naming it', async (bad, what, mend) => {
    const reading = readOnlineFeatures(store, [all(rides)], [{ driver_id: 1, city: 'x' }, bad], now);
    await expect(reading).rejects.toBeInstanceOf(DefinitionError);
    await expect(reading).rejects.toMatchObject({
      message: expect.stringContaining(what),
      where: 'row 1 of the request',
      mend: expect.stringContaining(mend),
    });
  });

  it('refuses an unknown feature', async () => {
    const reading = readOnlineFeatures(store, [{ table: drivers, columns: { x: 'conv_rat' } }], [], now);
    await expect(reading).rejects.toMatchObject({ name: 'DefinitionError', mend: 'did you mean "conv_rate"?' });
  });
});

describe('schemas kept in the store', () => {
  it('are kept once, and again after the view was dropped', async () => {
    const { store: watched, calls } = counted();
    const { id } = await ensureSchema(watched, drivers);
    expect((await ensureSchema(watched, { ...drivers })).id).toBe(id);
    expect(calls.filter((name) => name === 'setNote')).toHaveLength(1);
    expect(await store.getNote('driver_stats', `schema:${id}`)).toBe(schemaText(drivers.features));
    await store.dropView('driver_stats');
    await ensureSchema(watched, drivers);
    expect(await store.getNote('driver_stats', `schema:${id}`)).toBe(schemaText(drivers.features));
  });

  it('differ by name, type and order, and by nothing else', async () => {
    const ids = await Promise.all(
      [
        { a: int64(), b: string() },
        { b: string(), a: int64() },
        { a: int64(), b: bytes() },
        { a: int64(), c: string() },
        { a: int64({ mode: 'bigint' }), b: string() },
      ].map(async (features) => (await ensureSchema(store, { view: 'v', features })).id),
    );
    expect(new Set(ids).size).toBe(4);
    expect(ids[4]).toBe(ids[0]);
  });

  it('are read from the store by a process that never saw them', async () => {
    // What another version of the features wrote: the note exists only in the store.
    const text = '[["once","list<float32>"],["upon","int64"]]';
    const id = idOf(text);
    await store.setNote('driver_stats', `schema:${id}`, text);
    const schemas = await loadSchemas(store, 'driver_stats', [id]);
    expect(schemaText(schemas.get(id)?.features ?? {})).toBe(text);
  });

  it('that are missing or damaged are an error of the data, with the mend', async () => {
    const missing = loadSchemas(store, 'driver_stats', ['0123456789abcdef']);
    await expect(missing).rejects.toMatchObject({ name: 'DataError', mend: expect.stringContaining('--full') });
    await store.setNote('driver_stats', 'schema:00000000000000aa', '[["x","int64"]]');
    const damaged = loadSchemas(store, 'driver_stats', ['00000000000000aa']);
    await expect(damaged).rejects.toMatchObject({ name: 'DataError', mend: expect.stringContaining('--full') });
  });
});

const idOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
