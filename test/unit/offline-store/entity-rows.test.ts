import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FeatureTable } from '../../../src/definitions/feature-table.js';
import { DataError, DefinitionError } from '../../../src/errors.js';
import { type EntityInput, historicalFeatures } from '../../../src/offline-store/historical-features.js';
import { float32, int64, string } from '../../../src/types.js';
import { insertRows } from '../../oracle/feature-rows.js';
import { createView, type TempLake, withTempLake } from '../../support/lake.js';

const stats: FeatureTable = {
  view: 'stats',
  generation: 1,
  joinKeys: { driver_id: int64() },
  features: { rate: float32() },
  ttlMs: 0,
};
const zones: FeatureTable = {
  view: 'zones',
  generation: 1,
  joinKeys: { zone: string() },
  features: { load: int64() },
  ttlMs: 0,
};

let temp: TempLake;
let folder: string;
beforeAll(async () => {
  temp = await withTempLake();
  folder = mkdtempSync(path.join(os.tmpdir(), 'asof-entities-'));
  await createView(temp.lake, stats);
  await createView(temp.lake, zones);
  const row = { event: Date.parse('2024-01-01T12:00:00Z'), created: null, ingestTime: 1_000 };
  await insertRows(temp.lake, stats, [
    { ...row, keys: { driver_id: 1 }, ingestPosition: 1, values: { rate: 0.5 } },
    { ...row, keys: { driver_id: 2 }, ingestPosition: 2, values: { rate: 0.25 } },
  ]);
  await insertRows(temp.lake, zones, [{ ...row, keys: { zone: '007' }, ingestPosition: 1, values: { load: 7 } }]);
});
afterAll(() => {
  temp.close();
  rmSync(folder, { recursive: true, force: true });
});

const file = (name: string, content: string | Uint8Array): EntityInput => {
  writeFileSync(path.join(folder, name), content);
  return { type: 'file', path: path.join(folder, name) };
};
const ask = async (entities: EntityInput, entityTimestamp?: string, table = stats) => {
  const columns = Object.fromEntries(Object.keys(table.features).map((name) => [name, name]));
  const { rows } = await historicalFeatures(temp.lake, {
    selections: [{ table, columns }],
    entities,
    options: { entityTimestamp },
    output: { type: 'rows' },
  });
  return rows;
};
const rates = async (entities: EntityInput, entityTimestamp?: string) =>
  (await ask(entities, entityTimestamp))?.map(({ rate }) => rate);
const objects = (...rows: Record<string, unknown>[]): EntityInput => ({ type: 'rows', rows });

describe('times', () => {
  it('reads Dates, ISO strings with and without zone, and dates', async () => {
    const times = [
      new Date('2024-01-01T12:00:00Z'),
      '2024-01-01T12:00:00Z',
      '2024-01-01 12:00:00',
      '2024-01-01T13:59:59+02:00',
      '2024-01-02',
      '2024-01-01',
    ];
    const rows = times.map((event_timestamp) => ({ driver_id: 1, event_timestamp }));
    expect(await ask(objects(...rows))).toEqual(
      rows.map((row, n) => ({ ...row, rate: [0.5, 0.5, 0.5, null, 0.5, null][n] })),
    );
  });

  it('gives a row without time, or without key, no features', async () => {
    expect(await rates(objects({ driver_id: 1, event_timestamp: null }))).toEqual([null]);
    expect(
      await rates(
        objects({ driver_id: null, event_timestamp: '2024-02-01' }, { driver_id: 2, event_timestamp: '2024-02-01' }),
      ),
    ).toEqual([null, 0.25]);
  });

  it('takes the only timestamp column, or the one named', async () => {
    expect(await rates(file('one.csv', 'driver_id,when,day_name\n1,2024-02-01 00:00:00,monday\n'))).toEqual([0.5]);
    expect(await rates(file('named.csv', 'driver_id,a,b\n1,2024-02-01 00:00:00,2023-02-01 00:00:00\n'), 'a')).toEqual([
      0.5,
    ]);
    expect(await rates(objects({ driver_id: 1, at: '2024-02-01T00:00:00Z', label: 'x' }))).toEqual([0.5]);
  });

  it('names the candidates when there are two, and the columns when there is none', async () => {
    const two = ask(file('two.csv', 'driver_id,a,b\n1,2024-02-01 00:00:00,2024-02-01 00:00:00\n'));
    await expect(two).rejects.toThrow(DefinitionError);
    await expect(two).rejects.toMatchObject({
      message: expect.stringMatching(/"a" and "b"/),
      mend: expect.stringContaining("entityTimestamp: 'a'"),
    });
    await expect(ask(objects({ driver_id: 1, label: 2 }))).rejects.toThrow(
      /no column holds timestamps \(columns: driver_id, label\)/,
    );
  });

  it('refuses what is no time, naming row and value', async () => {
    const bad = ask(file('bad.csv', 'driver_id,event_timestamp\n1,2024-02-01\n1,16/04/2024\n'));
    await expect(bad).rejects.toThrow(DataError);
    await expect(bad).rejects.toThrow(/bad\.csv, row 2: "16\/04\/2024" in column "event_timestamp" is not a time/);
    await expect(ask(objects({ driver_id: 1, event_timestamp: 1_704_110_400 }))).rejects.toMatchObject({
      mend: expect.stringContaining('to_timestamp(event_timestamp)'),
    });
    await expect(ask(objects({ driver_id: 1, event_timestamp: new Date('x') }))).rejects.toThrow(
      /row 1, column "event_timestamp": is an invalid Date/,
    );
  });
});

