import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OnlineStore } from '../../../src/online-store/online-store.js';
import { encodeRow, type RowParts } from '../../../src/online-store/row-codec.js';
import { storedSchema } from '../../../src/online-store/stored-schema.js';
import { RowComparer, sameValue } from '../../../src/sync/verify-rows.js';
import { KeySample } from '../../../src/sync/verify-scan.js';
import { judge, type Sight, type SightFacts } from '../../../src/sync/verify-verdict.js';
import { float32, float64, int32, int64, list, type Schema, timestamp } from '../../../src/types.js';

const table = (features: Schema) => ({ view: 'v', generation: 1, joinKeys: { id: int64() }, features, ttlMs: 0 });
/** Every schema of these tests is known to the process. */
const online = { getNote: async () => undefined } as unknown as OnlineStore;

const row = (schema: Schema, values: unknown[], parts: Partial<RowParts> = {}): Uint8Array =>
  encodeRow({
    generation: 1,
    committed: 5,
    reflects: 5,
    eventUs: 100n,
    createdUs: null,
    ingestUs: 1n,
    position: 0,
    schema: storedSchema(schema),
    values,
    ...parts,
  });

describe('rows', () => {
  const features = { a: float32(), b: float64(), c: int64(), d: list(float64()), e: timestamp() };
  const same = [Number.NaN, -0, 2n ** 60n, [1, Number.NaN], 1_000_001n];
  const compare = async (features_: Schema, expected: Uint8Array, found: Uint8Array) => {
    const comparer = new RowComparer(online, table(features_));
    await comparer.learn([expected, found]);
    return comparer.differences(expected, found);
  };

  it('are equal to the last bit, NaN included', async () => {
    expect(await compare(features, row(features, same), row(features, same, { committed: 9, reflects: 0 }))).toEqual(
      [],
    );
  });

  it.each([
    ['a', 0, 1],
    ['b', 1, 0],
    ['c', 2, 2n ** 60n + 1n],
    ['d', 3, [1]],
    ['d', 3, [Number.NaN, 1]],
    ['e', 4, 1_000_000n],
    ['e', 4, null],
  ])('differ in %s', async (name, index, value) => {
    const other = same.map((kept, at) => (at === index ? value : kept));
    expect(await compare(features, row(features, same), row(features, other))).toEqual([name]);
  });

  it('differ in what orders them', async () => {
    const other = row(features, same, { eventUs: 101n, createdUs: 5n, ingestUs: 2n, position: 1 });
    const times = ['event_timestamp', 'created_timestamp', '_ingest_time', '_ingest_position'];
    expect(await compare(features, row(features, same), other)).toEqual(times);
  });

  it('written with other features are compared by those of today', async () => {
    const [then, now] = [
      { a: int32(), gone: int32() },
      { new: float64(), a: int64() },
    ];
    expect(await compare(now, row(now, [null, 7]), row(then, [7, 8]))).toEqual([]);
    expect(await compare(now, row(now, [0.5, 7]), row(then, [7, 8]))).toEqual(['new']);
    const [single, double] = [{ a: float32() }, { a: float64() }];
    expect(await compare(double, row(double, [Math.fround(0.1)]), row(single, [0.1]))).toEqual([]);
    expect(await compare(double, row(double, [0.1]), row(single, [0.1]))).toEqual(['a']);
  });

  it('have whole numbers that are equal as number and bigint', () => {
    expect(sameValue(7, 7n)).toBe(true);
    expect(sameValue(7n, 7)).toBe(true);
    expect(sameValue(2 ** 53, 2n ** 53n + 1n)).toBe(false);
    expect(sameValue(0.5, 0n)).toBe(false);
    expect(sameValue(null, 0)).toBe(false);
    expect(sameValue('7', 7n)).toBe(false);
  });
});

