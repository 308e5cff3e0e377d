import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  between,
  type Expectation,
  freshness,
  lengthBetween,
  meanBetween,
  monotonic,
  notNull,
  quantileBetween,
  rowCountChange,
  unique,
} from '../../../src/definitions/expectations.js';
import {
  type EvaluateRequest,
  evaluateExpectations,
  qualityOf,
  splitQuarantine,
  statusOf,
} from '../../../src/quality/index.js';
import { float32, float64, int64, list, type Schema, string, timestamp } from '../../../src/types.js';
import { openStaging, type Staging } from './staging.js';

let staging: Staging;
beforeAll(async () => {
  staging = await openStaging();
});
afterAll(() => staging.close());

const columns: Schema = {
  k: int64(),
  event_timestamp: timestamp(),
  created_timestamp: timestamp(),
  n: int64(),
  f: float32(),
  d: float64(),
  s: string(),
  l: list(int64()),
};

let files = 0;
async function judge(sql: string, expectations: Expectation[], rest: Partial<EvaluateRequest> = {}) {
  files += 1;
  const file = await staging.write(`more_${files}`, sql);
  const request = { file, expectations, columns, joinKeys: ['k'], ...rest };
  return evaluateExpectations(staging.session, request);
}

async function one(sql: string, e: Expectation, rest: Partial<EvaluateRequest> = {}) {
  const [result] = await judge(sql, [e], rest);
  if (result === undefined) throw new Error('no result');
  return result;
}

/** Rows (k, hour, n, created), in that order. */
const events = (...rows: readonly (readonly [k: number, hour: number, n: number | null, created?: number])[]): string =>
  `SELECT k::BIGINT AS k, n::BIGINT AS n, n::DOUBLE AS d, make_timestamptz(hour * 3600000000) AS event_timestamp,
     make_timestamptz(created * 3600000000) AS created_timestamp
   FROM (VALUES ${rows.map(([k, hour, n, created]) => `(${k}, ${hour}::BIGINT, ${n ?? 'NULL'}, ${created ?? 'NULL'}::BIGINT)`).join(', ')}) AS t(k, hour, n, created)`;

const numbers = (...values: readonly (number | null)[]): string =>
  `SELECT v::DOUBLE AS d, TRY_CAST(v AS FLOAT) AS f FROM (VALUES ${values
    .map((v) => (v === null ? '(NULL::DOUBLE)' : Number.isFinite(v) ? `(${v}::DOUBLE)` : `('${v}'::DOUBLE)`))
    .join(', ')}) AS t(v)`;

describe('lengthBetween', () => {
  const texts = `SELECT * FROM (VALUES ('', []::BIGINT[]), ('ab', [1]), ('köln🚕', [1, 2]), (NULL, NULL)) AS t(s, l)`;
  it.each([
    [lengthBetween('s', 0, 5), 0],
    [lengthBetween('s', 1, 4), 2],
    [lengthBetween('s', 2, Number.POSITIVE_INFINITY), 1],
    [lengthBetween('l', 1, 1), 2],
  ])('%j breaks %i', async (e, failed) => {
    expect(await one(texts, e)).toMatchObject({ failed, checked: 4, passed: failed === 0 });
  });
});

