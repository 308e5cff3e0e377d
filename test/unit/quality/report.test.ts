import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { between, notNull, rowCount, unique } from '../../../src/definitions/expectations.js';
import { StoreUnavailableError } from '../../../src/errors.js';
import {
  evaluateExpectations,
  profileFile,
  qualityOf,
  type ReportData,
  writeReport,
} from '../../../src/quality/index.js';
import { formatNumber, formatShare, formatShort, formatTime } from '../../../src/quality/report-format.js';
import { renderReport as renderPage } from '../../../src/quality/report-page.js';
import { float64, int32, int64, string } from '../../../src/types.js';
import { openStaging, type Staging } from './staging.js';

const renderReport = (report: ReportData) => renderPage([report]);

let staging: Staging;
beforeAll(async () => {
  staging = await openStaging();
});
afterAll(() => staging.close());

async function reportOn(sql: string, expectations: Parameters<typeof evaluateExpectations>[1]['expectations'] = []) {
  const file = await staging.write('reported', sql);
  const columns = { k: int64(), v: float64(), s: string(), c: int32(), empty: string() };
  const results = await evaluateExpectations(staging.session, { file, expectations, columns });
  const profile = await profileFile(staging.session, { file });
  return {
    project: 'driver_ranking',
    view: 'driver_stats',
    pipeline: 'db_to_offline_store',
    runId: 'run-1',
    workflowUrl: 'http://localhost:8233/workflows/run-1',
    startedAt: '2022-01-01T00:00:00.000Z',
    source: {
      name: 'stats',
      file: 'data/x.parquet',
      hash: 'sha256:ab',
      bytes: 2048,
      rows: 4,
      columns: [],
      owner: 'me',
    },
    counts: { read: profile.rows, duplicates: 0, dropped: { 'missing k': 3 }, quarantined: 0, published: profile.rows },
    quality: qualityOf(results),
    profile,
    expectations: results,
    notes: ['one note'],
  } satisfies ReportData;
}

const rows = `SELECT i::BIGINT AS k, CASE i WHEN 3 THEN 'nan' ELSE (i / 10)::VARCHAR END::DOUBLE AS v, 'driver-' || i AS s,
  7::INTEGER AS c, NULL::VARCHAR AS empty FROM range(50) AS r(i)`;

describe('writeReport', () => {
  it('writes both files whole, and JSON that reads back as what was given', async () => {
    const report = await reportOn(rows, [between('v', 0, 1), rowCount({ min: 1 })]);
    const directory = path.join(staging.folder, 'reports', 'run-1');
    const { json, html } = writeReport({ directory, report });
    expect(JSON.parse(readFileSync(json, 'utf8'))).toEqual(report);
    expect(readFileSync(html, 'utf8')).toBe(renderReport(report));
    const other: ReportData = { ...report, view: 'other', quality: 'passed', expectations: [] };
    writeReport({ directory, report: other });
    expect(readFileSync(html, 'utf8')).toBe(renderPage([report, other]));
    expect(readFileSync(html, 'utf8')).toMatch(/<h2>driver_stats<.*<h2>other</s);
    writeReport({ directory, report: { ...other, notes: ['done again'] } });
    expect(readFileSync(html, 'utf8')).toContain('done again');
    expect(readdirSync(directory, { recursive: true }).sort()).toEqual([
      'driver_stats',
      'driver_stats/report.json',
      'other',
      'other/report.json',
      'report.html',
    ]);
  });

  it('says so when the folder can’t be written', async () => {
    const report = await reportOn(rows);
    const blocked = path.join(staging.folder, 'a-file');
    writeFileSync(blocked, '');
    expect(() => writeReport({ directory: path.join(blocked, 'sub'), report })).toThrow(StoreUnavailableError);
    const taken = path.join(staging.folder, 'taken');
    mkdirSync(path.join(taken, 'driver_stats', 'report.json'), { recursive: true });
    expect(() => writeReport({ directory: taken, report })).toThrow(StoreUnavailableError);
    expect(readdirSync(taken, { recursive: true })).toEqual(['driver_stats', 'driver_stats/report.json']);
  });
});

