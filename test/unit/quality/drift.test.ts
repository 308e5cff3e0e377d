import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CompareRequest, compareSamples } from '../../../src/quality/drift/compare-samples.js';
import { chiSquared, jensenShannonFloor, stabilityFloor, stabilityIndex } from '../../../src/quality/drift/counts.js';
import type { Sample } from '../../../src/quality/drift/samples.js';
import type { ColumnDrift } from '../../../src/quality/index.js';
import {
  bool,
  bytes,
  float32,
  float64,
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

const sample = (sql: string): Sample => ({ from: () => `(${sql})`, values: [] });
const compare = (current: string, reference: string, columns: Schema, more: Partial<CompareRequest> = {}) =>
  compareSamples(staging.session, {
    samples: { current: sample(current), reference: sample(reference) },
    columns,
    ...more,
  });

async function one(current: string, reference: string, type: ValueType): Promise<ColumnDrift> {
  const { columns } = await compare(current, reference, { v: type });
  const [column] = columns;
  if (column === undefined) throw new Error('no column');
  return column;
}

/** The values of an expression over i = 0, 1, …, in an order that has nothing to do with them. */
const rows = (count: number, expression: string): string => `SELECT ${expression} AS v FROM range(${count}) AS t(i)`;

describe('what can be compared', () => {
  it('NaN and infinities are left out and counted, as nulls are', async () => {
    const odd =
      "CASE WHEN i < 3 THEN 'NaN'::DOUBLE WHEN i < 5 THEN 'inf'::DOUBLE WHEN i < 6 THEN '-inf'::DOUBLE WHEN i < 10 THEN NULL ELSE i END";
    const found = await one(rows(110, odd), rows(100, 'i + 10.0::DOUBLE'), float64());
    expect(found).toMatchObject({ method: 'ks', statistic: 0, pValue: 1, drifted: false, currentRows: 100 });
    expect(found.note).toBe('left out of this run: 4 nulls, 6 NaN or infinite values');
  });

  it.each([
    ['an empty batch', rows(0, 'i::DOUBLE'), rows(10, 'i::DOUBLE'), 'this run has no value to compare'],
    ['an empty reference', rows(10, 'i::DOUBLE'), rows(0, 'i::DOUBLE'), 'the reference has no value to compare'],
    [
      'nulls only',
      rows(10, 'NULL::DOUBLE'),
      rows(10, 'i::DOUBLE'),
      'this run has no value to compare; left out of this run: 10 nulls',
    ],
    ['NaN only', rows(10, "'NaN'::DOUBLE"), rows(10, 'i::DOUBLE'), 'this run has no value to compare'],
  ])('%s', async (_, current, reference, note) => {
    const found = await one(current, reference, float64());
    expect(found).toMatchObject({ method: null, statistic: null, pValue: null, adjustedPValue: null, psi: null });
    expect(found).toMatchObject({ drifted: false, overlay: null, note });
  });

  it('lists and bytes are not', async () => {
    const both = 'SELECT [1.0::FLOAT] AS l, \'x\'::BLOB AS b, 1::BIGINT AS "say ""hi"" <b>" FROM range(20)';
    const {
      columns,
      rows: now,
      referenceRows,
    } = await compare(both, both, {
      l: list(float32()),
      b: bytes(),
      'say "hi" <b>': int64(),
    });
    expect(columns.map(({ column, method, note }) => [column, method, note])).toEqual([
      ['l', null, 'lists are not compared'],
      ['b', null, 'bytes are not compared'],
      ['say "hi" <b>', 'chi_squared', undefined],
    ]);
    expect([now, referenceRows]).toEqual([20, 20]);
  });

  it('history from before a type was widened', async () => {
    const found = await one(rows(50, 'i::DOUBLE / 10'), rows(50, '(i::DOUBLE / 10)::FLOAT'), float64());
    expect(found.pValue).toBeGreaterThan(0.99);
  });

  it('constants: the same one, another one, and one that is none any more', async () => {
    const seven = rows(2_000, '7::DOUBLE');
    expect(await one(seven, seven, float64())).toMatchObject({
      method: 'jensen_shannon',
      statistic: 0,
      drifted: false,
    });
    expect(await one(rows(2_000, '8::DOUBLE'), seven, float64())).toMatchObject({ statistic: 1, drifted: true });
    expect(await one(rows(2_000, '7 + i::DOUBLE / 1000'), seven, float64())).toMatchObject({
      method: 'wasserstein',
      drifted: true,
    });
    expect(await one(rows(10, '7::DOUBLE'), rows(10, '7::DOUBLE'), float64())).toMatchObject({
      method: 'chi_squared',
      pValue: 1,
      drifted: false,
    });
  });

  it('the largest doubles, whose squares and differences are none', async () => {
    const huge = "('1.7e308'::DOUBLE / 50) * (i % 101 - 50)";
    const found = await one(rows(3_000, huge), rows(3_000, huge), float64());
    expect(found).toMatchObject({ method: 'wasserstein', statistic: 0, drifted: false });
    expect(JSON.stringify(found)).not.toContain('null,"to"');
    const moved = await one(rows(3_000, `abs(${huge})`), rows(3_000, huge), float64());
    // Half of all values moved from -x to x: twice the mean of the negative half, over the deviation.
    expect(moved.statistic).toBeCloseTo(0.5 * 2 * (25.5 / Math.sqrt((50 * 51) / 3)), 1);
  });

  it('times, and booleans as two values', async () => {
    const time = (shift: number): string =>
      rows(200, `make_timestamptz(1700000000000000 + (i * 37 % 200 + ${shift}) * 1000000)`);
    const found = await one(time(100), time(0), timestamp());
    expect(found).toMatchObject({ kind: 'numeric', method: 'ks', statistic: 0.5, drifted: true });
    if (found.overlay?.kind !== 'bins') throw new Error('no bins');
    expect(found.overlay.bins[0]?.from).toBe('2023-11-14T22:13:20.000Z');
    expect(found.overlay.bins.at(-1)?.to).toBe('2023-11-14T22:18:19.000Z');
    const yes = await one(rows(100, 'i < 70'), rows(100, 'i < 40'), bool());
    // The pooled Z-test of 70 against 40 of 100.
    expect(yes.statistic).toBeCloseTo(((0.7 - 0.4) / Math.sqrt(0.55 * 0.45 * 0.02)) ** 2, 9);
    expect(yes.overlay).toEqual({
      kind: 'values',
      values: [
        { value: true, current: 0.7, reference: 0.4 },
        { value: false, current: 0.3, reference: 0.6 },
      ],
    });
  });
});

describe('columns of many different strings', () => {
  it('a million of them: the frequent ones and all others together', async () => {
    const ids = (from: number): string =>
      rows(1_000_000, `CASE WHEN i % 10 = 0 THEN 'often' ELSE 'id-' || (i + ${from}) END`);
    const found = await one(ids(5_000_000), ids(0), string());
    expect(found).toMatchObject({ method: 'jensen_shannon', drifted: false, psi: { bins: 201 } });
    expect(found.statistic).toBeLessThan(0.02);
    expect(found.note).toBe('1800001 different values: the 200 most frequent and all others together were compared');
    if (found.overlay?.kind !== 'values') throw new Error('no values');
    expect(found.overlay.values[0]).toMatchObject({ value: 'often', current: 0.1, reference: 0.1 });
    expect(found.overlay.values.at(-1)?.value).toBeUndefined();
    const sum = found.overlay.values.reduce((total, { current }) => total + current, 0);
    expect(sum).toBeCloseTo(1, 9);
  }, 60_000);

  it('ids that are all new are no drift, a new frequent value is', async () => {
    const small = (expression: string): string => rows(500, expression);
    const before = small("'id-' || i");
    expect((await one(small("'id-' || (i + 5000)"), before, string())).drifted).toBe(false);
    expect((await one(small("CASE WHEN i < 200 THEN 'unknown' ELSE 'id-' || i END"), before, string())).drifted).toBe(
      true,
    );
  });
});

describe('many columns', () => {
  /** A hundred clean columns: a few of them look as if they had moved. */
  const clean = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`c${n}`, float64()]));
  const noise = (seed: number, count: number): string =>
    `SELECT ${Object.keys(clean)
      .map((name, n) => `(hash(i * 1000 + ${n} + ${seed}) % 1000003)::DOUBLE AS ${name}`)
      .join(', ')} FROM range(${count}) AS t(i)`;

  it('p-values are corrected for how many there are', async () => {
    const done: number[] = [];
    const { columns } = await compare(noise(1, 60), noise(77_777_777, 80), clean, {
      onColumn: (count, of) => done.push(count / of),
    });
    const looksMoved = columns.filter(({ pValue }) => (pValue ?? 1) < 0.05);
    expect(looksMoved.length).toBeGreaterThan(0);
    expect(columns.filter(({ drifted }) => drifted)).toEqual([]);
    expect(done.at(-1)).toBe(1);
    for (const { pValue, adjustedPValue } of columns) expect(adjustedPValue).toBeGreaterThanOrEqual(pValue ?? 1);
  }, 60_000);

  it('a small batch beside a large reference is not held to what chance alone brings', async () => {
    const { columns } = await compare(noise(1, 60), noise(77_777_777, 3_000), clean);
    const far = columns.filter(({ statistic }) => (statistic ?? 0) >= 0.1);
    expect(far.length).toBeGreaterThan(50);
    expect(columns.filter(({ drifted }) => drifted)).toEqual([]);
    expect(columns.every(({ threshold }) => threshold > 0.1)).toBe(true);
  }, 60_000);
});

describe('a value that one side has not', () => {
  const counts = [
    { current: 50, reference: 60 },
    { current: 50, reference: 0 },
    { current: 0, reference: 40 },
  ];
  it('counts half a row in the stability index, which stays finite', () => {
    const term = (p: number, q: number): number => (p - q) * Math.log(p / q);
    expect(stabilityIndex(counts)).toBeCloseTo(term(0.5, 0.6) + term(0.5, 0.005) + term(0.005, 0.4), 12);
  });
  it('a value that neither has counts for nothing', () => {
    const more = [...counts, { current: 0, reference: 0 }];
    expect(chiSquared(more)).toEqual(chiSquared(counts));
    expect(stabilityFloor(more, 0.95)).toBe(stabilityFloor(counts, 0.95));
    expect(jensenShannonFloor(more, 0.95)).toBe(jensenShannonFloor(counts, 0.95));
  });
});