describe('meanBetween and quantileBetween', () => {
  it('leave nulls out', async () => {
    expect(await judge(numbers(1, 2, 6, null), [meanBetween('d', 3, 3), meanBetween('d', 0, 2.9)])).toMatchObject([
      { passed: true, failed: 0, observed: 3 },
      { passed: false, failed: 1, observed: 3 },
    ]);
    expect(
      await judge(numbers(1, 2, 3, 4, null), [quantileBetween('d', 0.5, 2.5, 2.5), quantileBetween('f', 1, 0, 3)]),
    ).toMatchObject([
      { passed: true, observed: 2.5 },
      { passed: false, observed: 4 },
    ]);
  });

  it('a NaN or an infinity is never in bounds, and told of', async () => {
    const odd = [meanBetween('d', Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY), quantileBetween('d', 1, 0, 9)];
    expect(await judge(numbers(1, 2, Number.NaN), odd)).toMatchObject([
      { passed: false, observed: 'NaN', note: '1 of the values are NaN or infinite' },
      { passed: false, observed: 'NaN', note: '1 of the values are NaN or infinite' },
    ]);
    expect(await one(numbers(1, Number.POSITIVE_INFINITY), meanBetween('d', 0, 5))).toMatchObject({
      passed: false,
      observed: 'Infinity',
    });
    expect(
      await one(numbers(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY), meanBetween('d', 0, 5)),
    ).toMatchObject({
      passed: false,
      observed: 'NaN',
    });
    // Beyond the highest double, as a sum.
    expect(await one(numbers(1.7e308, 1.7e308), meanBetween('d', 0, 1))).toMatchObject({ passed: false });
  });

  it('pass with a note where there is no value, and judge constant columns as others', async () => {
    const rules = [meanBetween('d', 0, 1), quantileBetween('d', 0.5, 0, 1)];
    for (const sql of [numbers(null, null), `SELECT * FROM (${numbers(1)}) WHERE false`]) {
      for (const result of await judge(sql, rules)) {
        expect(result).toMatchObject({ passed: true, observed: null });
        expect(result.note).toMatch(/d has no values/);
      }
    }
    expect(await judge(numbers(0.5, 0.5, 0.5), rules)).toMatchObject([{ observed: 0.5 }, { observed: 0.5 }]);
  });
});

describe('freshness', () => {
  const at = events([1, 10, 1], [1, 12, 2]);
  const asOf = (hour: number) => ({ asOf: new Date(hour * 3_600_000) });
  it.each([
    [13, true],
    [12.5, true],
    [11, true],
    [13.001, false],
  ])('as of hour %d, of 1 hour at most: %s', async (hour, passed) => {
    const result = await one(at, freshness({ atMost: '1 hour' }), asOf(hour));
    expect(result).toMatchObject({ passed, observed: '1970-01-01T12:00:00.000Z' });
    expect(result.note).toContain('judged as of 1970-01-01T');
  });

  it('counts nothing that is dated in the future', async () => {
    const year2200 = 2_016_168;
    const late = events([1, 10, 1], [1, 12, 2], [2, year2200, 3]);
    const note = '; dated in the future, which counts for nothing: 1 rows';
    expect(await one(late, freshness({ atMost: '1 hour' }), asOf(14))).toMatchObject({
      ...{ passed: false, failed: 1, observed: '1970-01-01T12:00:00.000Z', note: expect.stringContaining(note) },
    });
    expect(await one(late, freshness({ atMost: '2 hours' }), asOf(14))).toMatchObject({ passed: true });
    expect(await one(events([2, year2200, 3]), freshness({ atMost: '1 hour' }), asOf(14))).toMatchObject({
      ...{ passed: false, observed: null, note: expect.stringContaining(note) },
    });
  });

  it('of another column; nothing to judge without values', async () => {
    expect(await one(at, freshness({ atMost: '1 hour', column: 'created_timestamp' }))).toMatchObject({
      passed: true,
      observed: null,
      note: 'created_timestamp has no values, so there is nothing to judge',
    });
  });
});

