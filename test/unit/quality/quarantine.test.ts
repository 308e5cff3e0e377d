import { existsSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../../src/config.js';
import { acceptedValues, between, matches, notNull, unique } from '../../../src/definitions/expectations.js';
import { DataError, DefinitionError } from '../../../src/errors.js';
import { lit } from '../../../src/lake/index.js';
import { insertQuarantined, splitQuarantine } from '../../../src/quality/index.js';
import { openStaging, type Staging } from './staging.js';

let staging: Staging;
beforeAll(async () => {
  staging = await openStaging();
});
afterAll(() => staging.close());

const aside = { severity: 'quarantine' } as const;
const rules = [
  notNull('v', aside),
  between('v', 0, 100, aside),
  unique(['k'], aside),
  acceptedValues('s', ['a', 'b'], { severity: 'error' }),
];

const goodFile = () => path.join(staging.folder, 'split', 'good.parquet');
const read = (file: string, what = '*') =>
  staging.session.all<Record<string, unknown>>(`SELECT ${what} FROM read_parquet(${lit(file)}) ORDER BY ALL`);

describe('splitQuarantine', () => {
  /** 100 good rows and five that break rules: k 7 twice (one of them out of range too), a null, a NaN, one too large. */
  const mixed = `SELECT i::BIGINT AS k, i::DOUBLE AS v, 'a' AS s FROM range(100) AS r(i)
    UNION ALL SELECT 7, -1, 'a' UNION ALL SELECT 1001, NULL, 'b' UNION ALL SELECT 1002, 'NaN'::DOUBLE, 'c'
    UNION ALL SELECT 1003, 101, NULL`;

  it('sets each bad row aside once with all rules it breaks, keeps the rest', async () => {
    const file = await staging.write('mixed', mixed);
    const split = await splitQuarantine(staging.session, { file, expectations: rules, goodFile: goodFile() });
    expect(split).toMatchObject({
      rows: 104,
      good: 99,
      bad: 5,
      quarantined: [
        { rule: 'notNull(v)', rows: 1 },
        { rule: 'between(v, 0, 100)', rows: 3 },
        { rule: 'unique(k)', rows: 2 },
      ],
    });
    const bad = await read(split.badFile ?? '', 'k, s, _broken_rules');
    expect(bad).toEqual([
      { k: 7n, s: 'a', _broken_rules: ['between(v, 0, 100)', 'unique(k)'] },
      { k: 7n, s: 'a', _broken_rules: ['unique(k)'] },
      { k: 1001n, s: 'b', _broken_rules: ['notNull(v)'] },
      { k: 1002n, s: 'c', _broken_rules: ['between(v, 0, 100)'] },
      { k: 1003n, s: null, _broken_rules: ['between(v, 0, 100)'] },
    ]);
    const good = await read(goodFile());
    expect(good).toHaveLength(99);
    expect(Object.keys(good[0] ?? {})).toEqual(['k', 'v', 's']);
    expect(good.some(({ k }) => k === 7n)).toBe(false);
  });

  it('is the same when it runs again, and forgets the bad rows of an earlier input', async () => {
    const file = await staging.write('mixed', mixed);
    const request = { file, expectations: rules, goodFile: goodFile() };
    const first = await splitQuarantine(staging.session, request);
    expect(await splitQuarantine(staging.session, request)).toEqual(first);
    const clean = await staging.write('mixed', `SELECT * FROM (${mixed}) WHERE k BETWEEN 20 AND 90`);
    const again = await splitQuarantine(staging.session, { ...request, file: clean });
    expect(again).toMatchObject({ rows: 71, good: 71, bad: 0 });
    expect(again.badFile).toBeUndefined();
    expect(existsSync(first.badFile ?? '')).toBe(false);
  });

  it('passes everything through without a quarantine rule, and an empty file', async () => {
    const file = await staging.write('mixed', mixed);
    const request = { file, expectations: [notNull('v')], goodFile: goodFile() };
    expect(await splitQuarantine(staging.session, request)).toEqual({ rows: 104, good: 104, bad: 0, quarantined: [] });
    const empty = await staging.write('empty', `SELECT * FROM (${mixed}) WHERE false`);
    const none = await splitQuarantine(staging.session, { ...request, file: empty, expectations: rules });
    expect(none).toMatchObject({ rows: 0, good: 0, bad: 0 });
    expect(await read(goodFile())).toEqual([]);
  });

  it('refuses more than the allowed share and writes no file', async () => {
    const share = (bad: number) =>
      `SELECT i AS k, CASE WHEN i < ${bad} THEN NULL ELSE 1 END::DOUBLE AS v, 'a' AS s FROM range(1000) AS r(i)`;
    const most = limits.quarantineShareMax * 1000;
    const target = path.join(staging.folder, 'refused', 'good.parquet');
    const file = await staging.write('share', share(most + 1));
    const refused = splitQuarantine(staging.session, { file, expectations: rules, goodFile: target });
    await expect(refused).rejects.toThrow(DataError);
    await expect(refused).rejects.toThrow(
      /101 of 1000 rows break quarantine rules, more than 10%: notNull\(v\): 101 rows/,
    );
    expect(existsSync(path.dirname(target))).toBe(false);
    const allowed = await staging.write('share', share(most));
    const split = await splitQuarantine(staging.session, { file: allowed, expectations: rules, goodFile: target });
    expect(split).toMatchObject({ good: 900, bad: 100 });
  });

  it('names a bad pattern and a missing column', async () => {
    const file = await staging.write('mixed', mixed);
    const split = (rule: Parameters<typeof splitQuarantine>[1]['expectations'][number]) =>
      splitQuarantine(staging.session, { file, expectations: [rule], goodFile: goodFile() });
    await expect(split(matches('s', '[', aside))).rejects.toThrow(DefinitionError);
    await expect(split(notNull('nope', aside))).rejects.toThrow(DataError);
    await expect(split(between('s', 0, 1, aside))).rejects.toThrow(/column "s" is VARCHAR/);
  });

  it('good + bad = read, and what is bad is what plain JavaScript finds', async () => {
    const row = fc.record({
      k: fc.option(fc.integer({ min: 0, max: 400 })),
      v: fc.option(fc.constantFrom(-1, 0, 50, 100, 100.5, Number.NaN), { freq: 20 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 40 }), async (rows) => {
        // Padding keeps the share of bad rows below the limit; its keys are far from the generated ones.
        const literals = rows.map(
          ({ k, v }) => `(${k ?? 'NULL'}, ${Number.isNaN(v) ? "'NaN'" : (v ?? 'NULL')}::DOUBLE)`,
        );
        const own = literals.length === 0 ? '' : ` UNION ALL SELECT * FROM (VALUES ${literals.join(', ')}) AS t(k, v)`;
        const file = await staging.write(
          'random',
          `SELECT 1000 + i AS k, 1.0::DOUBLE AS v FROM range(600) AS r(i)${own}`,
        );
        const split = await splitQuarantine(staging.session, {
          file,
          expectations: rules.slice(0, 3),
          goodFile: goodFile(),
        });
        const isBad = ({ k, v }: (typeof rows)[number]) =>
          v === null || !(v >= 0 && v <= 100) || rows.filter((other) => other.k === k).length > 1;
        expect(split.rows).toBe(600 + rows.length);
        expect(split.good + split.bad).toBe(split.rows);
        expect(split.bad).toBe(rows.filter(isBad).length);
        expect(await read(goodFile())).toHaveLength(split.good);
      }),
      { numRuns: 30 },
    );
  });
});

describe('insertQuarantined', () => {
  const odd = `SELECT i::BIGINT AS k, 'x' AS s, 1.0::DOUBLE AS v, 0.1::FLOAT AS f, '\\x00\\xFF'::BLOB AS raw,
      make_timestamptz(1600000000123456) AS t, [1.5, 2]::FLOAT[] AS l, i % 2 = 0 AS b FROM range(100) AS r(i)
    UNION ALL SELECT 9007199254740993, 'it''s "quoted"', 'NaN'::DOUBLE, 'inf'::FLOAT, NULL, 'infinity'::TIMESTAMPTZ, ['nan'::FLOAT], NULL`;

  it('puts rows into the lake as JSON every parser reads, in the caller’s transaction', async () => {
    const file = await staging.write('odd', odd);
    const { badFile } = await splitQuarantine(staging.session, {
      file,
      expectations: rules.slice(0, 2),
      goodFile: goodFile(),
    });
    const rowsOf = (run: string) =>
      staging.lake.all<{ view_name: string; rule: string; row: string }>(
        `SELECT view_name, rule, row FROM ${staging.lake.system('quarantine')} WHERE run_id = $1`,
        [run],
      );
    const insert = (runId: string, after?: () => never) =>
      staging.lake.transaction({ message: 'test' }, async (session) => {
        const rows = await insertQuarantined(session, staging.lake, { runId, view: 'v1', badFile: badFile ?? '' });
        after?.();
        return rows;
      });
    expect((await insert('run-1')).result).toBe(1);
    const [kept] = await rowsOf('run-1');
    expect(kept).toMatchObject({ view_name: 'v1', rule: 'between(v, 0, 100)' });
    expect(JSON.parse(kept?.row ?? '')).toEqual({
      k: '9007199254740993',
      s: 'it\'s "quoted"',
      v: 'NaN',
      f: 'Infinity',
      raw: null,
      t: 'infinity',
      l: ['NaN'],
      b: null,
    });
    const rolledBack = insert('run-2', () => {
      throw new DataError('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    expect(await rowsOf('run-2')).toEqual([]);
  });
});
