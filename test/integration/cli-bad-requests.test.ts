import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectRefused, type SampleProject, sampleProject, stateOf } from '../support/cli.js';

let project: SampleProject;
let before: Awaited<ReturnType<typeof stateOf>>;

beforeAll(async () => {
  project = sampleProject();
  await project.ok('apply');
  await project.ok('push', 'driver_stats', '--file', 'data/driver_stats.parquet');
  before = await stateOf(project.root);
});
// Nothing of what was refused may be seen anywhere.
afterEach(async () => expect(await stateOf(project.root)).toEqual(before));
afterAll(() => project.close());

async function refused(args: string[], exitCode: number, ...patterns: RegExp[]): Promise<void> {
  expectRefused(await project.asof(...args), exitCode, ...patterns);
}

const historical = (entities: string, ...more: string[]): string[] => [
  'get-historical-features',
  '--entities',
  entities,
  ...(more.some((word) => word === '--features' || word === '--service') ? [] : ['--service', 'driver_ranking']),
  ...more,
];
const online = (...more: string[]): string[] => ['get-online-features', '--key', 'driver_id=1001', ...more];
const orders = 'data/driver_orders.csv';

describe('entity rows', () => {
  it('without a timestamp column', async () => {
    const file = project.write('no-time.csv', 'driver_id,trips\n1001,1\n');
    await refused(
      historical(file),
      2,
      /no column holds timestamps \(columns: driver_id, trips\)/,
      /→ .*event_timestamp/,
    );
  });

  it('with two of them, until one is named', async () => {
    const file = project.write(
      'two-times.csv',
      'driver_id,ordered,paid\n1001,2021-04-16 20:29:28,2021-05-01 00:00:00\n',
    );
    await refused(historical(file), 2, /"ordered" and "paid" both hold timestamps/);
    const read = await project.ok(...historical(file, '--entity-timestamp', 'ordered', '--json'));
    expect(read.json()).toMatchObject({ rows: [{ avg_daily_trips: 385 }] });
    await refused(
      historical(file, '--entity-timestamp', 'orderd'),
      2,
      /no column "orderd"/,
      /→ did you mean "ordered"/,
    );
  });

  it('without the join key, or with one that is none', async () => {
    const file = project.write('no-key.csv', 'drivers_id,event_timestamp\n1001,2021-04-16 20:29:28\n');
    await refused(historical(file), 2, /the join key "driver_id" is missing/, /→ did you mean "drivers_id"/);
    const text = project.write('bad-key.csv', 'driver_id,event_timestamp\nabc,2021-04-16 20:29:28\n');
    await refused(historical(text), 3, /row 1: "abc" in column "driver_id" is not of type int64/);
  });

  it('in a file that is missing, empty, truncated or of no known format', async () => {
    await refused(historical('nope.csv'), 3, /nope\.csv: there is no such file/);
    await refused(historical(project.write('empty.csv', '')), 3, /empty\.csv: the file is empty/);
    await refused(
      historical(project.write('cut.parquet', 'PAR1 and no more')),
      3,
      /cut\.parquet: the file can't be read/,
    );
    await refused(historical(project.write('orders.txt', 'x')), 3, /files ending in "\.txt" are not read/);
  });

  it('in SQL that fails, or changes something', async () => {
    await refused(historical('SELECT nothing FROM nowhere'), 2, /entity SQL: the query fails/);
    await refused(historical('WITH x AS (SELECT 1) DELETE FROM driver_stats'), 2, /entity SQL/);
  });
});