describe('monotonic', () => {
  it('goes by event time within each entity, whatever the order of the file', async () => {
    const sql = events([1, 3, 30], [2, 1, 5], [1, 1, 10], [1, 2, 20], [2, 2, 4]);
    const result = await one(sql, monotonic('n'));
    expect(result).toMatchObject({ failed: 1, passed: false, observed: 0.2 });
    expect(result.examples).toMatchObject([{ n: 4, k: 2 }]);
    expect(Object.keys(result.examples[0] ?? {}).sort()).toEqual(
      ['created_timestamp', 'd', 'event_timestamp', 'k', 'n'].sort(),
    );
  });

  it('passes nulls over, and only the row after a drop is bad', async () => {
    const sql = events([1, 1, 10], [1, 2, null], [1, 3, 9], [1, 4, 9], [1, 5, 11]);
    expect(await judge(sql, [monotonic('n'), monotonic('n', { strict: true })])).toMatchObject([
      { failed: 1, expectation: 'monotonic(n)' },
      { failed: 2, expectation: 'monotonic(n, strict)' },
    ]);
  });

  it('rows of one time stand in the order they were made, then of their values', async () => {
    expect(await one(events([1, 1, 3, 5], [1, 1, 2, 4]), monotonic('n'))).toMatchObject({ failed: 0 });
    expect(await one(events([1, 1, 2, 5], [1, 1, 3, 4]), monotonic('n'))).toMatchObject({ failed: 1 });
    expect(await one(events([1, 1, 3], [1, 1, 2]), monotonic('n'))).toMatchObject({ failed: 0 });
  });

  it('NaN breaks it, once', async () => {
    const sql = `SELECT * REPLACE (CASE WHEN n = 2 THEN 'NaN'::DOUBLE ELSE d END AS d) FROM (${events([1, 1, 1], [1, 2, 2], [1, 3, 3])})`;
    expect(await one(sql, monotonic('d'))).toMatchObject({ failed: 1, examples: [{ d: 'NaN' }] });
  });

  it('sets the bad rows aside, and no other', async () => {
    const file = await staging.write(
      'falling',
      `SELECT i // 20 AS k, i AS n, make_timestamptz(i) AS event_timestamp
      FROM range(40) AS r(i) UNION ALL SELECT 1, 3, make_timestamptz(100)`,
    );
    const goodFile = file.replace('falling', 'rising');
    const expectations = [notNull('k', { severity: 'quarantine' }), monotonic('n', { severity: 'quarantine' })];
    const split = await splitQuarantine(staging.session, { file, expectations, joinKeys: ['k'], goodFile });
    expect(split).toMatchObject({ rows: 41, good: 40, bad: 1 });
    expect(
      await staging.session.all('SELECT n::INTEGER AS n, _broken_rules[1] AS rule FROM read_parquet($1)', [
        split.badFile,
      ]),
    ).toEqual([{ n: 3, rule: 'monotonic(n)' }]);
  });
});

describe('rowCountChange', () => {
  const change = rowCountChange({ lastRuns: 3, atMost: 0.25 });
  const tenRows = 'SELECT i AS n FROM range(10) AS r(i)';
  it.each([
    [[10, 10, 10], true, /^\+0% against a mean of 10 rows in the last 3 accepted runs/],
    [[8, 8, 8], true, /^\+25%/],
    [[7, 8, 7], false, /^\+36.4% against a mean of 7.3 rows/],
    [[14, 14, 14], false, /^-28.6%/],
    [[0, 0, 0], false, /^from none against a mean of 0 rows/],
    [[10, 10], true, /^2 of 3 accepted runs before this one: nothing to compare with yet/],
    [[], true, /^0 of 3/],
  ])('after %j: %s', async (before, passed, note) => {
    const asked: number[] = [];
    const lastRows = async (runs: number) => {
      asked.push(runs);
      return before;
    };
    const result = await one(tenRows, change, { lastRows });
    expect(result).toMatchObject({ passed, failed: passed ? 0 : 1, checked: 10, observed: 10, examples: [] });
    expect(result.note).toMatch(note);
    expect(asked).toEqual([3]);
  });

  it('judges an empty batch, and one that nobody knows the runs before', async () => {
    const none = `SELECT * FROM (${tenRows}) WHERE false`;
    expect(await one(none, change, { lastRows: async () => [4, 4, 4] })).toMatchObject({ passed: false, observed: 0 });
    expect(await one(none, change, { lastRows: async () => [0, 0, 0] })).toMatchObject({ passed: true });
    expect(await one(tenRows, change)).toMatchObject({ passed: true, note: expect.stringMatching(/^0 of 3/) });
  });
});

