import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataError, DefinitionError } from '../../../src/errors.js';
import { type ColumnProfile, profileFile, sampleRows } from '../../../src/quality/index.js';
import { openStaging, type Staging } from './staging.js';

let staging: Staging;
beforeAll(async () => {
  staging = await openStaging();
});
afterAll(() => staging.close());

async function profile(sql: string) {
  const file = await staging.write('profiled', sql);
  const found = await profileFile(staging.session, { file });
  expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  return found;
}

async function column(sql: string): Promise<ColumnProfile> {
  const [first] = (await profile(sql)).columns;
  if (first === undefined) throw new Error('no column');
  return first;
}

/** Of 1, 2, 2, 3, 10, 0, -4, by the formulas of scipy.stats (bias=False). */
const scipy = { skew: 0.9049766019666673, kurtosis: 2.6889996440014245 };

/** Of the pairs made for 0..99, in plain JavaScript. */
function pearson(pairOf: (i: number) => readonly [number, number] | undefined): number {
  const pairs = Array.from({ length: 100 }, (_, i) => pairOf(i)).filter((pair) => pair !== undefined);
  const mean = (of: (pair: readonly [number, number]) => number) =>
    pairs.reduce((sum, pair) => sum + of(pair), 0) / pairs.length;
  const [x, y] = [mean(([a]) => a), mean(([, b]) => b)];
  const covariance = mean(([a, b]) => (a - x) * (b - y));
  return covariance / Math.sqrt(mean(([a]) => (a - x) ** 2) * mean(([, b]) => (b - y) ** 2));
}

const nothing = { mean: null, stddev: null, quantiles: null, histogram: [] };