describe('what is asked for', () => {
  it('an unknown view', async () => {
    await refused(
      historical(orders, '--features', 'driver_stat:conv_rate'),
      2,
      /no feature view "driver_stat"/,
      /→ .*driver_stats/,
    );
    await refused(online('--features', 'nope:conv_rate'), 2, /no feature view "nope"/);
    await refused(['push', 'nope', '--file', 'data/driver_stats.parquet'], 2, /no feature view "nope"/);
    await refused(['materialize', '--views', 'driver_stats,nope'], 2, /no feature view "nope"/);
    await refused(['describe', 'feature_view', 'nope'], 2, /no feature_view "nope"/, /→ use one of driver_stats/);
  });

  it('an unknown feature', async () => {
    await refused(
      historical(orders, '--features', 'driver_stats:conv'),
      2,
      /no feature "conv"/,
      /→ it has conv_rate, acc_rate/,
    );
    await refused(online('--features', 'driver_stats:conv'), 2, /no feature "conv"/);
    await refused(online('--features', 'conv_rate'), 2, /"conv_rate" is no feature reference/, /→ write view:feature/);
  });

  it('an unknown service', async () => {
    await refused(
      historical(orders, '--service', 'nope'),
      2,
      /no feature service "nope"/,
      /→ there are driver_ranking/,
    );
    await refused(online('--service', 'nope'), 2, /no feature service "nope"/);
  });

  it('one feature name twice, unless the full names tell them apart', async () => {
    const twice = 'driver_stats:conv_rate,driver_stats:conv_rate';
    await refused(historical(orders, '--features', twice), 2, /"conv_rate" comes twice/, /→ name it once/);
    const both = 'driver_stats:conv_rate,driver_stats_stream:conv_rate';
    const clash = /"conv_rate" comes twice, from driver_stats:conv_rate and driver_stats_stream:conv_rate/;
    await refused(historical(orders, '--features', both), 2, clash, /→ .*full feature names/);
    await refused(online('--features', both), 2, clash);
    const read = await project.ok(...online('--features', both, '--full-feature-names', '--json'));
    expect(read.json()).toMatchObject({ rows: [{ driver_id: 1001, driver_stats_stream__conv_rate: null }] });
  });

  it('a feature with the name of an entity column', async () => {
    const file = project.write('clash.csv', 'driver_id,event_timestamp,conv_rate\n1001,2021-04-16 20:29:28,1\n');
    await refused(historical(file), 2, /a column "conv_rate", the name of a feature/, /→ rename the column/);
  });

  it('nothing, or two ways at once', async () => {
    await refused(['get-online-features', '--key', 'driver_id=1'], 2, /no features are asked for/);
    await refused(online('--service', 'driver_ranking', '--features', 'driver_stats:*'), 2, /can't be used together/);
    await refused(online('--features', 'driver_stats:conv_rate,'), 2, /empty part/);
    await refused(historical(orders, '--out', 'a.csv', '--table', 'a'), 2, /--out and --table can't be used together/);
  });
});

describe('keys of a request', () => {
  const read = (...keys: string[]) => [
    'get-online-features',
    '--service',
    'driver_ranking',
    ...keys.flatMap((key) => ['--key', key]),
  ];

  it('missing', async () => {
    await refused(read(), 2, /required option '--key/);
    await refused(
      read('driver_id=1001', 'driver=1002'),
      2,
      /row 1 of the request: unknown key "driver"/,
      /→ .*driver_id/,
    );
  });

  it('of another type, out of range, or not name=value', async () => {
    await refused(read('driver_id=abc'), 2, /join key "driver_id" is "abc", not a whole number/);
    await refused(read('driver_id=1.5'), 2, /join key "driver_id" is "1\.5"/);
    await refused(read('driver_id='), 2, /join key "driver_id" is ""/);
    await refused(read('driver_id=9223372036854775808'), 2, /join key "driver_id" is "9223372036854775808"/);
    await refused(read('1001'), 2, /"1001" is not name=value/, /→ write e\.g\. --key driver_id=/);
  });
});

describe('where and when', () => {
  it('outputs that can not be written', async () => {
    await refused(historical(orders, '--out', 'training.xlsx'), 2, /files ending in "\.xlsx" are not written/);
    await refused(historical(orders, '--out', 'no/such/folder/a.csv'), 2, /there is no folder/, /→ create it/);
    await refused(historical(orders, '--table', 'driver_stats'), 2, /has a table or feature view of that name/);
  });

  it('times, windows and snapshots that are none', async () => {
    const windows = (...args: string[]) => ['materialize', ...args];
    await refused(windows('--start', 'monday', '--end', '2021-08-01'), 2, /--start "monday" is no time/);
    await refused(windows('--start', '2021-08-01'), 2, /needs both --start and --end/);
    await refused(windows('--start', '2021-08-01', '--end', '2021-07-01'), 2, /lies after/, /→ swap/);
    await refused(windows('--full', '--start', '2021-08-01', '--end', '2021-08-02'), 2, /can't be used together/);
    const interval = (...args: string[]) => ['run', 'db_to_offline_store', ...args];
    await refused(interval('--start', 'monday', '--end', '2021-08-01'), 2, /--start "monday" is no time/);
    await refused(interval('--start', '2021-08-01'), 2, /needs both --start and --end/);
    await refused(interval('--start', '2021-08-01', '--end', '2021-07-01'), 2, /ends before it starts/, /→ swap/);
    await refused(['runs', '--limit', '-3'], 2, /--limit "-3" is no whole number/);
    await refused(historical(orders, '--as-of-snapshot', 'x'), 2, /--as-of-snapshot "x" is no whole number/);
    await refused(historical(orders, '--as-of-snapshot', '999'), 2, /the lake has no snapshot 999/, /→ it has 0 to/);
  });
});
