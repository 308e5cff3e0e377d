import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CleanView, cleanFile, ingestFile } from '../../../src/batch-source/index.js';
import { type CleaningRules, fileSource } from '../../../src/definitions/index.js';
import { describeError } from '../../../src/errors.js';
import * as t from '../../../src/types.js';
import { type TempLake, withTempLake } from '../../support/lake.js';

const projectRoot = path.resolve(import.meta.dirname, '../../..');
let temp: TempLake;
let root: string;
let made = 0;

beforeAll(async () => {
  temp = await withTempLake();
  root = path.join(temp.stateDir, 'project');
  mkdirSync(root, { recursive: true });
});
afterAll(() => temp.close());

const viewOf = (features: t.Schema, clean: CleaningRules = {}, joinKeys: t.Schema = { id: t.int64() }): CleanView => ({
  name: 'facts',
  joinKeys,
  features,
  clean,
});

type SourceOptions = Partial<Parameters<typeof fileSource>[0]>;

/** Ingests and cleans. @returns the counts and the cleaned rows, or the error. */
async function clean(view: CleanView, file: string, options: SourceOptions = {}, from = root) {
  const source = fileSource({ name: 'facts', path: file, timestampField: 'at', ...options });
  made += 1;
  const staged = path.join(temp.stateDir, `ingest-${made}.parquet`);
  const out = path.join(temp.stateDir, `clean-${made}.parquet`);
  await ingestFile(temp.lake, { source, projectRoot: from, file: staged, env: { ASOF_PII_KEY: 'a key of the tests' } });
  const done = await cleanFile(temp.lake, { view, source, input: staged, file: out }).catch((error: Error) => ({
    error,
  }));
  if ('error' in done) {
    expect(existsSync(out)).toBe(false);
    return { name: done.error.name, text: describeError(done.error), rows: [], counts: undefined, out };
  }
  return { counts: done, rows: await temp.lake.all('SELECT * FROM read_parquet($1)', [out]), out, name: '', text: '' };
}

const csv = (name: string, ...lines: string[]): string => {
  writeFileSync(path.join(root, name), `${lines.join('\n')}\n`);
  return name;
};

/** A Parquet file made by DuckDB, so that columns have the types under test. */
async function parquet(name: string, sql: string): Promise<string> {
  await temp.lake.withSession((s) => s.run(`COPY (${sql}) TO '${path.join(root, name)}' (FORMAT parquet)`));
  return name;
}

test('the sample: 1,807 rows read, 2 duplicates, 1,805 rows of the declared types', async () => {
  const view: CleanView = {
    name: 'driver_stats',
    joinKeys: { driver_id: t.int64() },
    features: { conv_rate: t.float32(), acc_rate: t.float32(), avg_daily_trips: t.int32() },
    clean: {},
  };
  const sample = { timestampField: 'datetime', createdTimestampField: 'created' };
  const { counts, out } = await clean(view, 'data/driver_stats.parquet', sample, projectRoot);
  expect(counts).toEqual({
    rowsIn: 1807,
    rowsOut: 1805,
    duplicates: 2,
    dropped: {},
    filled: {},
    nulled: {},
    clipped: {},
    droppedColumns: ['__index_level_0__'],
  });
  const columns = await temp.lake.all(
    `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet($1))`,
    [out],
  );
  expect(columns.map((c) => `${c['column_name']} ${c['column_type']}`)).toEqual([
    'driver_id BIGINT',
    'event_timestamp TIMESTAMP WITH TIME ZONE',
    'created_timestamp TIMESTAMP WITH TIME ZONE',
    'conv_rate FLOAT',
    'acc_rate FLOAT',
    'avg_daily_trips INTEGER',
    '_ingest_position BIGINT',
  ]);
  const order = await temp.lake.one<{ ok: boolean; created: Date }>(
    `SELECT bool_and(coalesce(p > before, true)) AS ok, any_value(created_timestamp) AS created FROM
     (SELECT _ingest_position AS p, lag(_ingest_position) OVER () AS before, created_timestamp FROM read_parquet($1))`,
    [out],
  );
  expect(order).toEqual({ ok: true, created: new Date('2021-07-28T11:08:04.802Z') });
});

