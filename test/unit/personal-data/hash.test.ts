import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appendColumns } from '../../../src/lake/append-columns.js';
import { id, tempTable } from '../../../src/lake/index.js';
import { createPads, hashPii, hashWith, hmacSql, messageSql } from '../../../src/personal-data/index.js';
import * as t from '../../../src/types.js';
import { type TempLake, withTempLake } from '../../support/lake.js';

const key = 'a key of the tests, long enough';
const hashed = hashWith(key);

let temp: TempLake;
beforeAll(async () => {
  temp = await withTempLake();
});
afterAll(() => temp?.close());

/** What a batch makes of values: hashed by DuckDB. */
async function inSql(type: t.ValueType, values: readonly unknown[], cast = t.sqlType(type)): Promise<string[]> {
  return temp.lake.withSession(async (session) => {
    await createPads(session, key);
    await session.run(`CREATE TEMP TABLE ${tempTable('v')} (n INTEGER, x ${t.sqlType(type)})`);
    await appendColumns(session, 'v', { n: t.int32(), x: type }, [values.map((_, n) => n), values]);
    const message = messageSql(cast === 'BLOB' ? 'BLOB' : cast, `CAST(x AS ${cast})`) as string;
    const rows = await session.all<{ h: string }>(`SELECT ${hmacSql(message)} AS h FROM ${tempTable('v')} ORDER BY n`);
    return rows.map(({ h }) => h);
  });
}

const doubles = [0, -0, 1, -1, 7.5, 0.1, 1e15, 1e16, 1.5e16, 1e20, 1e21, 1e22, 1e-4, 1e-5, 1.5e-7, 5e-324, 2 ** 53]
  .concat([
    2 ** 53 + 2,
    123456789012345680,
    Number.MAX_VALUE,
    Number.NaN,
    Infinity,
    -Infinity,
    100,
    1001,
    9.5e15,
    12.25,
  ])
  .flatMap((x) => [x, -x]);
const texts = [
  '',
  ' ',
  'a@b.c',
  'ünïcode ✓ 🚕',
  "it's",
  '"quoted"',
  'a\nb',
  '001',
  '1.0',
  'NULL',
  '\\',
  'x'.repeat(500),
];
const moments = [
  '0001-01-01T00:00:00Z',
  '1969-12-31T23:59:59.9Z',
  '1970-01-01T00:00:00Z',
  '2021-07-28T10:20:30Z',
].concat(['2021-07-28T10:20:30.5Z', '2021-07-28T10:20:00.001Z', '9999-12-31T23:59:59.999Z']);

describe('a value has one hash, in a batch as in a stream', () => {
  const many = <T>(arbitrary: fc.Arbitrary<T>): T[] => fc.sample(arbitrary, { seed: 5, numRuns: 3_000 });

  test('float64, NaN, infinities and -0 included', async () => {
    const values = [...doubles, ...many(fc.double()), ...many(fc.integer({ min: -1e6, max: 1e6 }).map((n) => n / 8))];
    expect(await inSql(t.float64(), values)).toEqual(values.map((value) => hashed(value)));
  });

  test('float32, as the double it is', async () => {
    const values = [...doubles.map(Math.fround), ...many(fc.float())];
    expect(await inSql(t.float32(), values)).toEqual(values.map((value) => hashed(value)));
  });

  test('whole numbers of every width, also as doubles and decimals', async () => {
    const values = many(fc.maxSafeInteger());
    const expected = values.map((value) => hashed(String(value)));
    expect(values.map((value) => hashed(value))).toEqual(expected);
    for (const cast of ['BIGINT', 'DOUBLE', 'HUGEINT', 'DECIMAL(20,3)']) {
      expect(await inSql(t.int64(), values, cast), cast).toEqual(expected);
    }
    const big = [...many(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), -(2n ** 63n), 9007199254740993n];
    expect(await inSql(t.int64({ mode: 'bigint' }), big)).toEqual(big.map((value) => hashed(value)));
  });

  test('decimals, without the zeros nobody needs', async () => {
    const values = many(fc.integer({ min: -100_000, max: 100_000 })).map((n) => n / 1_000);
    const decent = values.filter((value) => value === 0 || Math.abs(value) >= 0.001);
    expect(await inSql(t.float64(), decent, 'DECIMAL(20,6)')).toEqual(decent.map((value) => hashed(value)));
  });

  test('text as it stands, bytes, booleans', async () => {
    const values = [...texts, ...many(fc.string({ unit: 'grapheme' })).filter((text) => !text.includes('\0'))];
    expect(await inSql(t.string(), values)).toEqual(values.map((value) => hashed(value)));
    const blobs = [new Uint8Array(), new Uint8Array([0, 255, 128]), ...many(fc.uint8Array())];
    expect(await inSql(t.bytes(), blobs)).toEqual(blobs.map((value) => hashed(value)));
    expect(await inSql(t.bool(), [true, false])).toEqual([hashed(true), hashed(false)]);
  });

  test('times, with and without a zone, whatever zone the session is in', async () => {
    const values = [
      ...moments.map((text) => new Date(text)),
      ...many(fc.date({ min: new Date(moments[0] ?? ''), max: new Date(moments.at(-1) ?? ''), noInvalidDate: true })),
    ];
    const micros = values.map((value) => BigInt(value.getTime()) * 1_000n);
    for (const cast of ['TIMESTAMP WITH TIME ZONE', 'TIMESTAMP']) {
      expect(await inSql(t.timestamp(), micros, cast), cast).toEqual(values.map((value) => hashed(value)));
    }
    expect(hashed(new Date('2021-07-28T10:20:30.250Z'))).toBe(hashed('2021-07-28T10:20:30.25Z'));
  });

  test('a day is hashed as its date', async () => {
    const { sql } = { sql: messageSql('TIMESTAMP', 'x', { sourceType: 'date' }) as string };
    const found = await temp.lake.one<{ a: string; b: string }>(
      `SELECT decode(${sql}) AS a, decode(${messageSql('DATE', 'CAST(x AS DATE)')}) AS b FROM (SELECT TIMESTAMP '1980-05-17' AS x)`,
    );
    expect(found).toEqual({ a: '1980-05-17', b: '1980-05-17' });
  });

  test('the digits of a Postgres numeric: 7.00 is 7', async () => {
    const sql = messageSql('VARCHAR', 'x', { digits: true }) as string;
    const rows = await temp.lake.all<{ text: string }>(
      `SELECT decode(${sql}) AS text FROM (VALUES ('7.00'), ('7'), ('1.50'), ('100'), ('0.0100'), ('-3.000')) AS v(x)`,
    );
    expect(rows.map(({ text }) => text)).toEqual(['7', '7', '1.5', '100', '0.01', '-3']);
  });
});

test('hashPii is HMAC-SHA256 in hex, and refuses a number that is not exact', () => {
  const env = { ASOF_PII_KEY: key };
  expect(hashPii(1001, env)).toBe(createHmac('sha256', key).update('1001').digest('hex'));
  expect(hashPii(1001n, env)).toBe(hashPii('1001', env));
  expect(() => hashPii(2 ** 53, env)).toThrow(/not exact/);
  expect(() => hashPii('x', {})).toThrow(/ASOF_PII_KEY is not set/);
  expect(() => hashPii('x', { ASOF_PII_KEY: 'too short' })).toThrow(/shorter than 16 bytes/);
});

test('lists and structures have no hash', () => {
  for (const type of ['VARCHAR[]', 'STRUCT(a INTEGER)', 'MAP(VARCHAR, VARCHAR)', 'DOUBLE[3]'])
    expect(messageSql(type, id('x'))).toBeUndefined();
});
