import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { columnReader } from '../../../src/lake/chunk-values.js';
import { fixedWidth } from '../../../src/lake/fixed-width.js';
import { Session } from '../../../src/lake/index.js';
import {
  bool,
  bytes,
  float32,
  float64,
  int32,
  int64,
  list,
  sqlType,
  string,
  timestamp,
  type ValueType,
} from '../../../src/types.js';

/** All values of `sql`'s only column, as our reader gives them, and whether the driver was asked for them one by one. */
async function read(type: ValueType, sql: string): Promise<{ values: unknown[]; oneByOne: boolean }> {
  const instance = await DuckDBInstance.create();
  const session = new Session(await instance.connect());
  const values: unknown[] = [];
  let oneByOne = false;
  for await (const chunk of session.chunks(`SELECT v::${sqlType(type)} FROM (${sql}) AS t(v)`)) {
    values.push(...columnReader(type)(chunk, 0));
    oneByOne ||= fixedWidth(chunk.getColumnVector(0)) === undefined;
  }
  session.close();
  return { values, oneByOne };
}

const rows = 5_000;
const isNull = (row: number): boolean => row % 7 === 0 || row % 64 === 63;
/** Rows over several chunks, with nulls at and off the borders of the words of the null mask. */
const ofEachRow = (expression: string): string =>
  `SELECT if(i % 7 = 0 OR i % 64 = 63, NULL, ${expression}) FROM range(${rows}) AS t(i)`;

test.each<[string, ValueType, string, (row: number) => unknown, boolean]>([
  ['int32', int32(), '1000 - i', (row) => 1000 - row, false],
  ['int64', int64(), '(i - 9) * 3000000000', (row) => (row - 9) * 3e9, false],
  ['float32', float32(), 'i / 3', (row) => Math.fround(row / 3), false],
  ['float64', float64(), 'i / 3', (row) => row / 3, false],
  [
    'timestamp',
    timestamp(),
    "TIMESTAMPTZ '1970-01-01 00:00:00+00' + to_microseconds(i - 5)",
    (row) => BigInt(row - 5),
    false,
  ],
  ['bool', bool(), 'i % 3 = 0', (row) => row % 3 === 0, true],
  ['string', string(), "'é' || i", (row) => `é${row}`, true],
  ['bytes', bytes(), "'a'::BLOB", () => Uint8Array.of(97), true],
  ['list', list(int64()), '[i, NULL]', (row) => [row, null], true],
])('reads %s, nulls included', async (_, type, expression, expected, oneByOne) => {
  const found = await read(type, ofEachRow(expression));
  expect(found.values).toEqual(Array.from({ length: rows }, (_, row) => (isNull(row) ? null : expected(row))));
  // Fixed widths are read from memory; should a release of the driver keep them elsewhere, this says so.
  expect(found.oneByOne).toBe(oneByOne);
});

test.each<[string, ValueType, string, unknown[]]>([
  [
    'int64',
    int64(),
    'VALUES (9007199254740991), (9007199254740992), (-9223372036854775808)',
    [2 ** 53 - 1, 2n ** 53n, -(2n ** 63n)],
  ],
  ['float64', float64(), "VALUES ('nan'), ('-0.0'), ('-inf')", [Number.NaN, -0, Number.NEGATIVE_INFINITY]],
  ['timestamp', timestamp(), "VALUES ('infinity'), ('0001-01-01 00:00:00+00')", [2n ** 63n - 1n, -62135596800000000n]],
])('reads the extremes of %s exactly', async (_, type, sql, expected) => {
  expect((await read(type, sql)).values).toEqual(expected);
});

test('reads a column without rows', async () => {
  expect(await read(int32(), 'SELECT 1 WHERE false')).toEqual({ values: [], oneByOne: false });
});
