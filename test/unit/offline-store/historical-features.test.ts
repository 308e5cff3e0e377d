import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FeatureTable } from '../../../src/definitions/feature-table.js';
import { DataError, DefinitionError } from '../../../src/errors.js';
import {
  type HistoricalOutput,
  type HistoricalRequest,
  historicalFeatures,
} from '../../../src/offline-store/historical-features.js';
import { bool, bytes, float64, int64, list, string, timestamp } from '../../../src/types.js';
import { insertRows } from '../../oracle/feature-rows.js';
import { createView, type TempLake, withTempLake } from '../../support/lake.js';

const moment = new Date('2024-01-01T00:00:00Z');
const all: FeatureTable = {
  view: 'all_types',
  generation: 1,
  joinKeys: { k: int64() },
  features: {
    whole: int64(),
    exact: int64({ mode: 'bigint' }),
    ratio: float64(),
    yes: bool(),
    text: string(),
    raw: bytes(),
    at: timestamp(),
    many: list(int64()),
    moments: list(timestamp()),
  },
  ttlMs: 0,
};
const values = {
  whole: 5,
  exact: 9007199254740993n,
  ratio: 0.1,
  yes: true,
  text: 'ü"\'',
  raw: new Uint8Array([0, 255]),
  at: moment,
  many: [1, 2],
  moments: [moment],
};

let temp: TempLake;
let folder: string;
let firstSnapshot: number;
beforeAll(async () => {
  temp = await withTempLake();
  folder = mkdtempSync(path.join(os.tmpdir(), 'asof-training-'));
  await createView(temp.lake, all);
  const row = { event: moment.getTime(), created: null, ingestTime: 1_000, ingestPosition: 1 };
  firstSnapshot = await insertRows(temp.lake, all, [{ ...row, keys: { k: 1 }, values }]);
  await insertRows(temp.lake, all, [{ ...row, keys: { k: 2 }, values: { ...values, whole: 2n ** 60n } }]);
});
afterAll(() => {
  temp.close();
  rmSync(folder, { recursive: true, force: true });
});

const columnsOf = (...names: string[]) => Object.fromEntries(names.map((name) => [name, name]));
const every = columnsOf(...Object.keys(all.features));
const ask = (request: Partial<HistoricalRequest>) =>
  historicalFeatures(temp.lake, {
    selections: [{ table: all, columns: every }],
    entities: {
      type: 'rows',
      rows: [
        { k: 1, event_timestamp: moment },
        { k: 3, event_timestamp: moment },
      ],
    },
    output: { type: 'rows' },
    ...request,
  });

describe('rows', () => {
  it('hold every type as declared', async () => {
    const { rows, features } = await ask({});
    expect(rows?.[0]).toEqual({ k: 1, event_timestamp: moment, ...values });
    expect(rows?.[1]).toEqual({
      k: 3,
      event_timestamp: moment,
      ...Object.fromEntries(Object.keys(values).map((name) => [name, null])),
    });
    expect(features).toMatchObject({ exact: 'int64', moments: 'list<timestamp>' });
  });

  it('never round a whole number', async () => {
    const asked = ask({ entities: { type: 'rows', rows: [{ k: 2, event_timestamp: moment }] } });
    await expect(asked).rejects.toThrow(DataError);
    await expect(asked).rejects.toMatchObject({ mend: expect.stringContaining("mode: 'bigint'") });
  });

  it('come in the order of the request, also from two parts of one view', async () => {
    const { rows } = await ask({
      selections: [
        { table: all, columns: { b: 'yes' } },
        { table: all, columns: { a: 'ratio', c: 'yes' } },
      ],
    });
    expect(rows?.[0]).toEqual({ k: 1, event_timestamp: moment, b: true, a: 0.1, c: true });
    expect(Object.keys(rows?.[0] ?? {})).toEqual(['k', 'event_timestamp', 'b', 'a', 'c']);
  });

  it('can be read as of an earlier snapshot', async () => {
    const request = {
      entities: { type: 'rows', rows: [{ k: 2, event_timestamp: moment }] } as const,
      selections: [{ table: all, columns: { text: 'text' } }],
    };
    expect((await ask(request)).rows?.[0]?.['text']).toBe('ü"\'');
    const before = await ask({ ...request, options: { asOfSnapshot: firstSnapshot } });
    expect(before.rows?.[0]?.['text']).toBeNull();
    expect(before.snapshot).toBe(firstSnapshot);
  });
});

