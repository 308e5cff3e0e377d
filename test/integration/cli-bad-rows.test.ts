import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectRefused, type SampleProject, sampleProject, stateOf } from '../support/cli.js';

let project: SampleProject;
let before: Awaited<ReturnType<typeof stateOf>>;

beforeAll(async () => {
  project = sampleProject();
  await project.ok('apply');
  await project.ok('push', 'driver_stats', '--file', 'data/driver_stats.parquet');
  before = await stateOf(project.root);
  expect(before).toMatchObject({ version: 1, rows: { driver_stats: 1805, driver_stats_stream: 0 } });
});
// Nothing of what was refused may be seen anywhere.
afterEach(async () => {
  expect(await stateOf(project.root)).toEqual(before);
  expect(readdirSync(path.join(project.root, '.asof/staging'))).toEqual([]);
});
afterAll(() => project.close());

async function refused(args: string[], exitCode: number, ...patterns: RegExp[]): Promise<void> {
  expectRefused(await project.asof('push', 'driver_stats', ...args), exitCode, ...patterns);
}

describe('files that can not be read', () => {
  const whole = () => readFileSync(path.join(project.root, 'data/driver_stats.parquet'));

  it('missing, and names the one that may be meant', async () => {
    await refused(['--file', 'data/driver_stat.parquet'], 3, /there is no such file/, /→ did you mean "?driver_stats/);
  });

  it('empty', async () => {
    await refused(['--file', project.write('empty.parquet', '')], 3, /empty\.parquet: the file is empty/, /0 bytes/);
  });

  it('truncated', async () => {
    const file = project.write('cut.parquet', whole().subarray(0, 20_000));
    await refused(['--file', file], 3, /cut\.parquet: it is cut off, or not a Parquet file/, /→ write the file again/);
  });

  it('damaged in the middle', async () => {
    const bytes = whole();
    bytes.fill(0, 1_000, 40_000);
    await refused(['--file', project.write('hole.parquet', bytes)], 3, /hole\.parquet: .*damaged/);
  });

  it('no Parquet at all', async () => {
    const file = project.write('text.parquet', 'driver_id,datetime\n1001,2021-01-01\n');
    await refused(['--file', file], 3, /text\.parquet: it is cut off, or not a Parquet file/);
  });

  it('of no known format', async () => {
    await refused(['--file', project.write('rows.xlsx', 'x')], 2, /can't tell the format/, /→ .*\.parquet, \.csv/);
  });

  it('CSV with a row of another length, by line', async () => {
    const file = project.write(
      'ragged.csv',
      'driver_id,datetime,created,conv_rate,acc_rate,avg_daily_trips\n1001,2021-08-01,2021-08-01,0.1,0.2,3\n1002,2021-08-01\n',
    );
    await refused(['--file', file], 3, /ragged\.csv, line 3: the row has 2 fields, the header 6/);
  });
});

describe('rows that do not fit the view', () => {
  const good = {
    driver_id: 1001,
    datetime: '2021-08-01T10:00:00Z',
    created: '2021-08-01T10:00:00Z',
    conv_rate: 0.5,
    acc_rate: 0.5,
    avg_daily_trips: 1,
  };
  const without = (field: keyof typeof good) => {
    const { [field]: _, ...rest } = good;
    return rest;
  };
  const rows = (...given: object[]): string[] => ['--rows', JSON.stringify(given)];

  it('a misnamed timestamp column', async () => {
    const { datetime, ...rest } = good;
    await refused(
      rows({ ...rest, date_time: datetime }),
      3,
      /--rows: there is no column "datetime" \(timestampField/,
      /→ .*date_time/,
    );
  });

  it('a missing timestamp column', async () => {
    await refused(rows(without('datetime')), 3, /no column "datetime"/);
  });

  it('a missing join-key column', async () => {
    await refused(rows(without('driver_id')), 3, /no column "driver_id" \(join key of view "driver_stats"\)/);
  });

  it('a missing feature column', async () => {
    await refused(rows(without('acc_rate')), 3, /no column "acc_rate" \(feature/);
  });

  it('a column of the wrong type', async () => {
    await refused(
      rows({ ...good, conv_rate: true }),
      3,
      /column "conv_rate" is BOOLEAN.*declares it float32/,
      /→ write the column as float32/,
    );
  });

  it('text that is no number, with its row', async () => {
    await refused(
      rows(good, { ...good, conv_rate: 'much' }),
      3,
      /column "conv_rate": 1 value is no float32, first in row 2 \(much\)/,
    );
  });

  it('a number out of range of the declared type', async () => {
    await refused(
      rows({ ...good, avg_daily_trips: 3_000_000_000 }),
      3,
      /column "avg_daily_trips": 1 value is no int32.*3000000000/,
    );
  });

  it('a key that JavaScript can not hold exactly', async () => {
    const text = JSON.stringify([good]).replace('1001', '9007199254740993');
    await refused(
      ['--rows', text],
      3,
      /column "driver_id".*9007199254740993, which needs int64\(\{ mode: 'bigint' \}\)/,
    );
  });

  it('a fraction where a whole number is declared', async () => {
    await refused(rows({ ...good, avg_daily_trips: 1.5 }), 3, /column "avg_daily_trips": 1 value is no int32.*1\.5/);
  });

  it('a null join key', async () => {
    await refused(rows(good, { ...good, driver_id: null }), 3, /driver_id.*null|null.*driver_id/, /row 2/);
    const csv = 'driver_id,datetime,created,conv_rate,acc_rate,avg_daily_trips\n,2021-08-01,2021-08-01,0.1,0.2,3\n';
    await refused(['--file', project.write('null-key.csv', csv)], 3, /driver_id/);
  });

  it('a null time, and one that is none', async () => {
    await refused(rows({ ...good, datetime: null }, good), 3, /datetime/);
    await refused(rows({ ...good, datetime: 'yesterday' }), 3, /column "datetime": 1 value is no timestamp/);
  });

  it('rows that are no JSON array of objects, both of file and rows, neither', async () => {
    await refused(['--rows', '[{"driver_id": 1001'], 2, /--rows is not valid JSON/);
    await refused(['--rows', '{"driver_id": 1001}'], 2, /--rows is JSON, but no array/);
    await refused(['--rows', '[]'], 2, /--rows has no rows/);
    await refused(['--rows', '[1]'], 2, /--rows: element 1 is no object/);
    await refused(['--rows', '[]', '--file', 'x.csv'], 2, /--file and --rows can't be used together/);
    await refused([], 2, /no rows are given/, /→ give --file or --rows/);
  });
});

describe('rows that break an expectation', () => {
  it('about single rows, of severity error', async () => {
    const row = { driver_id: 1001, datetime: '2021-08-01T10:00:00Z', created: null, acc_rate: 0.5, avg_daily_trips: 3 };
    const rows = JSON.stringify([
      { ...row, conv_rate: 0.5 },
      { ...row, conv_rate: 5 },
    ]);
    await refused(['--rows', rows], 3, /driver_stats: .*between\(conv_rate, 0, 1\): 1 of 2 rows/, /nothing was pushed/);
  });
});