describe('duplicates', () => {
  test('the first of equal rows stays; unused columns do not make rows different, nulls are equal', async () => {
    const file = csv(
      'dup.csv',
      'id,at,x,junk',
      '1,2021-01-01,,a',
      '2,2021-01-01,5,b',
      '1,2021-01-01T00:00:00Z,,c',
      '2,2021-01-01,6,d',
    );
    const { counts, rows } = await clean(viewOf({ x: t.float32() }), file);
    expect(counts).toMatchObject({ rowsIn: 4, rowsOut: 3, duplicates: 1, droppedColumns: ['junk'] });
    expect(rows.map((row) => row['_ingest_position'])).toEqual([1n, 2n, 4n]);
  });

  test('rows that become equal by casting or a rule are one row', async () => {
    const file = csv(
      'same.csv',
      'id,at,x',
      '1,2021-01-01,0.1',
      '1,2021-01-01,0.10000000001',
      '1,2021-01-01,900',
      '1,2021-01-01,800',
    );
    const rule = { outliers: { x: { min: 0, max: 10, action: 'clip' } } } as const;
    const { counts, rows } = await clean(viewOf({ x: t.float32() }, rule), file);
    expect(counts).toMatchObject({ rowsIn: 4, rowsOut: 2, duplicates: 2, clipped: { x: 2 } });
    expect(rows.map((row) => row['x'])).toEqual([Math.fround(0.1), 10]);
  });
});

describe('times', () => {
  test('zone-less is UTC, zones are honoured, microseconds stay', async () => {
    const lines = ['2021-01-01 10:00:00', '2021-01-01T12:00:00+02:00', '2021-01-01', '2021-01-01T10:00:00.123456Z'];
    const file = csv('times.csv', 'id,at,made', ...lines.map((at, i) => `${i},${at},${i === 0 ? '' : at}`));
    const { out } = await clean(viewOf({ made: t.timestamp() }), file, { createdTimestampField: 'made' });
    const us = await temp.lake.all(
      'SELECT epoch_us(event_timestamp) AS e, epoch_us(created_timestamp) AS c, epoch_us(made) AS m FROM read_parquet($1)',
      [out],
    );
    const ten = BigInt(Date.parse('2021-01-01T10:00:00Z')) * 1000n;
    expect(us).toEqual([
      { e: ten, c: null, m: null },
      { e: ten, c: ten, m: ten },
      { e: ten - 36_000_000_000n, c: ten - 36_000_000_000n, m: ten - 36_000_000_000n },
      { e: ten + 123_456n, c: ten + 123_456n, m: ten + 123_456n },
    ]);
  });

  test.each([
    ['ns', "TIMESTAMP_NS '2021-01-01 10:00:00.123456789'", '2021-01-01T10:00:00.123Z'],
    ['ms', "TIMESTAMP_MS '2021-01-01 10:00:00.123'", '2021-01-01T10:00:00.123Z'],
    ['date', "DATE '2021-01-01'", '2021-01-01T00:00:00.000Z'],
    ['zone', "TIMESTAMPTZ '2021-01-01 10:00:00+03'", '2021-01-01T07:00:00.000Z'],
    ['text', "'2021-01-01T10:00:00'", '2021-01-01T10:00:00.000Z'],
  ])('Parquet: %s', async (name, sql, expected) => {
    const file = await parquet(`t-${name}.parquet`, `SELECT 1 AS id, ${sql} AS at, 1 AS x`);
    const { rows } = await clean(viewOf({ x: t.int32() }), file);
    expect(rows[0]?.['event_timestamp']).toEqual(new Date(expected));
    expect(rows[0]?.['created_timestamp']).toBeNull();
  });

  test.each([
    ['infinity', "TIMESTAMPTZ 'infinity'"],
    ['year 10000', "TIMESTAMP '10000-01-01'"],
    ['month 13', "'2021-13-01'"],
  ])('impossible: %s', async (name, sql) => {
    const file = await parquet('bad-time.parquet', `SELECT 1 AS id, ${sql} AS at, 1 AS x`);
    const found = await clean(viewOf({ x: t.int32() }), file);
    expect([name, found.name]).toEqual([name, 'DataError']);
    expect(found.text).toMatch(/column "at": 1 value is no timestamp, first in row 1/);
  });

  test('a number is no time', async () => {
    const file = await parquet('epoch.parquet', 'SELECT 1 AS id, 1609459200 AS at, 1 AS x');
    expect((await clean(viewOf({ x: t.int32() }), file)).text).toMatch(
      /column "at" is INTEGER, but view "facts" declares it timestamp/,
    );
  });
});

