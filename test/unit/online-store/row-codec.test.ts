import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../../src/errors.js';
import {
  compareTies,
  decodeHeader,
  decodeRow,
  decodeValues,
  encodeRow,
  encodeTombstone,
  type RowParts,
  withReflects,
} from '../../../src/online-store/row-codec.js';
import { headerLayout } from '../../../src/online-store/row-header.js';
import { storedSchema } from '../../../src/online-store/stored-schema.js';
import {
  bool,
  bytes,
  float32,
  float64,
  int32,
  int64,
  list,
  type Schema,
  string,
  timestamp,
  type ValueType,
} from '../../../src/types.js';

const schema = storedSchema({ trips: int64() });
const parts: RowParts = {
  generation: 1,
  committed: 2,
  reflects: 3,
  eventUs: 4n,
  createdUs: 5n,
  ingestUs: 6n,
  position: 7,
  schema,
  values: [8],
};
const anyInt64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -(2n ** 53n), max: 2n ** 53n }),
  fc.bigInt({ min: -2n, max: 2n }),
);
const anySnapshot = fc.oneof(fc.nat(), fc.maxSafeNat());

const failure = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
};

/** Each type with values as they come from the lake. */
const scalars: [ValueType, fc.Arbitrary<unknown>][] = [
  [int32(), fc.integer()],
  [
    int64(),
    fc.oneof(
      fc.maxSafeInteger(),
      anyInt64.filter((v) => !Number.isSafeInteger(Number(v))),
    ),
  ],
  [float32(), fc.oneof(fc.float(), fc.constantFrom(-0, 0, Number.NaN, Number.POSITIVE_INFINITY, -1, 16_777_216))],
  [float64(), fc.oneof(fc.double(), fc.constantFrom(-0, 0, 0.1, Number.NaN, Number.NEGATIVE_INFINITY, 2 ** 60))],
  [bool(), fc.boolean()],
  [string(), fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '-0', 'ü'.repeat(300)))],
  [bytes(), fc.uint8Array({ maxLength: 300 })],
  [timestamp(), anyInt64],
];
const all = [
  ...scalars,
  ...scalars.map(([type, value]): [ValueType, fc.Arbitrary<unknown>] => [
    list(type),
    fc.array(value, { maxLength: 5 }),
  ]),
  [list(list(float64())), fc.array(fc.array(fc.double(), { maxLength: 3 }), { maxLength: 3 })] as [
    ValueType,
    fc.Arbitrary<unknown>,
  ],
];

const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  return Array.isArray(value) ? value.map(plain) : value;
};

