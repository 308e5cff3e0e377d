import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  acceptedValues,
  between,
  type Expectation,
  matches,
  missingRatio,
  notNull,
  rowCount,
  unique,
} from '../../../src/definitions/expectations.js';
import { DataError, DefinitionError } from '../../../src/errors.js';
import { evaluateExpectations } from '../../../src/quality/index.js';
import { bool, bytes, float32, float64, int32, int64, type Schema, string, timestamp } from '../../../src/types.js';
import { openStaging, type Staging } from './staging.js';

let staging: Staging;
beforeAll(async () => {
  staging = await openStaging();
});
afterAll(() => staging.close());

const columns: Schema = {
  k: int64(),
  i: int32(),
  f: float32(),
  d: float64(),
  s: string(),
  b: bool(),
  t: timestamp(),
  raw: bytes(),
};

/** Ten rows; every column has one null except k. */
const tenRows = `SELECT k::BIGINT AS k, nullif(k, 9)::INTEGER AS i, nullif(k, 9)::FLOAT / 10 AS f,
  CASE k WHEN 0 THEN 'NaN'::DOUBLE WHEN 1 THEN 'inf'::DOUBLE WHEN 2 THEN '-inf'::DOUBLE WHEN 9 THEN NULL ELSE k END AS d,
  CASE k WHEN 9 THEN NULL ELSE 'driver-' || (k % 3) END AS s, nullif(k, 9) < 5 AS b,
  make_timestamptz(1600000000000000 + k * 1000000) AS t, 'ab'::BLOB AS raw FROM range(10) AS r(k)`;

async function judge(sql: string, ...expectations: Expectation[]) {
  const file = await staging.write('judged', sql);
  return evaluateExpectations(staging.session, { file, expectations, columns });
}

async function one(sql: string, expectation: Expectation) {
  const [result] = await judge(sql, expectation);
  if (result === undefined) throw new Error('no result');
  return result;
}

describe('each rule, on ten rows with known answers', () => {
  const cases: [Expectation, failed: number, observed: unknown][] = [
    [notNull('k'), 0, 0],
    [notNull('i'), 1, 0.1],
    [between('i', 0, 8), 0, '0..8'],
    [between('i', 1, 7), 2, '0..8'],
    [between('i', 0.5, 7.5), 2, '0..8'],
    [between('i', Number.NEGATIVE_INFINITY, 7), 1, '0..8'],
    [between('d', 3, 8), 3, '-Infinity..NaN'],
    [between('d', Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY), 1, '-Infinity..NaN'],
    [acceptedValues('s', ['driver-0', 'driver-1']), 3, 0.3],
    [acceptedValues('i', [0, 1, 2, 1.5, 2 ** 40]), 6, 0.6],
    [acceptedValues('f', [0, 0.1, 0.2]), 6, 0.6],
    [acceptedValues('b', [true]), 4, 0.4],
    [acceptedValues('s', []), 9, 0.9],
    [matches('s', 'driver-[01]'), 3, 0.3],
    [matches('s', 'driver'), 9, 0.9],
    [unique('k'), 0, 0],
    [unique(['s', 'b']), 6, 0.6],
    [unique('raw'), 10, 1],
    [missingRatio('i', { below: 0.2 }), 1, 0.1],
    [missingRatio('i', { below: 0.1 }), 1, 0.1],
    [rowCount({ min: 10, max: 10 }), 0, 10],
    [rowCount({ min: 13 }), 3, 10],
    [rowCount({ max: 4 }), 6, 10],
  ];

  it('counts, observes and judges in one go', async () => {
    const results = await judge(tenRows, ...cases.map(([e]) => e));
    expect(results.map(({ failed, observed, checked }) => [failed, observed, checked])).toEqual(
      cases.map(([, failed, observed]) => [failed, observed, 10]),
    );
    const passes = results.filter(({ rule, failed, passed }) => rule !== 'missing_ratio' && passed !== (failed === 0));
    expect(passes).toEqual([]);
    expect(results.filter(({ rule }) => rule === 'missing_ratio').map(({ passed }) => passed)).toEqual([true, false]);
  });

  it('says rule, columns and severity', async () => {
    const result = await one(tenRows, between('i', 0, 8, { severity: 'warn', tolerate: 0.25 }));
    expect(result).toMatchObject({
      expectation: 'between(i, 0, 8)',
      rule: 'between',
      columns: ['i'],
      severity: 'warn',
      tolerate: 0.25,
      passed: true,
      examples: [],
    });
    expect((await one(tenRows, notNull('k'))).severity).toBe('error');
  });
});

describe('values that compare badly', () => {
  it('takes float32 bounds and values as the column keeps them', async () => {
    const sql = `SELECT v::FLOAT AS f FROM (VALUES (0.1), (0.2), (0.3)) AS t(v)`;
    expect(await judge(sql, between('f', 0.1, 0.3), acceptedValues('f', [0.1, 0.2, 0.3]))).toMatchObject([
      { failed: 0 },
      { failed: 0 },
    ]);
    expect(await one(sql, between('f', 0.1, 0.29))).toMatchObject({ failed: 1 });
  });

  it('tells neighbours beyond 2^53 apart', async () => {
    const sql = `SELECT v::BIGINT AS k FROM (VALUES (9007199254740992), (9007199254740993)) AS t(v)`;
    expect(await one(sql, between('k', 0, 9007199254740992))).toMatchObject({ failed: 1 });
    expect(await one(sql, between('k', -1e300, 1e300))).toMatchObject({ failed: 0 });
  });
});