describe('files', () => {
  const to = (name: string, request: Partial<HistoricalRequest> = {}) =>
    ask({ output: { type: 'file', path: path.join(folder, name) }, ...request });

  it('are Parquet with types kept', async () => {
    const { file, rowCount, rows } = await to('all.parquet');
    expect([file, rowCount, rows]).toEqual([path.join(folder, 'all.parquet'), 2, undefined]);
    const types = await temp.lake.all<{ column_name: string; column_type: string }>(`DESCRIBE FROM '${file}'`);
    expect(Object.fromEntries(types.map((column) => [column.column_name, column.column_type]))).toEqual({
      k: 'BIGINT',
      event_timestamp: 'TIMESTAMP WITH TIME ZONE',
      whole: 'BIGINT',
      exact: 'BIGINT',
      ratio: 'DOUBLE',
      yes: 'BOOLEAN',
      text: 'VARCHAR',
      raw: 'BLOB',
      at: 'TIMESTAMP WITH TIME ZONE',
      many: 'BIGINT[]',
      moments: 'TIMESTAMP WITH TIME ZONE[]',
    });
  });

  it('are CSV, and empty ones still have their columns', async () => {
    const selections = [{ table: all, columns: columnsOf('ratio') }];
    await to('one.csv', { selections });
    expect(readFileSync(path.join(folder, 'one.csv'), 'utf8')).toBe(
      'k,event_timestamp,ratio\n1,2024-01-01 00:00:00+00,0.1\n3,2024-01-01 00:00:00+00,\n',
    );
    await to('none.csv', { selections, entities: { type: 'rows', rows: [] } });
    expect(readFileSync(path.join(folder, 'none.csv'), 'utf8')).toBe('k,event_timestamp,ratio\n');
  });

  it.each([
    ['x.xlsx', /files ending in "\.xlsx" are not written/],
    ['nowhere/x.csv', /there is no folder/],
  ])('%s is refused', async (name, message) => {
    await expect(to(name)).rejects.toThrow(DefinitionError);
    await expect(to(name)).rejects.toThrow(message);
  });

  it('are not touched by a request that fails or is aborted', async () => {
    await to('kept.parquet');
    const before = readFileSync(path.join(folder, 'kept.parquet'));
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(to('kept.parquet', { signal })).rejects.toThrow('stopped');
    await expect(to('kept.parquet', { entities: { type: 'sql', sql: 'SELECT 1' } })).rejects.toThrow(DefinitionError);
    expect(readFileSync(path.join(folder, 'kept.parquet'))).toEqual(before);
    expect(readdirSync(folder).filter((name) => name.includes('tmp'))).toEqual([]);
  });
});