describe('keys', () => {
  it('are cast to the type of the join key', async () => {
    const rows = file('text.csv', 'driver_id\tevent_timestamp\n1\t2024-02-01\n2.0\t2024-02-01\n\t2024-02-01\n');
    expect(await rates(rows)).toEqual([0.5, 0.25, null]);
    expect(
      await rates(
        objects({ driver_id: '2', event_timestamp: '2024-02-01' }, { driver_id: '1', event_timestamp: '2024-02-01' }),
      ),
    ).toEqual([0.25, 0.5]);
    expect(
      await rates({ type: 'sql', sql: "SELECT 2.0::DOUBLE AS driver_id, DATE '2024-02-01' AS event_timestamp" }),
    ).toEqual([0.25]);
  });

  it('of type string keep leading zeros in CSV', async () => {
    expect(
      (await ask(file('zeros.csv', 'zone,event_timestamp\n007,2024-02-01\n7,2024-02-01\n'), undefined, zones))?.map(
        ({ zone, load }) => [zone, load],
      ),
    ).toEqual([
      ['007', 7],
      ['7', null],
    ]);
  });

  it.each([
    ['a word', "SELECT 'abc' AS driver_id", /"abc" in column "driver_id" is not of type int64/],
    ['a fraction as text', "SELECT '1.5' AS driver_id", /"1\.5" in column "driver_id"/],
    ['a fraction', 'SELECT 1.5::DOUBLE AS driver_id', /"1\.5" in column "driver_id"/],
    ['out of range', 'SELECT 1e30::DOUBLE AS driver_id', /in column "driver_id" is not of type int64/],
    ['another type', 'SELECT true AS driver_id', /column "driver_id" is BOOLEAN, which can't be used as int64/],
  ])('refuse %s', async (_, select, message) => {
    const asked = ask({ type: 'sql', sql: `${select}, now() AS event_timestamp` });
    await expect(asked).rejects.toThrow(DataError);
    await expect(asked).rejects.toThrow(message);
  });

  it('missing are said, with the name that was likely meant', async () => {
    const missing = ask(file('misnamed.csv', 'driverid,event_timestamp\n1,2024-02-01\n'));
    await expect(missing).rejects.toThrow(DefinitionError);
    await expect(missing).rejects.toMatchObject({
      message: expect.stringContaining('the join key "driver_id" is missing'),
      mend: expect.stringContaining('did you mean "driverid"?'),
    });
    await expect(
      ask(objects({ driver_id: 1, event_timestamp: '2024-02-01' }, { event_timestamp: '2024-02-01' })),
    ).rejects.toThrow(/row 2: "driver_id" is missing/);
  });
});

describe('files', () => {
  it('are read from Parquet and NDJSON, own columns kept', async () => {
    const parquet = path.join(folder, 'rows.parquet');
    await temp.lake.all(
      `COPY (SELECT 2::INTEGER AS driver_id, TIMESTAMP '2024-02-01' AS event_timestamp, [1, 2] AS l, {'a': 1.5} AS s, 12.25::DECIMAL(6, 2) AS d, DATE '2024-01-01' AS day, 9007199254740993 AS big)
       TO '${parquet}'`,
    );
    expect(await ask({ type: 'file', path: parquet })).toEqual([
      {
        driver_id: 2,
        event_timestamp: new Date('2024-02-01'),
        l: [1, 2],
        s: { a: 1.5 },
        d: 12.25,
        day: new Date('2024-01-01'),
        big: 9007199254740993n,
        rate: 0.25,
      },
    ]);
    const lines =
      '{"driver_id":1,"event_timestamp":"2024-02-01T00:00:00Z","label":true}\n{"driver_id":9,"event_timestamp":"2024-02-01T00:00:00Z"}\n';
    expect(await ask(file('rows.ndjson', lines))).toEqual([
      { driver_id: 1, event_timestamp: new Date('2024-02-01'), label: true, rate: 0.5 },
      { driver_id: 9, event_timestamp: new Date('2024-02-01'), label: null, rate: null },
    ]);
  });

  it('with a header only give an empty answer', async () => {
    expect(await ask(file('header.csv', 'event_timestamp,driver_id\n'))).toEqual([]);
  });

  it.each([
    ['missing', () => ({ type: 'file', path: path.join(folder, 'none.csv') }) as const, /there is no such file/],
    ['empty', () => file('empty.parquet', ''), /the file is empty/],
    ['not Parquet', () => file('text.parquet', 'driver_id,event_timestamp\n1,2024-02-01\n'), /can't be read/],
    ['of an unknown ending', () => file('rows.xls', 'x'), /files ending in "\.xls" are not read/],
    [
      'ragged',
      () => file('ragged.csv', `driver_id,event_timestamp\n${'1,2024-02-01\n'.repeat(50)}1,2024-02-01,4,5\n`),
      /can't be read/,
    ],
  ])('%s are refused', async (_, input, message) => {
    const asked = ask(input());
    await expect(asked).rejects.toThrow(message);
    await expect(asked).rejects.toMatchObject({ mend: expect.stringMatching(/./) });
  });

  it('cut short are refused', async () => {
    const whole = path.join(folder, 'whole.parquet');
    await temp.lake.all(`COPY (SELECT i AS driver_id, now() AS event_timestamp FROM range(5000) t(i)) TO '${whole}'`);
    const { readFileSync } = await import('node:fs');
    const asked = ask(file('cut.parquet', readFileSync(whole).subarray(0, 2_000)));
    await expect(asked).rejects.toThrow(DataError);
    await expect(asked).rejects.toMatchObject({ mend: expect.stringContaining('truncated') });
  });
});

describe('SQL', () => {
  it('sees the tables of the project and keeps its own order', async () => {
    const sql =
      "SELECT driver_id, TIMESTAMP '2024-02-01' AS event_timestamp, count(*) AS n, sum(driver_id) AS total FROM stats GROUP BY ALL ORDER BY driver_id DESC; -- newest first";
    expect(await ask({ type: 'sql', sql: sql.replace(/; --.*/, ';') })).toEqual([
      { driver_id: 2, event_timestamp: new Date('2024-02-01'), n: 1, total: 2, rate: 0.25 },
      { driver_id: 1, event_timestamp: new Date('2024-02-01'), n: 1, total: 1, rate: 0.5 },
    ]);
  });

  it('keeps a million rows in order', async () => {
    const sql =
      "SELECT 1 + hash(i) % 3 AS driver_id, TIMESTAMP '2024-02-01' AS event_timestamp, i FROM range(1000000) t(i) ORDER BY hash(i)";
    const out = path.join(folder, 'ordered.parquet');
    await historicalFeatures(temp.lake, {
      selections: [{ table: stats, columns: { rate: 'rate' } }],
      entities: { type: 'sql', sql },
      output: { type: 'file', path: out },
    });
    const check = await temp.lake.one<{ wrong: bigint; n: bigint }>(
      `SELECT count(*) FILTER (hash(i) < before) AS wrong, count(*) AS n
       FROM (SELECT i, lag(hash(i)) OVER (ORDER BY file_row_number) AS before FROM read_parquet('${out}', file_row_number = true))`,
    );
    expect(check).toEqual({ wrong: 0n, n: 1_000_000n });
  });

  it.each([
    ['DELETE FROM stats', /Only SELECT statements/],
    ['SELECT 1; SELECT 2', /there are 2 statements/],
    [' ; ', /the query is empty/],
    ['SELEC 1', /syntax error/],
    ["COPY (SELECT 1) TO 'x.csv'", /Only SELECT statements/],
    [
      "SELECT 1 AS driver_id, now() AS event_timestamp FROM ducklake_expire_snapshots('lake', older_than => now())",
      /"ducklake_expire_snapshots" is not allowed/,
    ],
    ["SELECT * FROM query('DELETE FROM stats')", /"query" is not allowed/],
    ['SELECT * FROM nothing_here', /the query fails: .*nothing_here/],
  ])('%s is refused', async (sql, message) => {
    const asked = ask({ type: 'sql', sql });
    await expect(asked).rejects.toThrow(DefinitionError);
    await expect(asked).rejects.toThrow(message);
  });
});

describe('objects', () => {
  it('are handed back as they are', async () => {
    const rows = [
      { driver_id: 1, event_timestamp: '2024-02-01T00:00:00Z', nested: { a: [1] }, mixed: 'x', text: 'ü' },
      { driver_id: 7, event_timestamp: new Date('2024-02-01'), nested: undefined, mixed: 4 },
    ];
    const answer = await ask(objects(...rows));
    expect(answer).toEqual([
      { ...rows[0], rate: 0.5 },
      { ...rows[1], rate: null },
    ]);
    expect(answer?.[0]?.['nested']).toBe(rows[0]?.nested);
  });

  it('may be none', async () => {
    expect(await ask(objects())).toEqual([]);
  });

  it('of mixed types can not be written to a file', async () => {
    const asked = historicalFeatures(temp.lake, {
      selections: [{ table: stats, columns: { rate: 'rate' } }],
      entities: objects(
        { driver_id: 1, event_timestamp: '2024-02-01', label: 1 },
        { driver_id: 1, event_timestamp: '2024-02-01', label: 'one' },
      ),
      output: { type: 'file', path: path.join(folder, 'mixed.parquet') },
    });
    await expect(asked).rejects.toThrow(/row 2, column "label": a string after values of type int64/);
  });
});