describe('thresholds', () => {
  const rows = (n: number, bad: number) =>
    `SELECT i AS k, CASE WHEN i >= ${bad} THEN i END AS n FROM range(${n}) AS r(i)`;
  it.each([
    [notNull('n', { tolerate: '3 rows' }), 3, 'passed'],
    [notNull('n', { tolerate: '3 rows' }), 4, 'failed'],
    [notNull('n', { tolerate: 0.04 }), 4, 'passed'],
    [notNull('n', { severity: 'warn', tolerate: 0.04 }), 5, 'warned'],
    [notNull('n', { severity: 'quarantine' }), 1, 'quarantined'],
    [notNull('n', { warnAbove: 0, errorAbove: 0.05 }), 0, 'passed'],
    [notNull('n', { warnAbove: 0, errorAbove: 0.05 }), 5, 'warned'],
    [notNull('n', { warnAbove: 0, errorAbove: 0.05 }), 6, 'failed'],
    [notNull('n', { warnAbove: '2 rows', errorAbove: '10 rows' }), 2, 'passed'],
    [notNull('n', { warnAbove: '2 rows', errorAbove: '10 rows' }), 3, 'warned'],
    [notNull('n', { warnAbove: '2 rows', errorAbove: 0.5 }), 11, 'warned'],
    [notNull('n', { errorAbove: '1 rows' }), 2, 'failed'],
    [notNull('n', { warnAbove: 0 }), 100, 'warned'],
  ])('%j, %i of 100 rows: %s', async (e, bad, status) => {
    const result = await one(rows(100, bad), e);
    expect(statusOf(result)).toBe(status);
    expect(result.failed).toBe(bad);
    expect(qualityOf([result])).toBe(status === 'quarantined' ? 'warned' : status);
  });
});

describe('odd data', () => {
  it('an empty batch passes all that judge values', async () => {
    const none = `SELECT * FROM (${events([1, 1, 1])}) WHERE false`;
    const rules = [monotonic('n'), freshness({ atMost: '1 hour' }), meanBetween('d', 0, 1), unique('k')];
    expect((await judge(none, rules)).map(({ passed, checked, observed }) => [passed, checked, observed])).toEqual(
      rules.map(() => [true, 0, null]),
    );
  });

  it('a million distinct strings', async () => {
    const sql = `SELECT i AS k, 'driver-' || i AS s, make_timestamptz(i) AS event_timestamp, i AS n FROM range(1000000) AS r(i)`;
    const rules = [unique('s'), lengthBetween('s', 8, 13), monotonic('n'), between('n', 0, 999_999)];
    expect((await judge(sql, rules)).map(({ failed, checked }) => [failed, checked])).toEqual([
      [0, 1_000_000],
      [0, 1_000_000],
      [0, 1_000_000],
      [0, 1_000_000],
    ]);
  });

  it('column names with quotes and HTML', async () => {
    const name = `a"b'c<script>alert(1)</script>`;
    const quoted = `"${name.replaceAll('"', '""')}"`;
    const sql = `SELECT 1::BIGINT AS k, 5::BIGINT AS ${quoted}, make_timestamptz(0) AS event_timestamp
      UNION ALL SELECT 1, 4, make_timestamptz(1)`;
    const odd = { columns: { ...columns, [name]: int64() } };
    const rules = [monotonic(name), meanBetween(name, 0, 1), quantileBetween(name, 0.5, 0, 1), unique(name)];
    expect((await judge(sql, rules, odd)).map(({ failed, observed }) => [failed, observed])).toEqual([
      [1, 0.5],
      [1, 4.5],
      [1, 4.5],
      [0, 0],
    ]);
  });
});
