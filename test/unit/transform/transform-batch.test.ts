import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ingestFile } from '../../../src/batch-source/index.js';
import { entity, fileSource, kafkaSource, streamFeatureView } from '../../../src/definitions/index.js';
import { describeError } from '../../../src/errors.js';
import { transformFile } from '../../../src/transform/index.js';
import * as t from '../../../src/types.js';
import { type TempLake, withTempLake } from '../../support/lake.js';

const projectRoot = path.resolve(import.meta.dirname, '../../..');
let temp: TempLake;
let made = 0;
beforeAll(async () => {
  temp = await withTempLake();
  mkdirSync(path.join(temp.stateDir, 'data'));
});
afterAll(() => temp.close());

const driver = entity({ name: 'driver', joinKeys: { driver_id: t.int64() } });
const event = {
  driver_id: t.int64(),
  at: t.timestamp(),
  conv_rate: t.float32(),
  acc_rate: t.float32(),
  note: t.nullable(t.string()),
};
type Transform = (event: Record<string, unknown>) => unknown;

async function run(
  file: string,
  transform: Transform | undefined,
  more: object = {},
  features: t.Schema = { conv_rate: t.float32() },
) {
  const batchSource = fileSource({
    name: 'driver_stats',
    path: file,
    timestampField: 'datetime',
    createdTimestampField: 'created',
  });
  const source = kafkaSource({ topic: 'drivers', event, timestampField: 'at', batchSource });
  const view = streamFeatureView({
    name: 'live',
    entities: [driver],
    source,
    features,
    ...(transform === undefined ? {} : { transform: transform as never }),
    ...more,
  });
  made += 1;
  const input = path.join(temp.stateDir, `in-${made}.parquet`);
  const out = path.join(temp.stateDir, `out-${made}.parquet`);
  await ingestFile(temp.lake, { source: batchSource, projectRoot, file: input });
  const progress: number[] = [];
  const onProgress = ({ doneRows }: { doneRows: number }) => progress.push(doneRows);
  const done = await transformFile(temp.lake, { view, input, file: out, onProgress }).catch((error: Error) => ({
    error,
  }));
  if ('error' in done) {
    expect(existsSync(out)).toBe(false);
    return { text: `${done.error.name} ${describeError(done.error)}`, counts: undefined, out, progress };
  }
  return { text: '', counts: done, out, progress };
}

async function sql(select: string): Promise<string> {
  const file = path.join(temp.stateDir, 'data', `made-${made}.parquet`);
  await temp.lake.withSession((s) => s.run(`COPY (${select}) TO '${file}' (FORMAT parquet)`));
  return file;
}

test('the sample in percent: the same rows and rounding as the events would give', async () => {
  const { counts, out, text, progress } = await run('data/driver_stats.parquet', (e) => ({
    conv_rate: (e['conv_rate'] as number) * 100,
  }));
  expect(text).toBe('');
  expect(counts).toMatchObject({ rowsIn: 1807, rowsOut: 1805, duplicates: 2 });
  expect(counts?.droppedColumns).toEqual(['avg_daily_trips', 'created', '__index_level_0__']);
  expect(progress.at(-1)).toBe(1807);
  const [same] = await temp.lake.all<{ n: bigint; columns: string }>(
    `SELECT count(*) AS n, any_value((SELECT string_agg(column_name || ' ' || column_type, ', ') FROM (DESCRIBE SELECT * FROM read_parquet($1)))) AS columns
     FROM read_parquet($1) AS o JOIN read_parquet($2, file_row_number => true) AS s ON o._ingest_position = s.file_row_number + 1
     WHERE o.driver_id = s.driver_id AND o.event_timestamp = s.datetime AND o.created_timestamp IS NULL
       AND o.conv_rate = (s.conv_rate::FLOAT::DOUBLE * 100)::FLOAT`,
    [out, path.join(projectRoot, 'data/driver_stats.parquet')],
  );
  expect(same).toEqual({
    n: 1805n,
    columns:
      'driver_id BIGINT, event_timestamp TIMESTAMP WITH TIME ZONE, created_timestamp TIMESTAMP WITH TIME ZONE, conv_rate FLOAT, _ingest_position BIGINT',
  });
});

test('without a transform fields are taken as they are; cleaning rules apply to the features', async () => {
  const clean = { outliers: { conv_rate: { min: 0, max: 0.5, action: 'clip' } } };
  const { counts, out } = await run('data/driver_stats.parquet', undefined, { clean });
  expect(counts?.clipped['conv_rate']).toBeGreaterThan(0);
  const most = await temp.lake.one<{ most: number }>('SELECT max(conv_rate) AS most FROM read_parquet($1)', [out]);
  expect(most?.most).toBe(0.5);
});

describe('what is wrong is said, and nothing is written', () => {
  const at = "TIMESTAMP '2021-01-01' AS datetime";
  test.each([
    ['throws', () => { throw new Error('no such rate'); }, /DataError view "live", .*: row 1: the transform failed: Error: no such rate/],
    ['gives nothing', () => ({}), /row 1: the transform gave no "conv_rate"/],
    ['gives text', () => ({ conv_rate: 'x' }), /row 1: feature "conv_rate" is a string/],
    ['divides by zero late', (e: Record<string, unknown>) => ({ conv_rate: 1 / (e['conv_rate'] as number) }), /row 3: feature "conv_rate" is Infinity/],
  ])('a transform that %s', async (_, transform, message) => {
    const rows = [1, 2, 0].map((rate) => `SELECT 1 AS driver_id, ${at}, ${rate}.0 AS conv_rate, 1 AS acc_rate, NULL::TIMESTAMP AS created`);
    const { text } = await run(await sql(rows.join(' UNION ALL ')), transform);
    expect(text).toMatch(message);
    expect(text).toMatch(/→ /);
  }); // biome-ignore format: a table

  test.each([
    [
      'a null field',
      'NULL::DOUBLE AS conv_rate, 1 AS acc_rate',
      /event field "conv_rate" is null in 1 row, first in row 1/,
    ],
    ['NaN', "'nan'::DOUBLE AS conv_rate, 1 AS acc_rate", /column "conv_rate": 1 value is no float32, first in row 1/],
    ['a missing field', '1 AS acc_rate', /there is no column "conv_rate" \(event field of view "live"\)/],
    ['text', "'0.5' AS conv_rate, 1 AS acc_rate", /column "conv_rate" is VARCHAR/],
  ])('%s', async (_, columns, message) => {
    const { text } = await run(await sql(`SELECT 1 AS driver_id, ${at}, ${columns}`), undefined);
    expect(text).toMatch(message);
  });
});