describe('by hand', () => {
  it('whole numbers', async () => {
    const found = await column('SELECT v::INTEGER AS v FROM (VALUES (1), (2), (2), (3), (10), (NULL)) AS t(v)');
    expect(found).toMatchObject({ name: 'v', type: 'INTEGER', missing: 1, missingRatio: 1 / 6, nonFinite: 0 });
    expect(found).toMatchObject({ distinct: 4, distinctIsApproximate: false, min: 1, max: 10, mean: 3.6 });
    expect(found.stddev).toBeCloseTo(Math.sqrt(53.2 / 4), 12);
    expect(found.quantiles).toEqual({
      p01: expect.closeTo(1.04, 12),
      p05: expect.closeTo(1.2, 12),
      p25: 2,
      p50: 2,
      p75: 3,
      p95: expect.closeTo(8.6, 12),
      p99: expect.closeTo(9.72, 12),
    });
    expect(found.histogram).toHaveLength(10);
    expect(found.histogram.map(({ count }) => count)).toEqual([1, 2, 1, 0, 0, 0, 0, 0, 0, 1]);
    expect(found.histogram[0]).toEqual({ from: 1, to: 2, count: 1 });
    expect(found.topValues).toEqual([
      { value: 2, count: 2 },
      { value: 1, count: 1 },
      { value: 3, count: 1 },
      { value: 10, count: 1 },
    ]);
  });

  it('numbers with NaN and infinities, counted apart', async () => {
    const sql = `SELECT v::DOUBLE AS v FROM (VALUES ('nan'), ('inf'), ('-inf'), ('0'), ('20'), (NULL)) AS t(v)`;
    const found = await column(sql);
    expect(found).toMatchObject({ missing: 1, nonFinite: 3, distinct: 5, min: 0, max: 20, mean: 10 });
    expect(found.histogram).toHaveLength(20);
    expect(found.histogram.map(({ count }) => count)).toEqual([1, ...Array(18).fill(0), 1]);
    expect(found.histogram.at(-1)).toEqual({ from: 19, to: 20, count: 1 });
    expect(found.topValues.map(({ value }) => value)).toEqual(['-Infinity', 0, 20, 'Infinity', 'NaN']);
  });

  it('times, with and without a zone, and an infinite one', async () => {
    const times = ['2021-01-01 00:00:00', '2021-01-01 12:00:00.5', '2021-01-02 00:00:00', 'infinity'];
    for (const type of ['TIMESTAMPTZ', 'TIMESTAMP']) {
      const found = await column(`SELECT unnest(['${times.join("', '")}'])::${type} AS t`);
      expect(found).toMatchObject({
        min: '2021-01-01T00:00:00Z',
        max: '2021-01-02T00:00:00Z',
        nonFinite: 1,
        mean: null,
      });
      expect(found.quantiles?.p50).toBe('2021-01-01T12:00:00.500Z');
      expect(found.histogram).toHaveLength(20);
      expect(found.histogram[0]).toMatchObject({ from: '2021-01-01T00:00:00.000Z', count: 1 });
      expect(found.topValues[0]).toEqual({ value: '2021-01-01T00:00:00Z', count: 1 });
    }
    expect(await column(`SELECT DATE '2021-03-01' AS d`)).toMatchObject({ min: '2021-03-01', max: '2021-03-01' });
  });

  it('text, booleans, bytes, lists and structs', async () => {
    const found = await profile(
      `SELECT * FROM (VALUES ('b', true, '\\x01\\xFF'::BLOB, [1.5, 2]::FLOAT[], {'a': 1}), ('a', true, '\\x01\\xFF'::BLOB, [1.5, 2]::FLOAT[], {'a': 1}),
        ('b', false, NULL, ['nan'::FLOAT], NULL)) AS t(s, b, raw, l, st)`,
    );
    const [s, b, raw, l, st] = found.columns;
    expect(s).toMatchObject({
      ...nothing,
      min: 'a',
      max: 'b',
      distinct: 2,
      topValues: [
        { value: 'b', count: 2 },
        { value: 'a', count: 1 },
      ],
    });
    expect(b).toMatchObject({
      ...nothing,
      min: false,
      max: true,
      topValues: [
        { value: true, count: 2 },
        { value: false, count: 1 },
      ],
    });
    expect(raw).toMatchObject({ ...nothing, missing: 1, min: null, topValues: [{ value: '0x01ff', count: 2 }] });
    expect(l).toMatchObject({
      ...nothing,
      type: 'FLOAT[]',
      distinct: 2,
      topValues: [
        { value: [1.5, 2], count: 2 },
        { value: ['NaN'], count: 1 },
      ],
    });
    expect(st).toMatchObject({ ...nothing, missing: 1, distinct: 1 });
  });

  it('columns that are all null or constant', async () => {
    const found = await profile(
      `SELECT NULL::DOUBLE AS n, NULL::VARCHAR AS ns, NULL::FLOAT[] AS nl, NULL::TIMESTAMPTZ AS nt, 0.5::DOUBLE AS c, 7::BIGINT AS i,
        'nan'::DOUBLE AS nan, make_timestamptz(0) AS t FROM range(3)`,
    );
    const [n, ns, nl, nt, c, i, nan, t] = found.columns;
    for (const empty of [n, ns, nl, nt]) {
      expect(empty).toMatchObject({
        ...nothing,
        missing: 3,
        missingRatio: 1,
        distinct: 0,
        min: null,
        max: null,
        topValues: [],
      });
    }
    expect(c).toMatchObject({ distinct: 1, mean: 0.5, stddev: 0, histogram: [{ from: 0.5, to: 0.5, count: 3 }] });
    expect(i).toMatchObject({ mean: 7, histogram: [{ from: 7, to: 8, count: 3 }] });
    expect(nan).toMatchObject({ ...nothing, missing: 0, nonFinite: 3, distinct: 1, min: null, max: null });
    expect(t).toMatchObject({ min: '1970-01-01T00:00:00Z', histogram: [{ count: 3 }] });
  });

  it('an empty file', async () => {
    const found = await profile(`SELECT 1::INTEGER AS i, 'x' AS s, now() AS t, [1] AS l WHERE false`);
    expect(found.rows).toBe(0);
    expect(found.columns).toHaveLength(4);
    for (const empty of found.columns) {
      expect(empty).toMatchObject({ ...nothing, missing: 0, missingRatio: 0, distinct: 0, min: null, topValues: [] });
    }
  });

  it('extreme numbers', async () => {
    const found = await profile(
      `SELECT unnest(['-9223372036854775808', '9223372036854775807'])::BIGINT AS i, unnest(['-1.7976931348623157e308', '1.7976931348623157e308'])::DOUBLE AS d,
        unnest(['5e-324', '0'])::DOUBLE AS tiny, unnest(['0', '18446744073709551615'])::UBIGINT AS u,
        unnest(['170141183460469231731687303715884105727', '0'])::HUGEINT AS h, unnest(['1.25', '2.5'])::DECIMAL(10, 2) AS dec`,
    );
    const [i, d, tiny, u, h, dec] = found.columns;
    expect(i).toMatchObject({ min: '-9223372036854775808', max: '9223372036854775807', distinct: 2 });
    expect(d).toMatchObject({ min: -Number.MAX_VALUE, max: Number.MAX_VALUE, mean: 0 });
    expect(d?.stddev).toBe(null);
    expect(tiny).toMatchObject({ min: 0, max: 5e-324 });
    expect(u).toMatchObject({ min: 0, max: '18446744073709551615' });
    expect(dec).toMatchObject({ min: 1.25, max: 2.5, mean: 1.875 });
    for (const each of [i, d, tiny, u, h, dec]) {
      expect(each?.histogram.reduce((sum, { count }) => sum + count, 0)).toBe(2);
    }
  });

  it('shape, zeros and negatives, as scipy has them', async () => {
    const found = await column(
      `SELECT unnest([1, 2, 2, 3, 10, 0, -4])::DOUBLE AS v UNION ALL SELECT unnest(['nan', 'inf', '-inf'])::DOUBLE`,
    );
    expect(found).toMatchObject({ nonFinite: 3, nan: 1, zeros: 1, negatives: 1 });
    expect(found.skewness).toBeCloseTo(scipy.skew, 9);
    expect(found.kurtosis).toBeCloseTo(scipy.kurtosis, 9);
    const huge = await column('SELECT unnest([1, 2, 2, 3, 10, 0, -4]) * 1e300::DOUBLE AS v');
    expect(huge.skewness).toBeCloseTo(scipy.skew, 9);
    const whole = await column('SELECT unnest([1, 2, 2, 3, 10, 0, -4])::BIGINT + 1000000000000000 AS v');
    expect(whole.kurtosis).toBeCloseTo(scipy.kurtosis, 3);
    expect(await column('SELECT unnest([5, 5, 5])::DOUBLE AS v')).toMatchObject({ skewness: null, kurtosis: null });
  });

  it('lengths and empty texts', async () => {
    const found = await column(`SELECT unnest(['', 'ü', 'abc', NULL, '👋🏽']) AS s`);
    expect(found).toMatchObject({ emptyTexts: 1, lengths: { min: 0, mean: 1.5, max: 3 } });
    expect((await column('SELECT NULL::VARCHAR AS s')).lengths).toBeUndefined();
  });

  it('the largest gap between times', async () => {
    const at = (seconds: string) => `SELECT make_timestamptz((${seconds}) * 1000000) AS t`;
    const found = await column(
      `${at('i * 60')} FROM range(1000) AS r(i) WHERE i < 500 OR i >= 560 UNION ALL SELECT 'infinity'::TIMESTAMPTZ`,
    );
    expect(found.largestGap).toEqual({
      seconds: 61 * 60,
      from: '1970-01-01T08:19:00.000Z',
      to: '1970-01-01T09:20:00.000Z',
    });
    // One span of the range is more than a second here, so that gaps of a second are not told apart.
    expect((await column(`${at('i')} FROM range(200000) AS r(i)`)).largestGap).toBeUndefined();
    expect((await column(`${at('7')} FROM range(3)`)).largestGap).toBeUndefined();
    const far = await column(`SELECT unnest(['0001-01-01', '290000-01-01', '2000-01-01'])::TIMESTAMP AS t`);
    expect(far.largestGap).toMatchObject({ from: '2000-01-01T00:00:00.000Z' });
  });

  it('what columns have to do with each other', async () => {
    const file = await staging.write(
      'together',
      `SELECT (i % 7)::BIGINT AS k, i % 5 AS t, i::DOUBLE AS up, (-2 * i)::BIGINT AS down, 3 AS same, 'x' AS s,
        CASE WHEN i % 4 > 0 THEN i * i END AS square, CASE WHEN i % 4 > 1 THEN 1.5e308 * (i % 3 - 1) END::DOUBLE AS huge
        FROM range(100) AS r(i)`,
    );
    const found = await profileFile(staging.session, { file, joinKeys: ['k'], rowKey: ['k', 't'] });
    expect(found.correlations).toMatchObject({ columns: ['t', 'up', 'down', 'square', 'huge'], outOf: 5, rows: 100 });
    const [, , down, square, huge] = found.correlations?.values ?? [];
    expect(down?.[1]).toBeCloseTo(-1, 12);
    expect(square?.[1]).toBeCloseTo(
      pearson((i) => (i % 4 > 0 ? [i, i * i] : undefined)),
      9,
    );
    expect(huge?.[1]).toBeCloseTo(
      pearson((i) => (i % 4 > 1 ? [i, (i % 3) - 1] : undefined)),
      9,
    );
    expect(found.missingTogether).toEqual({
      columns: ['huge', 'square'],
      outOf: 2,
      sets: [
        { columns: ['huge'], rows: 25 },
        { columns: ['huge', 'square'], rows: 25 },
      ],
    });
    expect(found.keyDuplicates).toEqual({ columns: ['k', 't'], keys: 35, rows: 65 });
  });

  it('sample rows are evenly spaced, whole and the same each time', async () => {
    const file = await staging.write('sampled', `SELECT i AS n, repeat('x', 500) AS s FROM range(1000) AS r(i)`);
    const found = await sampleRows(staging.session, { file, rows: 1000, columns: ['n', 's'] });
    expect(found.rows.map(({ n }) => n)).toEqual(Array.from({ length: 20 }, (_, at) => Math.round((at * 999) / 19)));
    expect(found.rows[0]?.['s']).toBe(`${'x'.repeat(120)}…`);
    const wide = await staging.write('wide-sample', `SELECT ${Array.from({ length: 130 }, (_, c) => `${c} AS c${c}`)}`);
    const names = Array.from({ length: 130 }, (_, c) => `c${c}`);
    const few = await sampleRows(staging.session, { file: wide, rows: 1, columns: names });
    expect(few).toMatchObject({ outOf: 130, rows: [{ c0: 0, c99: 99 }] });
    expect(few.columns).toHaveLength(100);
    expect((await sampleRows(staging.session, { file: wide, rows: 0, columns: names })).rows).toEqual([]);
  });

  it('huge texts are cut', async () => {
    const found = await column(`SELECT repeat('ü', 3000000) || i AS s FROM range(3) AS r(i)`);
    expect(found.distinct).toBe(3);
    for (const value of [found.min, found.max, ...found.topValues.map((top) => top.value)]) {
      expect(value).toBe(`${'ü'.repeat(120)}…`);
    }
  });

  it('odd column names', async () => {
    const found = await profile(
      `SELECT 1 AS "a""b", 2 AS "<script>", 3 AS "it's", 4 AS "v", 5 AS "n", 6 AS "s", 7 AS "select"`,
    );
    expect(found.columns.map(({ name, min }) => [name, min])).toEqual([
      ['a"b', 1],
      ['<script>', 2],
      ["it's", 3],
      ['v', 4],
      ['n', 5],
      ['s', 6],
      ['select', 7],
    ]);
  });

  it('only the columns asked for, more than fit one statement', async () => {
    const many = Array.from({ length: 40 }, (_, index) => `${index} + i AS c${index}`).join(', ');
    const file = await staging.write('wide', `SELECT ${many} FROM range(5) AS r(i)`);
    const all = await profileFile(staging.session, { file });
    expect(all.columns.map(({ name, max }) => [name, max])).toEqual(
      Array.from({ length: 40 }, (_, index) => [`c${index}`, index + 4]),
    );
    const some = await profileFile(staging.session, { file, columns: ['c7', 'c3'] });
    expect(some.columns.map(({ name }) => name)).toEqual(['c7', 'c3']);
    await expect(profileFile(staging.session, { file, columns: ['nope'] })).rejects.toThrow(DefinitionError);
    await expect(profileFile(staging.session, { file: `${file}.not` })).rejects.toThrow(DataError);
  });
});

