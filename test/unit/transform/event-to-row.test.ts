import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { columnDefinitions, tableColumns } from '../../../src/definitions/feature-table.js';
import { type EventContext, entity, kafkaSource, streamFeatureView } from '../../../src/definitions/index.js';
import { appendColumns } from '../../../src/lake/append-columns.js';
import { MessageContext } from '../../../src/sync/message-context.js';
import { eventDecoder, rowBuilder } from '../../../src/transform/index.js';
import * as t from '../../../src/types.js';
import { type TempLake, withTempLake } from '../../support/lake.js';

const driver = entity({ name: 'driver', joinKeys: { driver_id: t.int64(), city: t.string() } });
const event = {
  driver_id: t.int64(),
  city: t.nullable(t.string()),
  at: t.timestamp(),
  made: t.nullable(t.timestamp()),
  rate: t.float32(),
};
const source = kafkaSource({ topic: 'drivers', event, timestampField: 'at', createdTimestampField: 'made' });
const view = (features: t.Schema, transform?: (event: Record<string, unknown>, context: EventContext) => unknown) =>
  streamFeatureView({
    name: 'live',
    entities: [driver],
    source,
    features,
    ...(transform === undefined ? {} : { transform: transform as never }),
  });

const origin = { ingestTimeUs: 5n, position: 7, topic: 'drivers', partition: 0, offset: 42 };
const decode = eventDecoder(source);
const sample = { driver_id: 1001, city: 'Hanoi', at: '2021-07-28T10:00:00.000001Z', made: null, rate: 0.1 };

function build(definition: ReturnType<typeof view>, change: object = {}, context?: EventContext) {
  const columns: unknown[][] = Object.keys(tableColumns(definition as never)).map(() => []);
  const decoded = decode(JSON.stringify({ ...sample, ...change }));
  if (!decoded.ok) throw new Error(decoded.reason);
  return { reason: rowBuilder(definition)(decoded.event, columns, origin, context), columns };
}
const ten = BigInt(Date.parse('2021-07-28T10:00:00Z')) * 1000n;

