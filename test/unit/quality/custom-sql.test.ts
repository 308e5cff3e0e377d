import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../../src/config.js';
import { between, customSql, matches, notNull } from '../../../src/definitions/expectations.js';
import { entity, featureView, fileSource } from '../../../src/definitions/index.js';
import { DefinitionError } from '../../../src/errors.js';
import {
  checkViews,
  evaluateExpectations,
  failureMessage,
  splitQuarantine,
  statusOf,
} from '../../../src/quality/index.js';
import { float64, int64, type Schema, string } from '../../../src/types.js';
import { openStaging, type Staging } from './staging.js';

let staging: Staging;
beforeAll(async () => {
  staging = await openStaging();
});
afterAll(() => staging.close());

const columns: Schema = { k: int64(), a: float64(), s: string() };
const hundred = `SELECT i AS k, i / 10.0 AS a, 'driver-' || i AS s, 7 AS not_declared FROM range(100) AS r(i)`;

async function judge(sql: string, expectation: ReturnType<typeof customSql>, rest: { signal?: AbortSignal } = {}) {
  const file = await staging.write('custom', sql);
  const [result] = await evaluateExpectations(staging.session, { file, expectations: [expectation], columns, ...rest });
  if (result === undefined) throw new Error('no result');
  return result;
}

const refused = (promise: Promise<unknown>): Promise<DefinitionError> =>
  promise.then(
    () => {
      throw new Error('nothing was refused');
    },
    (error: unknown) => error as DefinitionError,
  );