describe('a file above a million rows', () => {
  it('estimates what would take too much memory and says so, counts the rest', async () => {
    const sql = `SELECT i AS k, 'driver-' || i AS s, (i % 50)::INTEGER AS g, CASE WHEN i % 3 = 0 THEN 'often' ELSE 'v' || i END AS heavy
      FROM range(1200000) AS r(i)`;
    const found = await profile(sql);
    const [k, s, g, heavy] = found.columns;
    expect(found.quantilesAreApproximate).toBe(true);
    for (const many of [k, s]) {
      expect(many?.distinctIsApproximate).toBe(true);
      expect(Math.abs((many?.distinct ?? 0) / 1_200_000 - 1)).toBeLessThan(0.2);
    }
    expect(g).toMatchObject({ distinct: 50, distinctIsApproximate: false });
    expect(g?.topValues[0]).toEqual({ value: 0, count: 24000 });
    expect(heavy?.topValues[0]).toEqual({ value: 'often', count: 400000 });
    expect(Math.abs(Number(k?.quantiles?.p50) / 600_000 - 1)).toBeLessThan(0.02);
    expect(k?.histogram.map(({ count }) => count)).toEqual(Array(20).fill(60000));
  });
});

describe('against plain JavaScript', () => {
  const quantile = (sorted: number[], share: number) => {
    const place = (sorted.length - 1) * share;
    const low = sorted[Math.floor(place)] ?? 0;
    return low + ((sorted[Math.ceil(place)] ?? low) - low) * (place - Math.floor(place));
  };
  const number = fc.option(
    fc.oneof(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.integer({ min: -3, max: 3 }),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    ),
  );
  const literal = (v: number | null) => (v === null ? '(NULL::DOUBLE)' : `('${v}'::DOUBLE)`);

  it('every figure of a column of doubles', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(number, { minLength: 1, maxLength: 60 }), async (given) => {
        const values = given.map((v) => (v === null ? null : v + 0));
        const found = await column(`SELECT * FROM (VALUES ${values.map(literal).join(', ')}) AS t(v)`);
        const present = values.filter((v) => v !== null);
        const finite = present.filter(Number.isFinite).sort((a, b) => a - b);
        const counts = new Map<number, number>();
        for (const v of present) counts.set(v, (counts.get(v) ?? 0) + 1);
        expect(found.missing).toBe(values.length - present.length);
        expect(found.nonFinite).toBe(present.length - finite.length);
        expect(found.distinct).toBe(counts.size);
        expect(found.topValues.map(({ count }) => count)).toEqual(
          [...counts.values()].sort((a, b) => b - a).slice(0, 10),
        );
        for (const { value, count } of found.topValues) expect(counts.get(Number(value))).toBe(count);
        if (finite.length === 0) {
          expect(found).toMatchObject({ ...nothing, min: null, max: null });
          return;
        }
        const close = (expected: number) => expect.closeTo(expected, 4);
        const mean = finite.reduce((sum, v) => sum + v, 0) / finite.length;
        const squares = finite.reduce((sum, v) => sum + (v - mean) ** 2, 0);
        expect(found.min).toBe(finite[0]);
        expect(found.max).toBe(finite.at(-1));
        expect(found.mean).toEqual(close(mean));
        expect(found.stddev).toEqual(finite.length < 2 ? null : close(Math.sqrt(squares / (finite.length - 1))));
        expect(found.quantiles).toEqual({
          p01: close(quantile(finite, 0.01)),
          p05: close(quantile(finite, 0.05)),
          p25: close(quantile(finite, 0.25)),
          p50: close(quantile(finite, 0.5)),
          p75: close(quantile(finite, 0.75)),
          p95: close(quantile(finite, 0.95)),
          p99: close(quantile(finite, 0.99)),
        });
        const bins = found.histogram;
        expect(bins.length).toBeLessThanOrEqual(20);
        expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(finite.length);
        // A value within rounding of an edge may lie on either side of it, so each edge is compared with that much slack.
        const slack = 1e-9 * Math.max(1, Math.abs(finite[0] ?? 0), Math.abs(finite.at(-1) ?? 0));
        let before = 0;
        for (const { to, count } of bins.slice(0, -1)) {
          before += count;
          expect(before).toBeGreaterThanOrEqual(finite.filter((v) => v < Number(to) - slack).length);
          expect(before).toBeLessThanOrEqual(finite.filter((v) => v < Number(to) + slack).length);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('the bins of whole numbers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { minLength: 1, maxLength: 30 }),
        fc.bigInt({ min: 1n, max: 2n ** 62n }),
        async (given, divisor) => {
          const values = given.map((v) => v / divisor);
          const found = await column(
            `SELECT * FROM (VALUES ${values.map((v) => `('${v}'::BIGINT)`).join(', ')}) AS t(v)`,
          );
          expect(found.histogram.length).toBeLessThanOrEqual(20);
          for (const { from, to, count } of found.histogram) {
            expect(values.filter((v) => v >= BigInt(from) && v < BigInt(to))).toHaveLength(count);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