describe('tolerate', () => {
  const rows = (n: number, bad: number) =>
    `SELECT i::BIGINT AS k, CASE WHEN i < ${bad} THEN NULL ELSE i END::INTEGER AS i FROM range(${n}) AS r(i)`;
  it.each([
    [100, 29, 0.29, true],
    [100, 30, 0.29, false],
    [100, 7, 0.07, true],
    [3, 1, 1 / 3, true],
    [1, 1, 1, true],
    [1000, 1, 0.0009, false],
  ])('of %i rows %i bad, tolerated %d', async (n, bad, tolerate, passed) => {
    expect(await one(rows(n, bad), notNull('i', { tolerate }))).toMatchObject({ failed: bad, passed });
  });
});

describe('an empty file', () => {
  it('passes rules about rows and is judged by row_count', async () => {
    const results = await judge(
      `SELECT * FROM (${tenRows}) WHERE false`,
      notNull('k'),
      between('i', 0, 1),
      unique('k'),
      missingRatio('i', { below: 0.01 }),
      rowCount({ min: 1 }),
      rowCount({ max: 10 }),
    );
    expect(results.map(({ passed, checked, observed }) => [passed, checked, observed])).toEqual([
      [true, 0, null],
      [true, 0, null],
      [true, 0, null],
      [true, 0, null],
      [false, 0, 0],
      [true, 0, 0],
    ]);
  });
});

describe('examples', () => {
  it('are the first broken rows, JSON-safe, at most ten, the rule’s columns first', async () => {
    const { examples } = await one(tenRows, between('d', 5, 6));
    expect(examples).toHaveLength(7);
    expect(Object.keys(examples[0] ?? {})).toEqual(['d', 'k', 'i', 'f', 's', 'b', 't', 'raw']);
    expect(examples.map(({ d }) => d)).toEqual(['NaN', 'Infinity', '-Infinity', 3, 4, 7, 8]);
    expect(examples[1]).toMatchObject({ k: 1, f: 0.1, b: true, t: '2020-09-13T12:26:41Z', raw: '0x6162' });
    expect(JSON.parse(JSON.stringify(examples))).toEqual(examples);
    const many = `SELECT k::BIGINT AS k, NULL::INTEGER AS i FROM range(5000) AS r(k)`;
    expect((await one(many, notNull('i'))).examples.map(({ k }) => k)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('of unique stand side by side, nulls agreeing with nulls', async () => {
    const sql = `SELECT v AS s, row_number() OVER () AS k FROM (VALUES ('b'), (NULL), ('a'), ('b'), ('c'), (NULL)) AS t(v)`;
    const { failed, examples } = await one(sql, unique('s'));
    expect(failed).toBe(4);
    expect(examples.map(({ s }) => s)).toEqual(['b', 'b', null, null]);
  });

  it('of a missing ratio are rows that miss it', async () => {
    expect((await one(tenRows, missingRatio('i', { below: 0.05 }))).examples).toMatchObject([{ i: null, k: 9 }]);
  });

  it('cut long texts and keep integers beyond 2^53 and infinite times', async () => {
    const sql = `SELECT repeat('x', 5000) AS s, 9007199254740993::BIGINT AS k, NULL::INTEGER AS i, 'infinity'::TIMESTAMPTZ AS t`;
    const [example] = (await one(sql, notNull('i'))).examples;
    expect(example).toMatchObject({ k: '9007199254740993', t: 'infinity' });
    expect(String(example?.['s']).length).toBe(201);
  });
});

describe('bad rules and files', () => {
  const rejected = async (work: Promise<unknown>) =>
    work.then(
      () => {
        throw new Error('was accepted');
      },
      (error: unknown) => error as DefinitionError,
    );

  it.each([
    [matches('s', '(a'), /expectation matches\(s, \(a\): the pattern is no RE2/],
    [notNull('nope'), /names "nope"/],
    [between('s', 0, 1), /between\(s, 0, 1\): the column is string/],
    [matches('i', 'x'), /matches\(i, x\): the column is int32/],
    [acceptedValues('i', ['1']), /the column is int32, and "1" can't be one of its values/],
    [acceptedValues('t', ['2020-01-01']), /the column is timestamp, and it can't be listed/],
  ])('%j is the definitions’ fault', async (expectation, message) => {
    const error = await rejected(judge(tenRows, expectation));
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.message).toMatch(message);
    expect(error.mend).toBeTruthy();
  });

  it('a file without the column, of another type, or no file is the data’s', async () => {
    for (const sql of ['SELECT 1::BIGINT AS k', "SELECT 'x' AS i"]) {
      const error = await rejected(judge(sql, notNull('i')));
      expect(error).toBeInstanceOf(DataError);
      expect(error.message).toMatch(/column "i"/);
      expect(error.mend).toBeTruthy();
    }
    const request = { file: '/nowhere/x.parquet', expectations: [notNull('i')], columns };
    expect(await rejected(evaluateExpectations(staging.session, request))).toBeInstanceOf(DataError);
  });

  it('stops when it is told to', async () => {
    const file = await staging.write('judged', tenRows);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(
      evaluateExpectations(staging.session, { file, expectations: [notNull('k')], columns, signal }),
    ).rejects.toThrow('enough');
  });
});