describe('custom SQL', () => {
  it('counts the rows it returns and shows the first, without the number of the row', async () => {
    const result = await judge(hundred, customSql('low', 'SELECT * FROM rows WHERE a < 2 ORDER BY k DESC -- low ones'));
    expect(result).toMatchObject({
      expectation: 'customSql(low)',
      failed: 20,
      checked: 100,
      observed: 0.2,
      passed: false,
      severity: 'error',
    });
    expect(result.examples).toHaveLength(limits.expectationExamples);
    expect(result.examples[0]).toEqual({ k: 19, a: 1.9, s: 'driver-19' });
  });

  it.each([
    ['no row', 'SELECT * FROM rows WHERE a < 0', 0],
    ['a group', 'SELECT s, count(*) AS n FROM rows GROUP BY s HAVING n > 1', 0],
    ['a figure', 'WITH m AS (SELECT avg(a) AS mean FROM rows) SELECT mean FROM m WHERE mean > 4;', 1],
    ['rows beside others', 'SELECT b.* FROM rows AS a JOIN rows AS b ON b.k = a.k + 1 WHERE b.a - a.a > 0.2', 0],
    ['a window', 'SELECT * FROM rows QUALIFY row_number() OVER (ORDER BY a) <= 3', 3],
  ])('%s', async (_, sql, failed) => {
    expect(await judge(hundred, customSql('x', sql))).toMatchObject({ failed, passed: failed === 0 });
  });

  it('takes thresholds; may find fault with an empty batch', async () => {
    const lax = customSql('x', 'SELECT * FROM rows WHERE a < 2', { warnAbove: '5 rows', errorAbove: 0.5 });
    expect(await judge(hundred, lax)).toMatchObject({ passed: false, severity: 'warn' });
    const empty = customSql('empty', 'SELECT count(*) AS n FROM rows HAVING n = 0');
    expect(await judge(`SELECT * FROM (${hundred}) WHERE false`, empty)).toMatchObject({ failed: 1, passed: false });
  });

  it('sets rows aside by their number', async () => {
    const file = await staging.write('aside', hundred);
    const expectations = [
      notNull('k', { severity: 'quarantine' }),
      customSql('low', 'SELECT r.* FROM rows AS r, range(3) WHERE a < 0.5', { severity: 'quarantine' }),
    ];
    const goodFile = file.replace('aside', 'good');
    const split = await splitQuarantine(staging.session, {
      file,
      expectations,
      columns: Object.keys(columns),
      goodFile,
    });
    expect(split).toMatchObject({ rows: 100, good: 95, bad: 5 });
    const bad = await staging.session.all(
      'SELECT k::INTEGER AS k, _broken_rules[1] AS rule FROM read_parquet($1) ORDER BY k',
      [split.badFile],
    );
    expect(bad).toEqual([0, 1, 2, 3, 4].map((k) => ({ k, rule: 'customSql(low)' })));
  });

  it.each([
    ['SELECT * FROM rows WHERE s::INTEGER > 3', /^Conversion Error: Could not convert string … to INT32/],
    [
      'SELECT * FROM rows WHERE (k * 7919)::TINYINT % 2 = 0',
      /^Conversion Error: Type INT64 with value … can't be cast/,
    ],
    [
      'SELECT * FROM rows WHERE (k + 9223372036854775800) % 2 = 0',
      /^Out of Range Error: Overflow in addition of INT64/,
    ],
  ])('SQL that fails on the data is an error of the rule, told without values: %s', async (sql, reason) => {
    const result = await judge(hundred, customSql('cast', sql, { severity: 'warn', tolerate: 0.5 }));
    expect(result).toMatchObject({ passed: false, severity: 'error', failed: 0, observed: null, examples: [] });
    expect(statusOf(result)).toBe('error');
    expect(result.error?.reason).toMatch(reason);
    expect(result.error?.reason).not.toMatch(/driver-\d|\d{3}/);
    expect(result.error?.mend).toContain('TRY_CAST');
  });

  it('SQL that fails leaves the other rules their results', async () => {
    const file = await staging.write('both', hundred);
    const results = await evaluateExpectations(staging.session, {
      file,
      expectations: [customSql('cast', 'SELECT * FROM rows WHERE s::INTEGER > 3'), between('a', 0, 5)],
      columns,
    });
    expect(results.map(statusOf)).toEqual(['error', 'failed']);
    expect(results[1]).toMatchObject({ failed: 49 });
    expect(failureMessage('stats', results, 'r.html')).toMatch(
      /2 of 2 expectations failed: customSql\(cast\): not judged: Conversion Error.*; between\(a, 0, 5\): 49 of 100 rows/,
    );
  });

  it('SQL that fails sets nothing aside', async () => {
    const file = await staging.write('none', hundred);
    const sql = customSql('cast', 'SELECT * FROM rows WHERE s::INTEGER > 3', { severity: 'quarantine' });
    const request = {
      file,
      expectations: [sql],
      columns: Object.keys(columns),
      goodFile: file.replace('none', 'good2'),
    };
    expect(await refused(splitQuarantine(staging.session, request))).toBeInstanceOf(DefinitionError);
  });

  it('ends with the step that asked', async () => {
    const stop = new AbortController();
    const endless = customSql(
      'x',
      'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r WHERE n < 0',
    );
    const judged = refused(judge(hundred, endless, { signal: stop.signal }));
    setTimeout(() => stop.abort(new Error('the run was cancelled')), 600);
    expect((await judged).message).toBe('the run was cancelled');
  });

  it('is killed when it takes too much memory, even where DuckDB would not end it', async () => {
    const { error } = await judge(
      hundred,
      customSql('list', 'SELECT * FROM rows WHERE list_sum(range(2000000000)) > k'),
    );
    expect(error?.reason).toBe('it needs more memory than 1024 MB');
    expect(error?.mend).toMatch(/less/);
  });

  it('is killed when it takes too long, even where DuckDB would not end it', async () => {
    const before = limits.customSqlMaxMs;
    Object.assign(limits, { customSqlMaxMs: 1_500 });
    try {
      const sql = 'SELECT * FROM rows WHERE levenshtein(repeat(s, 4000), repeat(s, 5000)) > k';
      const { error } = await judge(hundred, customSql('long', sql));
      expect(error?.reason).toBe('it was still at work after 1.5 seconds');
    } finally {
      Object.assign(limits, { customSqlMaxMs: before });
    }
  });
});

