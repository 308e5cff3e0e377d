import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { columnDefinitions } from '../../../src/definitions/feature-table.js';
import { appendColumns } from '../../../src/lake/append-columns.js';
import { id, lit, tempTable } from '../../../src/lake/index.js';
import { fromJson } from '../../../src/quality/json-back.js';
import { type FileColumn, jsonRow } from '../../../src/quality/value-json.js';
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
import { openStaging, type Staging } from './staging.js';

let staging: Staging;
beforeAll(async () => {
  staging = await openStaging();
});
afterAll(() => staging.close());

const schema: Schema = {
  i: int32(),
  l: int64({ mode: 'bigint' }),
  f: float32(),
  d: float64(),
  b: bool(),
  s: string(),
  raw: bytes(),
  t: timestamp(),
  fs: list(float32()),
  ss: list(string()),
  ls: list(list(int64({ mode: 'bigint' }))),
  ts: list(timestamp()),
  bs: list(bytes()),
};

const longs = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
// Years 1 to 9999: what cleaning lets through.
const times = fc.bigInt({ min: -62135596800000000n, max: 253402300799999999n });
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', 'null', '0x', '"', '\\', '\0', '\u001b[31m', 'NaN'),
);
const some = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 4 });
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { freq: 5 });
const row = fc.record({
  i: maybe(fc.integer()),
  l: maybe(fc.oneof(longs, fc.constantFrom(2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n))),
  f: maybe(fc.float()),
  d: maybe(fc.double()),
  b: maybe(fc.boolean()),
  s: maybe(texts),
  raw: maybe(fc.uint8Array()),
  t: maybe(times),
  fs: maybe(some(fc.float())),
  ss: maybe(some(texts)),
  ls: maybe(some(some(longs))),
  ts: maybe(some(times)),
  bs: maybe(some(fc.uint8Array())),
});

describe('fromJson', () => {
  it('reads back every value of every type as it was', async () => {
    const { session } = staging;
    const table = tempTable('given');
    await session.run(`CREATE TEMP TABLE ${table} (${columnDefinitions(schema)})`);
    const columns = await session.all<FileColumn>(
      `SELECT column_name AS name, column_type AS type FROM (DESCRIBE ${table})`,
    );
    const names = Object.keys(schema);
    const read = Object.entries(schema).map(
      ([name, type]) => `${fromJson(`json_extract(j, ${lit(`/${name}`)})`, type)} AS ${id(name)}`,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 60 }), async (rows) => {
        await session.run(`DELETE FROM ${table}`);
        const values = rows as readonly Record<string, unknown>[];
        await appendColumns(
          session,
          'given',
          schema,
          names.map((name) => values.map((each) => each[name])),
        );
        const differs = await session.all<{ j: string }>(
          `SELECT j FROM (SELECT g.*, ${jsonRow(columns, 'g')} AS j FROM ${table} AS g) AS g, (SELECT ${read.join(', ')}) AS n
           WHERE ${names.map((name) => `n.${id(name)} IS DISTINCT FROM g.${id(name)}`).join(' OR ')}`,
        );
        expect(differs).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  it.each<[ValueType, unknown]>([
    [int32(), 2 ** 31],
    [int64(), 1.5],
    [int64(), '9223372036854775808'],
    [int64(), '12 '],
    [int64(), true],
    [float32(), 1e300],
    [float64(), '1.5'],
    [bool(), 'true'],
    [string(), 5],
    [bytes(), 'abc'],
    [bytes(), '0x0'],
    [timestamp(), 'yesterday'],
    [timestamp(), 5],
    [list(int64()), [1, 'x']],
    [list(string()), 'a'],
    [list(list(int32())), [[1], [1.5]]],
  ])('no %o is %j', async (type, value) => {
    const found = await staging.session.one(`SELECT ${fromJson('$1::JSON', type)} AS value`, [JSON.stringify(value)]);
    expect(found).toEqual({ value: null });
  });
});