describe('the page', () => {
  it('shows counts, failed rules with examples, odd columns, figures and provenance', async () => {
    const page = renderReport(
      await reportOn(rows, [between('v', 0, 1), notNull('k'), unique('c', { severity: 'warn' })]),
    );
    const text = page
      .replace(/<style>.*?<\/style>/s, '')
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ');
    expect(text).toContain('db_to_offline_store Failed');
    expect(text).toContain('missing k: 3');
    expect(text).toContain(
      'Error between(v, 0, 1) — 40 of 50 rows The first 10 rows v k s c empty NaN 3 driver-3 7 null',
    );
    expect(text.indexOf('Error between')).toBeLessThan(text.indexOf('Warning unique(c)'));
    expect(text).toMatch(/Note missing in every row: empty /);
    expect(text).toMatch(/Note the same value in every row: c /);
    expect(text).toMatch(/Note NaN or infinite values: v 1 /);
    expect(text).toContain('1 of 3 hold');
    expect(text).toContain('50 missing (100%)');
    expect(text).toContain('sha256:ab');
    expect(text).toContain('one note');
    expect(page).toContain('<a href="http://localhost:8233/workflows/run-1"');
    expect(page.match(/<svg class="histogram"/g)).toHaveLength(3);
  });

  it('tells published rows from rows to publish and from a run that publishes none', async () => {
    const counts = { read: 50, duplicates: 2, dropped: { late: 3 }, quarantined: 5 };
    const shown = (report: ReportData) =>
      /<dl class="flow">.*?<\/dl>/s.exec(renderReport(report))?.[0].replace(/<[^>]*>/g, ' ');
    const report = await reportOn(rows);
    expect(shown({ ...report, counts })).toMatch(/to publish\s+40\s*$/);
    expect(shown({ ...report, counts, quality: 'failed' })).toMatch(/published\s+–\s+not published\s*$/);
    expect(shown({ ...report, counts: { ...counts, published: 12 } })).toMatch(/published\s+12\s*$/);
  });

  it('is calm when all is well, and for a file without rows', async () => {
    const well = renderReport(await reportOn(`SELECT i::BIGINT AS k FROM range(9) AS r(i)`, [notNull('k')]));
    expect(well).toContain('Every expectation holds, no column drifted, and none is empty or constant.');
    const none = renderReport(await reportOn(`SELECT 1::BIGINT AS k WHERE false`, [notNull('k')]));
    expect(none).toContain('there are no rows');
    expect(none).not.toMatch(/NaN|Infinity|undefined/);
  });

  const textOf = (report: ReportData): string =>
    renderReport(report)
      .replace(/<style>.*?<\/style>/s, '')
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ');

  it('ids of join keys are shown as they are, and nothing is computed of them', async () => {
    const ids = `SELECT (1001 + i % 3)::BIGINT AS k, (1001 + i % 3)::BIGINT AS v FROM range(50) AS r(i)`;
    const file = await staging.write('keyed', ids);
    const expectations = await evaluateExpectations(staging.session, {
      file,
      expectations: [between('k', 0, 2000)],
      columns: { k: int64(), v: int64() },
    });
    const report = { ...(await reportOn(ids)), expectations, joinKeys: ['k'] };
    const text = textOf(report);
    expect(text).toContain('k BIGINT 0 missing 3 distinct min 1001 max 1003 values 1001 17 1002 17 1003 16');
    expect(text).toMatch(/v BIGINT 0 missing 3 distinct .* mean 1,001\.98 .* values 1,001 17 1,002 17/);
    expect(text).toContain('1001 to 1003');
  });

  const timed = (made: string) =>
    `SELECT i::BIGINT AS k, make_timestamptz(i * 60000000) AS event_timestamp, ${made} AS created_timestamp FROM range(101) AS r(i)`;

  it('created times that the source does not give are not missing', async () => {
    const report = await reportOn(timed('NULL::TIMESTAMPTZ'));
    expect(textOf(report)).not.toContain('missing in every row');
    expect(textOf(report)).not.toContain('lateness');
    const source = { ...report.source, createdTimestampField: 'made' };
    expect(textOf({ ...report, source })).toMatch(/Note missing in every row: created_timestamp/);
  });

  it('tells how fresh the rows are, and how long after their events they were made', async () => {
    const report = await reportOn(timed('make_timestamptz(i * 60000000 + i * 1000000 - 5000000)'));
    expect(report.profile.lateness).toEqual({ rows: 101, min: -5, p50: 45, p95: 90, p99: 94, max: 95 });
    const interval = { start: '1970-01-01T00:00:00.000Z', end: '1970-01-01T02:00:00.000Z' };
    const text = textOf({ ...report, interval });
    expect(text).toContain(
      'Freshness and lateness newest event 1970-01-01 01:40 UTC, 20 min before the interval ended',
    );
    expect(text).toContain('lateness median 45 s, 95% up to 1 min 30 s, 99% up to 1 min 34 s; from −5 s to 1 min 35 s');
    // An interval that is not over yet.
    expect(textOf({ ...report, interval: { ...interval, end: '2122-01-01T00:00:00.000Z' } })).toMatch(
      /18,992 days before it was validated/,
    );
    const some = await reportOn(timed('CASE WHEN i < 10 THEN make_timestamptz(i * 60000000 + 3600000000) END'));
    expect(textOf(some)).toContain('lateness 1 h each, of 10 rows');
  });

  it('does nothing but be read: a policy, no script, no request, no link but to the web', async () => {
    const page = renderReport({ ...(await reportOn(rows)), workflowUrl: 'javascript:alert(1)' });
    expect(page).toContain(`content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;`);
    expect(page).not.toMatch(/<script|<iframe|<img|<link|@import|url\(|javascript:| on\w+=/i);
  });

  const nasty = [
    `<script>alert('x')</script>`,
    `"><img src=x onerror=alert(1)>`,
    `'};alert(1)//`,
    `</style><b>`,
    '&lt;already&gt;',
    '\u0000\u0007nul',
    '\u202Egnirts',
  ];

  it('escapes nasty names and values wherever they stand', async () => {
    for (const text of nasty) {
      const clean = text.replaceAll('\u0000', '');
      const quoted = `'${clean.replaceAll("'", "''")}'`;
      const report = await reportOn(
        `SELECT ${quoted} AS s, ${quoted} AS "${clean.replaceAll('"', '""')}", 1::BIGINT AS k
        UNION ALL SELECT ${quoted}, 'b', 1`,
        [unique('k'), unique('s')],
      );
      const page = renderReport({
        ...report,
        project: text,
        view: text,
        pipeline: text,
        runId: text,
        workflowUrl: `https://x/${text}`,
        startedAt: text,
        source: {
          ...report.source,
          name: text,
          file: text,
          hash: text,
          owner: text,
          columns: [{ name: text, type: text }],
        },
        counts: { ...report.counts, dropped: { [text]: 1 } },
        notes: [text],
      });
      expect(tagsOf(page)).toEqual(tagsOf(renderReport(plain(report))));
      expect(page).not.toMatch(/\p{Cc}(?<!\n)/u);
    }
  });

  it('holds exactly its own tags for any text', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('<', '>', '"', "'", '&', '/', '=', ' ', '`', 'script', 'a', '\u0000', '\ud800'),
        }),
        (text) => {
          const base = { ...minimal, notes: ['x'] };
          expect(tagsOf(renderReport({ ...base, view: text, notes: [text] }))).toEqual(tagsOf(renderReport(base)));
        },
      ),
      { numRuns: 200 },
    );
  });

  /** Names of all tags and of their attributes: what a value would change if it got out of its place. */
  const tagsOf = (page: string) =>
    [
      ...page
        .replace(/<style>.*?<\/style>/s, '')
        .matchAll(/<(\/?[a-z0-9!]+)((?:\s+[a-z-]+(?:="[^"<>]*")?)*)\s*\/?>|<|>/gi),
    ].map(([whole, name, attributes]) =>
      name === undefined ? `stray ${whole}` : `${name} ${(attributes ?? '').replace(/="[^"]*"/g, '')}`,
    );

  /** The same report with harmless texts in the same places. */
  const plain = (report: ReportData): ReportData =>
    JSON.parse(
      JSON.stringify({
        ...report,
        source: { ...report.source, columns: [{ name: 'x', type: 'x' }] },
        workflowUrl: 'https://x',
      }),
      (_, value) =>
        typeof value === 'string' && nasty.some((text) => value.includes(text.replaceAll('\u0000', '')))
          ? 'x'.repeat(value.length)
          : value,
    ) as ReportData;

  const minimal: ReportData = {
    project: 'p',
    view: 'v',
    pipeline: 'l',
    runId: 'r',
    startedAt: '2022-01-01T00:00:00Z',
    source: { name: 's', file: 'f', hash: 'h', bytes: 0, rows: 0, columns: [] },
    counts: { read: 0, duplicates: 0, dropped: {}, quarantined: 0 },
    quality: 'passed',
    profile: { rows: 0, quantilesAreApproximate: false, columns: [] },
    expectations: [],
    notes: [],
  };
});

describe('figures for people', () => {
  it.each([
    [formatNumber(1805), '1,805'],
    [formatNumber(0.498123456), '0.4981'],
    [formatNumber(1234.5678), '1,234.57'],
    [formatNumber(1.2e-7), '1.2e-7'],
    [formatNumber(-1e20), '-1e20'],
    [formatNumber(0), '0'],
    [formatShort(0.0421234), '0.0421'],
    [formatShort(-12345678), '-12.3M'],
    [formatShort(0.00001234), '1.2e-5'],
    [formatShare(0), '0%'],
    [formatShare(1), '100%'],
    [formatShare(0.00001), '<0.1%'],
    [formatShare(0.99999), '>99.9%'],
    [formatShare(0.2951), '29.5%'],
    [formatTime('2021-07-12T10:00:00Z'), '2021-07-12 10:00'],
    [formatTime('2021-07-12T00:00:00.000Z'), '2021-07-12'],
    [formatTime('2021-07-12T10:00:05.120Z'), '2021-07-12 10:00:05.12'],
  ])('%s', (shown, expected) => expect(shown).toBe(expected));
});