describe('packed rows', () => {
  it('bring every value of every type back exactly, -0, NaN, infinities and nulls included', () => {
    const columns = fc.array(fc.constantFrom(...all), { minLength: 1, maxLength: 6 });
    const cases = columns.chain((chosen) =>
      fc.tuple(fc.constant(chosen), fc.tuple(...chosen.map(([, value]) => fc.option(value, { freq: 5 })))),
    );
    fc.assert(
      fc.property(cases, ([chosen, values]) => {
        const features: Schema = Object.fromEntries(chosen.map(([type], index) => [`f${index}`, type]));
        const stored = storedSchema(features);
        const row = encodeRow({ ...parts, schema: stored, values });
        // toEqual takes -0 and 0 apart, and NaN for NaN.
        expect(decodeValues(row, stored).map(plain)).toEqual(values.map(plain));
      }),
      { numRuns: 1000 },
    );
  });

  it('keep float32 as float32, in four bytes where nothing wider needs more', () => {
    const narrow = storedSchema({ a: float32(), b: float32() });
    const wide = storedSchema({ a: float32(), b: float64() });
    const short = encodeRow({ ...parts, schema: narrow, values: [0.1, 0.7] });
    expect(decodeValues(short, narrow)).toEqual([Math.fround(0.1), Math.fround(0.7)]);
    expect(short.length).toBe(headerLayout.payload + 1 + 5 + 5);
    expect(decodeValues(encodeRow({ ...parts, schema: wide, values: [0.1, 0.7] }), wide)).toEqual([
      Math.fround(0.1),
      0.7,
    ]);
  });

  it('take Dates as microseconds, undefined and short rows as nulls', () => {
    const stored = storedSchema({ at: timestamp(), many: list(timestamp()), text: string() });
    const row = encodeRow({ ...parts, schema: stored, values: [new Date(5), [new Date(-1), 7n]] });
    expect(decodeValues(row, stored)).toEqual([5000n, [-1000n, 7n], null]);
  });

  it('carry their header exactly', () => {
    const head = fc.record({
      generation: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      committed: anySnapshot,
      reflects: anySnapshot,
      eventUs: anyInt64,
      createdUs: fc.option(anyInt64),
      ingestUs: anyInt64,
      position: anyInt64,
    });
    fc.assert(
      fc.property(head, anySnapshot, (given, other) => {
        const row = encodeRow({ ...parts, ...given });
        expect(decodeHeader(row)).toEqual({ ...given, tombstone: false, schemaId: schema.id });
        const changed = withReflects(row, other);
        expect(decodeHeader(changed)).toEqual({ ...given, reflects: other, tombstone: false, schemaId: schema.id });
        expect(decodeHeader(row).reflects).toBe(given.reflects);
        expect(decodeValues(changed, schema)).toEqual([8]);
      }),
    );
  });

  it('compare by event, created (none is lowest), ingest time and position, as their tie bytes do', () => {
    const ties = fc.record({
      eventUs: fc.oneof(anyInt64, fc.bigInt(-1n, 1n)),
      createdUs: fc.option(fc.bigInt(-1n, 1n)),
      ingestUs: fc.bigInt(-1n, 1n),
      position: fc.bigInt(-1n, 1n),
    });
    type Ties = { eventUs: bigint; createdUs: bigint | null; ingestUs: bigint; position: bigint };
    const order = (a: Ties, b: Ties): number => {
      const pairs: [bigint | null, bigint | null][] = [
        [a.eventUs, b.eventUs],
        [a.createdUs, b.createdUs],
        [a.ingestUs, b.ingestUs],
        [a.position, b.position],
      ];
      for (const [left, right] of pairs) {
        if (left === right) continue;
        if (left === null) return -1;
        if (right === null) return 1;
        return left < right ? -1 : 1;
      }
      return 0;
    };
    fc.assert(
      fc.property(ties, fc.oneof(ties, fc.constant(undefined)), (a, given) => {
        const b = given ?? a;
        const [left, right] = [
          encodeRow({ ...parts, ...a }),
          encodeRow({ ...parts, ...b, committed: 99, values: [0] }),
        ];
        expect(Math.sign(compareTies(left, right)) + 0).toBe(order(a, b));
        const slice = (row: Uint8Array) => row.subarray(headerLayout.tiesStart, headerLayout.tiesEnd);
        expect(Buffer.compare(slice(left), slice(right))).toBe(order(a, b));
      }),
      { numRuns: 1000 },
    );
  });

  it('keep their layout, which stored rows and scripts in stores rely on', () => {
    const row = encodeRow({
      ...parts,
      createdUs: null,
      eventUs: -1n,
      schema: storedSchema({ rate: float32() }),
      values: [1.5],
    });
    expect(Buffer.from(row).toString('hex')).toBe(
      [
        '01', // format
        '00', // flags
        '00000001', // generation
        '0000000000000002', // committed
        '0000000000000003', // reflects
        '7fffffffffffffff', // event time
        '00',
        '0000000000000000', // no created time
        '8000000000000006', // ingest time
        '8000000000000007', // position
        storedSchema({ rate: float32() }).id,
        '91ca3fc00000', // [1.5]
      ].join(''),
    );
    expect(storedSchema({ rate: float32() }).id).toBe('f9b0e4c980f5dc6c');
  });
});

describe('tombstones', () => {
  it('say their snapshot, hold no values and are older than any row', () => {
    const stone = encodeTombstone({ generation: 2, snapshot: 2 ** 40 });
    expect(decodeHeader(stone)).toMatchObject({
      tombstone: true,
      generation: 2,
      committed: 2 ** 40,
      reflects: 2 ** 40,
      schemaId: undefined,
    });
    expect(compareTies(encodeRow({ ...parts, eventUs: -(2n ** 62n) }), stone)).toBeGreaterThan(0);
    expect(failure(() => decodeRow(stone, new Map()))).toBeInstanceOf(DataError);
  });
});

describe('rows that can not be read', () => {
  const row = Buffer.from(encodeRow(parts));
  const schemas = new Map([[schema.id, schema]]);

  it('are read when nothing is wrong', () => {
    expect(decodeRow(row, schemas)).toEqual({ eventUs: 4n, createdUs: 5n, values: { trips: 8 } });
  });

  it.each([
    ['empty', Buffer.alloc(0), 'cut short'],
    ['a piece of a header', row.subarray(0, 20), 'cut short'],
    ['without values', row.subarray(0, headerLayout.payload), 'cut short'],
    ['of another format', Buffer.concat([Buffer.from([9]), row.subarray(1)]), 'format 9 is unknown'],
    ['with damaged values', Buffer.concat([row.subarray(0, headerLayout.payload), Buffer.from([0x92, 1])]), 'damaged'],
    [
      'with too many values',
      Buffer.concat([row.subarray(0, headerLayout.payload), Buffer.from([0x92, 1, 2])]),
      'schema',
    ],
    ['with no list of values', Buffer.concat([row.subarray(0, headerLayout.payload), Buffer.from([5])]), 'schema'],
  ])('are a DataError with a mend: %s', (_, damaged, what) => {
    const error = failure(() => decodeRow(damaged, schemas));
    expect(error).toBeInstanceOf(DataError);
    expect(error).toMatchObject({
      message: expect.stringContaining(what),
      mend: expect.stringContaining('asof materialize --full'),
    });
  });

  it('are a DataError when their schema is unknown', () => {
    expect(failure(() => decodeRow(row, new Map()))).toMatchObject({ name: 'DataError' });
  });
});