describe('plan and apply', () => {
  const driver = entity({ name: 'driver', joinKeys: { driver_id: int64() } });
  const source = fileSource({ name: 'stats', path: 'data/stats.parquet', timestampField: 'datetime' });
  const check = (...expect: Parameters<typeof featureView>[0]['expect'] & object) =>
    checkViews([featureView({ name: 'stats', entities: [driver], features: { rate: float64() }, source, expect })]);

  it('let what can be run pass', async () => {
    const all = 'SELECT * FROM rows WHERE rate > driver_id AND event_timestamp > now() - INTERVAL 1 DAY';
    await check(customSql('all', all, { severity: 'quarantine' }), customSql('two', 'FROM rows WHERE rate IS NULL'));
  });

  it.each([
    ['a write', 'DELETE FROM rows', /it is no SELECT/],
    ['a write in WITH', 'WITH d AS (DELETE FROM rows RETURNING *) SELECT * FROM d', /A CTE needs a SELECT/],
    ['two statements', 'SELECT * FROM rows; SELECT 1', /2 statements/],
    ['a second that writes', 'SELECT * FROM rows; DROP TABLE rows', /it is no SELECT/],
    ['ATTACH', "ATTACH '/tmp/x.db' AS x", /it is no SELECT/],
    ['COPY', "COPY rows TO '/tmp/x.csv'", /it is no SELECT/],
    ['INSTALL', 'INSTALL httpfs', /it is no SELECT/],
    ['SET', 'SET threads = 8', /it is no SELECT/],
    ['PRAGMA', 'PRAGMA database_list', /it is no SELECT/],
    ['a file', "SELECT * FROM read_text('/etc/passwd')", /read_text\(\) reaches beyond the rows/],
    ['a file in an expression', "SELECT (SELECT content FROM read_text('/etc/passwd')) FROM rows", /read_text\(\)/],
    ['a file by name', "SELECT * FROM '/etc/passwd'", /it reads "\/etc\/passwd"/],
    ['files', "SELECT * FROM glob('/*')", /glob\(\)/],
    ['the environment', "SELECT getenv('HOME') FROM rows", /getenv\(\)/],
    ['settings', "SELECT current_setting('temp_directory') FROM rows", /current_setting\(\)/],
    ['SQL in a text', "SELECT * FROM query('SELECT 1')", /query\(\)/],
    ['the catalog', 'SELECT * FROM information_schema.tables', /information_schema.tables/],
    ['another table', 'SELECT * FROM drivers', /it reads "drivers"/],
    ['a parameter', 'SELECT * FROM rows WHERE rate > $1', /a parameter/],
    ['no column', 'SELECT * FROM rows WHERE speed > 1', /"speed" not found/],
    ['no SQL', 'SELEC * FROM rows', /syntax error at or near "SELEC"/],
    ['a bracket too many', 'SELECT * FROM rows) AS x, (SELECT 1', /syntax error/],
    ['only a comment', '-- nothing', /0 statements/],
    ['types that don’t fit', 'SELECT * FROM rows WHERE rate + event_timestamp > 1', /No function matches/],
  ])('refuse %s', async (_, sql, message) => {
    const error = await refused(check(customSql('mine', sql)));
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.message).toMatch(/^featureView "stats": expectation customSql\(mine\): /);
    expect(error.message).toMatch(message);
    expect(error.mend).toMatch(/one SELECT .* rows has driver_id, event_timestamp, created_timestamp, rate, _row/);
  });

  it('refuse to set aside what can’t be told', async () => {
    const grouped = customSql('x', 'SELECT driver_id FROM rows GROUP BY ALL', { severity: 'quarantine' });
    expect((await refused(check(grouped))).message).toMatch(/does not return _row/);
  });

  it('refuse a pattern that does not compile, naming the view', async () => {
    const view = featureView({
      name: 'named',
      entities: [driver],
      features: { code: string() },
      source,
      expect: [matches('code', '(a')],
    });
    const error = await refused(checkViews([view]));
    expect(error).toBeInstanceOf(DefinitionError);
    expect(error.message).toMatch(/^featureView "named": expectation matches\(code, \(a\): the pattern is no RE2/);
  });
});