describe('tables', () => {
  const into = (table: string, request: Partial<HistoricalRequest> = {}) =>
    ask({ output: { type: 'table', table } as HistoricalOutput, ...request });

  it('appear in the lake whole, and are entity rows for the next request', async () => {
    const { table, rowCount, rows } = await into('training_one');
    expect([table, rowCount, rows]).toEqual(['training_one', 2, undefined]);
    expect(await temp.lake.all(`SELECT k, ratio FROM ${temp.lake.table('training_one')} ORDER BY k`)).toEqual([
      { k: 1n, ratio: 0.1 },
      { k: 3n, ratio: null },
    ]);
    const again = await ask({
      entities: { type: 'sql', sql: 'SELECT k, event_timestamp, ratio AS was FROM training_one ORDER BY k' },
      selections: [{ table: all, columns: { ratio: 'ratio' } }],
    });
    expect(again.rows).toEqual([
      { k: 1, event_timestamp: moment, was: 0.1, ratio: 0.1 },
      { k: 3, event_timestamp: moment, was: null, ratio: null },
    ]);
  });

  it('hold whatever SQL gives', async () => {
    const sql = `SELECT 1 AS k, now() AS event_timestamp, 170141183460469231731687303715884105727::HUGEINT % 1000000007 AS huge,
      'a'::ENUM('a', 'b') AS e, NULL AS nothing, {'x': 1} AS s, DATE '2024-01-01' AS d`;
    await into('training_types', {
      entities: { type: 'sql', sql },
      selections: [{ table: all, columns: columnsOf('ratio') }],
    });
    const [row] = await temp.lake.all(
      `SELECT huge::BIGINT AS huge, e, nothing, s.x AS x, d::VARCHAR AS d FROM ${temp.lake.table('training_types')}`,
    );
    expect(row).toEqual({
      huge: BigInt(2n ** 127n - 1n) % 1_000_000_007n,
      e: 'a',
      nothing: null,
      x: 1,
      d: '2024-01-01',
    });
  });

  it('may be empty', async () => {
    expect((await into('training_none', { entities: { type: 'rows', rows: [] } })).rowCount).toBe(0);
    expect(await temp.lake.all(`FROM ${temp.lake.table('training_none')}`)).toEqual([]);
  });

  it.each([
    ['all_types', /table or feature view of that name/],
    ['ALL_TYPES', /table or feature view of that name/],
    ['x"; DROP TABLE y', /is not a usable name/],
    ['all_types__g2', /is not a usable name/],
  ])('%s is refused', async (table, message) => {
    const before = await temp.lake.currentSnapshot();
    await expect(into(table)).rejects.toThrow(DefinitionError);
    await expect(into(table)).rejects.toThrow(message);
    expect(await temp.lake.currentSnapshot()).toBe(before);
  });

  it('of one name asked for twice at once are made once, and no file is left over', async () => {
    const outcomes = await Promise.allSettled([into('training_race'), into('training_race')]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const lost = outcomes.find((outcome) => outcome.status === 'rejected') as PromiseRejectedResult;
    expect(lost.reason).toBeInstanceOf(DefinitionError);
    expect(readdirSync(temp.lake.dataDirectory('training_race'))).toHaveLength(1);
  });
});

describe('requests', () => {
  it.each<[string, Partial<HistoricalRequest>, RegExp, RegExp]>([
    [
      'an unknown feature',
      { selections: [{ table: all, columns: { x: 'ratoi' } }] },
      /there is no feature "ratoi"/,
      /did you mean "ratio"\?/,
    ],
    ['no feature', { selections: [] }, /no features are asked for/, /name some/],
    [
      'one name twice',
      {
        selections: [
          { table: all, columns: { x: 'yes' } },
          { table: { ...all, view: 'other' }, columns: { X: 'ratio' } },
        ],
      },
      /feature "X" comes twice, from all_types:yes and other:ratio/,
      /prefixed/,
    ],
    ['an unknown snapshot', { options: { asOfSnapshot: 99_999 } }, /no snapshot 99999/, /it has 0 to/],
    [
      'a view without table',
      { selections: [{ table: { ...all, view: 'later' }, columns: { x: 'yes' } }] },
      /view later: has no table at snapshot/,
      /asof apply/,
    ],
    [
      'a column called like a feature',
      { entities: { type: 'rows', rows: [{ k: 1, event_timestamp: moment, Ratio: 1 }] } },
      /a column "Ratio", the name of a feature/,
      /prefixed/,
    ],
    [
      'a time column that is not there',
      { options: { entityTimestamp: 'event_timestmp' } },
      /no column "event_timestmp"/,
      /did you mean "event_timestamp"\?/,
    ],
  ])('with %s are refused', async (_, request, message, mend) => {
    const asked = ask(request);
    await expect(asked).rejects.toThrow(DefinitionError);
    await expect(asked).rejects.toMatchObject({
      message: expect.stringMatching(message),
      mend: expect.stringMatching(mend),
    });
  });

  it('tell how far they are', async () => {
    const steps: unknown[] = [];
    await ask({ onProgress: (progress) => steps.push(progress) });
    expect(steps).toEqual([{ step: 'entities' }, { step: 'join', rows: 2 }, { step: 'done', rows: 2 }]);
  });

  it('leave no file of theirs in the lake folder when they fail', async () => {
    await expect(
      ask({
        output: { type: 'table', table: 'training_bad' },
        entities: { type: 'sql', sql: "SELECT 'x' AS k, now() AS event_timestamp" },
      }),
    ).rejects.toThrow(DataError);
    expect(existsSync(temp.lake.dataDirectory('training_bad'))).toBe(false);
  });
});