describe('types', () => {
  test('all types, from text', async () => {
    const features = {
      i: t.int32(), l: t.int64({ mode: 'bigint' }), f: t.float32(), d: t.float64(), b: t.bool(), s: t.string(),
      y: t.bytes(), v: t.list(t.float32()), w: t.list(t.list(t.int32())),
    }; // biome-ignore format: one line
    const file = csv(
      'all.csv',
      'id;at;i;l;f;d;b;s;y;v;w',
      '1;2021-01-01; 5.0 ;9223372036854775807;0.1;1e3;TRUE;007;aGk=;[1, 2.5];[[1,2],[]]',
      '2;2021-01-01;;;;;;"";;;',
    );
    const { rows, text } = await clean(viewOf(features), file);
    expect(text).toBe('');
    expect(rows[0]).toMatchObject({
      i: 5,
      l: 9223372036854775807n,
      f: Math.fround(0.1),
      d: 1000,
      b: true,
      s: '007',
      v: [1, 2.5],
      w: [[1, 2], []],
    });
    expect(Buffer.from(rows[0]?.['y'] as Uint8Array).toString()).toBe('hi');
    expect(rows[1]).toMatchObject({ i: null, l: null, f: null, d: null, b: null, s: '', y: null, v: null, w: null });
  });

  test('Parquet columns of other widths are cast where nothing is lost', async () => {
    const sql = `SELECT 1::SMALLINT AS id, TIMESTAMP '2021-01-01' AS at, 7.0::DOUBLE AS i, 5::UTINYINT AS f, 1.25::DECIMAL(9,2) AS d,
      [1.5, 2]::DOUBLE[2] AS v, 'x'::BLOB AS y, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID AS s`;
    const features = {
      i: t.int32(),
      f: t.float32(),
      d: t.float64(),
      v: t.list(t.float32()),
      y: t.bytes(),
      s: t.string(),
    };
    const { rows, text } = await clean(viewOf(features), await parquet('wide.parquet', sql));
    expect(text).toBe('');
    expect(rows[0]).toMatchObject({
      id: 1n,
      i: 7,
      f: 5,
      d: 1.25,
      v: [1.5, 2],
      s: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    });
  });

  test.each([
    ['3e9 into int32', '3000000000::BIGINT', t.int32(), /"x": 1 value is no int32, first in row 2 \(3000000000\)/],
    ['1.5 into int32', '1.5::DOUBLE', t.int32(), /no int32, first in row 2 \(1\.5\)/],
    ['NaN into int64', "'nan'::DOUBLE", t.int64(), /no int64, first in row 2/],
    ['1e300 into float32', '1e300::DOUBLE', t.float32(), /no float32, first in row 2 \(1e\+?300\)/],
    [
      '2^53 into int64',
      '9007199254740993::BIGINT',
      t.int64(),
      /no int64, first in row 2 \(9007199254740993.*mode: 'bigint'/,
    ],
    ['2^63 into bigint', '9223372036854775808::UBIGINT', t.int64({ mode: 'bigint' }), /no int64, first in row 2/],
    ['text into float', "'abc'", t.float32(), /column "x" is VARCHAR, but view "facts" declares it float32/],
    ['number into string', '7', t.string(), /column "x" is INTEGER, but view "facts" declares it string/],
    ['null in a list', '[1, NULL]', t.list(t.int32()), /no list<int32>, first in row 2/],
    ['fraction in a list', '[1.0, 1.5]', t.list(t.int32()), /no list<int32>, first in row 2/],
    ['no list', '1', t.list(t.int32()), /column "x" is INTEGER, but view "facts" declares it list<int32>/],
  ])('Parquet: %s', async (_, sql, type, message) => {
    const at = "TIMESTAMP '2021-01-01'";
    const file = await parquet(
      'off.parquet',
      `SELECT 1 AS id, ${at} AS at, NULL AS x UNION ALL SELECT 2, ${at}, ${sql}`,
    );
    const found = await clean(viewOf({ x: type }), file);
    expect(found.name).toBe('DataError');
    expect(found.text).toMatch(message);
    expect(found.text).toMatch(/^off\.parquet: /);
  });

  test.each([
    ['1.5', t.int32()],
    ['0x1F', t.int32()],
    ['1_000', t.int64()],
    ['3000000000', t.int32()],
    ['abc', t.float64()],
    ['1e300', t.float32()],
    ['maybe', t.bool()],
    ['{"a":1}', t.list(t.int32())],
    ['!!', t.bytes()],
  ])('text %s is refused', async (value, type) => {
    writeFileSync(
      path.join(root, 'text.csv'),
      `id\tat\tx\n1\t2021-01-01\t\n2\t2021-01-01\t"${value.replaceAll('"', '""')}"\n`,
    );
    const found = await clean(viewOf({ x: type }), 'text.csv');
    expect(found.name).toBe('DataError');
    expect(found.text).toMatch(/column "x": 1 value is no .*, first in row 2/);
    expect(found.text).toContain(value);
  });

  test('all columns at fault are named, with counts', async () => {
    const file = csv('many.csv', 'id,at,x,y', '1,2021-01-01,a,1', '2,2021-01-01,b,9e9', '3,2021-01-01,3,4');
    const { text } = await clean(viewOf({ x: t.int32(), y: t.int32() }), file);
    expect(text).toMatch(
      /"x": 2 values are no int32, first in row 1 \(a\); column "y": 1 value is no int32, first in row 2/,
    );
  });
});

describe('what must be there', () => {
  const line = ['id,at,conv_rate', '1,2021-01-01,0.5'];
  test.each([
    [
      'timestamp',
      viewOf({ conv_rate: t.float32() }),
      { timestampField: 'att' },
      /no column "att" \(timestampField.*\n.*did you mean "at"\? the file has id, at, conv_rate/,
    ],
    [
      'join key',
      viewOf({ conv_rate: t.float32() }, {}, { idd: t.int64() }),
      {},
      /no column "idd" \(join key.*\n.*did you mean "id"/,
    ],
    ['feature', viewOf({ convrate: t.float32() }), {}, /no column "convrate" \(feature.*\n.*did you mean "conv_rate"/],
    [
      'created',
      viewOf({ conv_rate: t.float32() }),
      { createdTimestampField: 'made' },
      /no column "made" \(createdTimestampField/,
    ],
    [
      'dropped',
      viewOf({ conv_rate: t.float32() }),
      { pii: { id: 'drop' } },
      /no column "id" \(join key.*\n.*pii rules drop it/,
    ],
    [
      'hashed',
      viewOf({ conv_rate: t.float32() }),
      { pii: { id: 'hash' } },
      /column "id" is VARCHAR after the source's pii rule "hash"/,
    ],
  ] as const)('column: %s', async (_, view, options, message) => {
    const found = await clean(view, csv('must.csv', ...line), options as SourceOptions);
    expect(found.name).toBe('DataError');
    expect(found.text).toMatch(message);
  });

  test('null keys and event times are counted, with the first row', async () => {
    const file = csv('nulls.csv', 'id,at,x', '1,2021-01-01,1', ',2021-01-01,1', ',2021-01-02,1', '2,,1');
    const { name, text } = await clean(viewOf({ x: t.int32() }), file);
    expect(name).toBe('DataError');
    expect(text).toMatch(/timestampField "at" is null in 1 row, first in row 4/);
    expect(text).toMatch(/join key "id" is null in 2 rows, first in row 2/);
  });

  test('values of personal columns are not shown', async () => {
    const view = viewOf({ x: t.int32(), s: t.string() });
    const file = csv('pii.csv', 'id,at,x,s', '1,2021-01-01,secret,ok');
    const { text } = await clean(view, file, { pii: { x: 'mask' } });
    expect(text).toMatch(/"x"/);
    expect(text).not.toMatch(/secret/);
  });
});

describe('cleaning rules', () => {
  const file = () =>
    csv(
      'rules.csv',
      'id,at,x,y',
      '1,2021-01-01,5,0.5',
      '2,2021-01-01,,0.1',
      '3,2021-01-01,500,0.2',
      '4,2021-01-01,-3,',
      '5,2021-01-01,10,0.5',
    );

  test('missing: drop and fill; outliers: drop, null, clip; all counted', async () => {
    const features = { x: t.int32(), y: t.float32() };
    const rules = (given: CleaningRules) => clean(viewOf(features, given), file());
    const dropped = await rules({
      missing: { x: 'drop', y: { fill: 0.25 } },
      outliers: { x: { min: 0, max: 10, action: 'drop' } },
    });
    expect(dropped.counts).toMatchObject({
      rowsIn: 5,
      rowsOut: 2,
      dropped: { 'missing x': 1, 'outlier x': 2 },
      filled: { y: 0 },
      duplicates: 0,
    });
    const nulled = await rules({
      missing: { y: { fill: 0.25 } },
      outliers: { x: { min: 0, max: 10, action: 'null' } },
    });
    expect(nulled.counts).toMatchObject({ rowsOut: 5, nulled: { x: 2 }, filled: { y: 1 } });
    expect(nulled.rows.map((row) => row['x'])).toEqual([5, null, null, null, 10]);
    expect(nulled.rows[3]?.['y']).toBe(0.25);
    const clipped = await rules({
      outliers: { x: { min: -0.5, max: 9.7, action: 'clip' }, y: { min: 0.1, max: 0.2, action: 'clip' } },
    });
    expect(clipped.rows.map((row) => row['x'])).toEqual([5, null, 9, 0, 9]);
    expect(clipped.counts).toMatchObject({ clipped: { x: 3, y: 2 } });
  });

  test('a filled value that is an outlier is one', async () => {
    const found = await clean(
      viewOf({ x: t.int32() }, { missing: { x: { fill: 99 } }, outliers: { x: { min: 0, max: 10, action: 'drop' } } }),
      file(),
    );
    expect(found.counts).toMatchObject({ rowsOut: 2, dropped: { 'outlier x': 3 } });
  });

  test('a rule for a key or the event time replaces the error about its nulls', async () => {
    const nulls = csv('k.csv', 'id,at,x', ',2021-01-01,1', '1,,1', '1,2021-01-01,1');
    const rules = { missing: { id: 'drop', event_timestamp: 'drop' } } as const;
    const found = await clean(viewOf({ x: t.int32() }, rules), nulls);
    expect(found.counts).toMatchObject({ rowsOut: 1, dropped: { 'missing id': 1, 'missing event_timestamp': 1 } });
  });

  test.each([
    [{ missing: { x: { fill: 'a' } } }, /clean\.missing\.x: "a" is no int32/],
    [{ missing: { x: { fill: 3e9 } } }, /clean\.missing\.x: 3000000000 is no int32/],
    [{ missing: { x: { fill: 1.5 } } }, /is no int32/],
    [{ outliers: { s: { min: 0, max: 1, action: 'drop' } } }, /outliers\.s is a rule for numbers/],
    [{ outliers: { id: { min: 0, max: 1, action: 'null' } } }, /would make a join key null/],
    [{ outliers: { x: { min: 2, max: 1, action: 'drop' } } }, /needs numbers min <= max/],
  ] as [CleaningRules, RegExp][])('%o is no rule for its column', async (rules, message) => {
    const text = csv('r.csv', 'id,at,x,s', '1,2021-01-01,1,a');
    const found = await clean(viewOf({ x: t.int32(), s: t.string() }, rules), text);
    expect(found.name).toBe('DefinitionError');
    expect(found.text).toMatch(message);
  });
});