describe('rowBuilder', () => {
  test('fields of the same names, in the order of the table, times in microseconds, float32 as it is kept', () => {
    const { reason, columns } = build(view({ rate: t.float32() }), { made: '2021-07-28T11:00:00Z' });
    expect(reason).toBeUndefined();
    expect(columns.map((column) => column[0])).toEqual([
      1001, 'Hanoi', ten + 1n, ten + 3_600_000_000n, Math.fround(0.1), 5n, 7, 'drivers', 0, 42,
    ]); // biome-ignore format: one line
  });

  test('a transform computes the features; what it does to the event changes no key and no time', () => {
    const doubled = view({ rate: t.float32(), when: t.timestamp() }, (e) => {
      const when = e['at'];
      e['driver_id'] = 5;
      e['at'] = null;
      return { rate: (e['rate'] as number) * 100, when, unused: 1 };
    });
    const { reason, columns } = build(doubled);
    expect(reason).toBeUndefined();
    expect(columns.slice(0, 6).map((column) => column[0])).toEqual([
      1001,
      'Hanoi',
      ten + 1n,
      null,
      Math.fround(0.1 * 100),
      ten + 1n,
    ]);
  });

  test('a transform may ask for the message; an event that came in none has an empty one', () => {
    const features = { x: t.string() };
    const told = view(features, (_: unknown, { key, headers, timestamp, partition, offset }: EventContext) => ({
      x: JSON.stringify([key, headers, timestamp, partition, offset]),
    }));
    expect(build(told).columns[4]).toEqual(['[null,{},null,null,null]']);
    const record = {
      partition: 3,
      offset: 7,
      nextOffset: 8,
      key: Buffer.from('küche'),
      value: null,
      timestampMs: 1_700_000_000_123,
      headers: { source: 'app' },
    };
    const { columns } = build(told, {}, new MessageContext(record));
    expect(columns[4]).toEqual(['["küche",{"source":"app"},"2023-11-14T22:13:20.123Z",3,7]']);
    const bare = new MessageContext({ partition: 0, offset: 0, nextOffset: 1, key: null, value: null });
    expect(build(told, {}, bare).columns[4]).toEqual(['[null,{},null,0,0]']);
  });

  test('a null feature is a value', () => {
    const { reason, columns } = build(view({ rate: t.float32() }, () => ({ rate: null })));
    expect([reason, columns[4]]).toEqual([undefined, [null]]);
  });

  test.each([
    ['gives nothing for a feature', () => ({}), /the transform gave no "x"/],
    ['throws', () => { throw new RangeError('too hot'); }, /the transform failed: RangeError: too hot/],
    ['throws at length', () => { throw new Error('y'.repeat(9_000)); }, /^the transform failed: Error: y{10,200}…$/],
    ['gives a promise', async () => ({ x: 1 }), /gave a promise, not an object/],
    ['gives nothing', () => undefined, /gave undefined, not an object/],
    ['gives text', () => ({ x: '1' }), /feature "x" is a string, not an int32/],
    ['gives a fraction', () => ({ x: 0.5 }), /feature "x" is 0\.5, which is out of range or no whole number/],
    ['gives too much', () => ({ x: 2 ** 31 }), /feature "x" is 2147483648, which is out of range/],
    ['gives NaN', () => ({ x: Number.NaN }), /feature "x" is NaN/],
  ])('a transform that %s: the reason, and no row', (_, transform, expected) => {
    const { reason, columns } = build(view({ x: t.int32() }, transform));
    expect(reason).toMatch(expected);
    expect(columns.every((column) => column.length === 0)).toBe(true);
  }); // biome-ignore format: a table

  test.each([
    [t.float32(), Number.POSITIVE_INFINITY, /no finite float32/],
    [t.float32(), 1e39, /no finite float32/],
    [t.float64(), Number.NaN, /no finite float64/],
    [t.int64(), 2 ** 53, /no safe whole number/],
    [t.int64({ mode: 'bigint' }), 2n ** 63n, /out of range for an int64/],
    [t.timestamp(), new Date(Number.NaN), /no possible time/],
    [t.timestamp(), '2021-01-01', /a string, not a Date/],
    [t.bytes(), 'x', /a string, not a Uint8Array/],
    [t.list(t.float32()), [1, null], /a list whose item 1 is null/],
  ] as [t.ValueType, unknown, RegExp][])('%o refuses %o', (type, value, expected) => {
    expect(build(view({ x: type }, () => ({ x: value }))).reason).toMatch(expected);
  });

  test('null key: the reason names it', () => {
    expect(build(view({ rate: t.float32() }), { city: null }).reason).toBe('join key "city" is null');
  });
});

describe('what was built', () => {
  let temp: TempLake;
  beforeAll(async () => {
    temp = await withTempLake();
  });
  afterAll(() => temp.close());

  test('fits the table', async () => {
    const features = {
      y: t.bytes(),
      s: t.string(),
      v: t.list(t.float32()),
      b: t.bool(),
      d: t.float64(),
      g: t.int64({ mode: 'bigint' }),
    };
    const values = { y: Uint8Array.from([0, 255]), s: 'a\u0000é', v: [0.5], b: true, d: 0.1, g: 2n ** 62n };
    const definition = view(features, () => values);
    const { reason, columns } = build(definition);
    expect(reason).toBeUndefined();
    const schema = tableColumns(definition as never);
    const row = await temp.lake.withSession(async (session) => {
      await session.run(`CREATE TEMP TABLE built (${columnDefinitions(schema)})`);
      await appendColumns(session, 'built', schema, columns);
      return session.one('SELECT *, epoch_us(event_timestamp) AS us FROM temp.main.built');
    });
    expect(row).toMatchObject({
      driver_id: 1001n,
      us: ten + 1n,
      created_timestamp: null,
      s: 'a\u0000é',
      v: [0.5],
      b: true,
      d: 0.1,
      g: 2n ** 62n,
    });
  });
});