describe('judgement', () => {
  const features = { a: int32() };
  const at = (eventUs: bigint, value = Number(eventUs), parts: Partial<RowParts> = {}) =>
    row(features, [value], { eventUs, ...parts });
  const facts: SightFacts = { snapshot: 20, cursorSnapshot: 10, reachedUs: 1_000n, dueUs: 2_000n, oldestUs: undefined };
  const judged = (sight: Partial<Sight>, more: Partial<SightFacts> = {}) =>
    judge(
      {
        online: undefined,
        atCursor: undefined,
        newest: undefined,
        held: false,
        cursorRowThere: true,
        cursorRowCommitted: sight.atCursor === undefined ? undefined : 5,
        ...sight,
      },
      { ...facts, ...more },
      new RowComparer(online, table(features)),
    ).is;

  it.each<[string, string, Partial<Sight>, Partial<SightFacts>?]>([
    ['the newest', 'same', { online: at(9n), atCursor: at(9n), newest: at(9n) }],
    ['the newest, which came after the cursor', 'same', { online: at(9n), atCursor: at(5n), newest: at(9n) }],
    [
      'that of the cursor, with a newer one in the lake',
      'pending',
      { online: at(5n), atCursor: at(5n), newest: at(9n) },
    ],
    ['that of the cursor, removed from the lake', 'pending', { online: at(5n), atCursor: at(5n) }],
    ['one in between that the lake held', 'pending', { online: at(7n), atCursor: at(5n), newest: at(9n), held: true }],
    ['one in between that it never held', 'different', { online: at(7n), atCursor: at(5n), newest: at(9n) }],
    ['an older one', 'stale', { online: at(3n), atCursor: at(5n), newest: at(5n), held: true }],
    [
      'an older one by a run that looked later, when the key changed',
      'pending',
      { online: at(3n, 3, { reflects: 15 }), atCursor: at(5n), newest: at(9n), held: true },
    ],
    [
      'an older one by a run that looked later, when nothing changed',
      'stale',
      { online: at(3n, 3, { reflects: 15 }), atCursor: at(5n), newest: at(5n), held: true },
    ],
    [
      'one of a stream that the run left, because the row at the cursor was not online when it came',
      'pending',
      { online: at(3n, 3, { committed: 15, reflects: 4 }), atCursor: at(5n), newest: at(5n), held: true },
    ],
    [
      'one of a stream that took the place of the newer row at the cursor',
      'stale',
      { online: at(3n, 3, { committed: 15, reflects: 8 }), atCursor: at(5n), newest: at(5n), held: true },
    ],
    [
      'of the lake, beyond the end reached, of the cursor',
      'different',
      { online: at(1_500n), atCursor: at(5n), newest: at(1_500n) },
    ],
    [
      'beyond the end reached, since the cursor',
      'same',
      { online: at(1_500n, 1, { committed: 15 }), atCursor: at(5n), newest: at(1_500n, 1) },
    ],
    [
      'later than the clock',
      'different',
      { online: at(2_500n, 1, { committed: 15 }), atCursor: at(5n), newest: at(5n), held: true },
    ],
    ['later than the clock, of no key', 'unexpected', { online: at(2_500n, 1, { committed: 15 }), held: true }],
    ['one the lake does not know', 'unexpected', { online: at(5n) }],
    ['one ahead of the lake', 'different', { online: at(5n, 5, { committed: 21 }), atCursor: at(5n), newest: at(5n) }],
    ['nothing, with a row at the cursor', 'missing', { atCursor: at(5n), newest: at(5n) }],
    ['nothing, with a row since the cursor', 'pending', { newest: at(5n) }],
    [
      'nothing, with a key that went and came back',
      'pending',
      { atCursor: at(5n), newest: at(9n), cursorRowThere: false },
    ],
    ['nothing, and neither has the lake', 'gone', { atCursor: at(5n) }],
    ['nothing, older than the ttl', 'expired', { atCursor: at(5n), newest: at(5n) }, { oldestUs: 6n }],
    ['nothing, just not older than the ttl', 'missing', { atCursor: at(5n), newest: at(5n) }, { oldestUs: 5n }],
    ['cut short', 'different', { online: at(5n).subarray(0, 20), atCursor: at(5n), newest: at(5n) }],
  ])('online is %s: %s', (_, is, sight, more) => {
    expect(judged(sight, more)).toBe(is);
  });
});

describe('a sample of keys', () => {
  const keyOf = (id: number): Uint8Array => {
    const key = Buffer.alloc(9);
    key.writeUInt32BE(id, 5);
    return key;
  };
  const sampled = (ids: readonly number[], size: number, seed: number): string[] => {
    const sample = new KeySample(size, seed);
    for (const id of ids) sample.offer(keyOf(id));
    return sample.keys().map((key) => Buffer.from(key).toString('hex'));
  };

  it('is the same whatever the order and however often a key comes', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(10_000), { minLength: 1, maxLength: 200 }),
        fc.integer({ min: 1, max: 50 }),
        fc.nat(),
        (ids, size, seed) => {
          const chosen = sampled(ids, size, seed);
          expect(chosen).toHaveLength(Math.min(size, ids.length));
          expect(sampled([...ids].reverse(), size, seed)).toEqual(chosen);
          expect(
            sampled(
              ids.flatMap((id) => [id, id, id]),
              size,
              seed,
            ),
          ).toEqual(chosen);
        },
      ),
    );
  });

  it('reaches every key under some seed, none much more often than others', () => {
    const ids = Array.from({ length: 100 }, (_, index) => index);
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 1_000; seed += 1)
      for (const key of sampled(ids, 10, seed)) counts.set(key, (counts.get(key) ?? 0) + 1);
    expect(counts.size).toBe(100);
    for (const count of counts.values()) {
      expect(count).toBeGreaterThan(50);
      expect(count).toBeLessThan(150);
    }
  });
});
