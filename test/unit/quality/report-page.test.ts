import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DriftResult, profileFile, type ReportData, sampleRows } from '../../../src/quality/index.js';
import { reportLimits } from '../../../src/quality/report-limits.js';
import { renderReport } from '../../../src/quality/report-page.js';
import { builtProgram } from '../../support/build.js';
import { openStaging, type Staging } from './staging.js';

let staging: Staging;
beforeAll(async () => {
  staging = await openStaging();
});
afterAll(() => staging.close());

async function reportOf(sql: string, more: Partial<ReportData> = {}): Promise<ReportData> {
  const file = await staging.write('page', sql);
  const profile = await profileFile(staging.session, { file });
  const columns = profile.columns.map(({ name }) => name);
  const sample = await sampleRows(staging.session, { file, rows: profile.rows, columns });
  return {
    project: 'p',
    view: 'v',
    pipeline: 'l',
    runId: 'r',
    startedAt: '2022-01-01T00:00:00Z',
    counts: { read: profile.rows, duplicates: 0, dropped: {}, quarantined: 0 },
    quality: 'passed',
    profile,
    expectations: [],
    sample,
    notes: [],
    ...more,
  };
}

const withoutStyle = (page: string) => page.replace(/<style>.*?<\/style>/s, '');

/** Every tag is closed in its order, ids are unique, links on the page lead somewhere, headings skip no level. */
function expectWhole(page: string): void {
  const text = withoutStyle(page);
  const open: string[] = [];
  for (const [, close, tag = '', rest = ''] of text.matchAll(/<(\/?)([a-z][a-z0-9]*)((?:\s[^<>]*)?)>/g)) {
    if (['meta', 'br'].includes(tag) || rest.endsWith('/')) continue;
    if (close === '') open.push(tag);
    else expect(open.pop()).toBe(tag);
  }
  expect(open).toEqual([]);
  const ids = [...text.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const links = [...text.matchAll(/ href="([^"]*)"/g)].map(([, to]) => to?.slice(1));
  expect(links.filter((to) => !ids.includes(to))).toEqual([]);
  const levels = [...text.matchAll(/<h([1-4])/g)].map(([, level]) => Number(level));
  expect(levels.filter((level, at) => level > (levels[at - 1] ?? 0) + 1)).toEqual([]);
  expect(text).not.toMatch(/ (x|y|x1|x2|y1|y2|width|height)="[^"]*[NIu]|undefined|\[object/);
  const tags = [...text.matchAll(/<[^<>]*>/g)].map(([tag]) => tag.replace(/="[^"]*"/g, ''));
  expect(tags.filter((tag) => /^<(script|img|iframe|link|object|base|form)|\son|\sstyle|\ssrc/i.test(tag))).toEqual([]);
}

describe('the page of odd data', () => {
  const texts = [
    '<script>x</script>',
    '</style><b>',
    '"><img src=x onerror=alert(1)>',
    '\u202Egnirts',
    'a\nb\r\tc',
    '\u0007\u009b',
  ];
  const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

  it('of every type, with names and values that would break out', async () => {
    const rows = texts.map((text, n) => `(${literal(text)}, ${n})`).join(', ');
    const named = texts.map((text, n) => `t.v AS "${(text + n).replaceAll('"', '""')}"`).join(', ');
    const report =
      await reportOf(`SELECT ${named}, repeat(t.v, 20000) AS huge, NULL::DOUBLE AS "none", 'nan'::DOUBLE AS nans,
      CASE WHEN t.n % 2 = 0 THEN 'inf' ELSE '-inf' END::DOUBLE AS infs, CASE WHEN t.n % 2 = 0 THEN 'infinity' ELSE '-infinity' END::TIMESTAMPTZ AS times,
      CASE WHEN t.n = 1 THEN '290000-01-01' ELSE '0001-01-01 (BC)' END::TIMESTAMP AS far, 'infinity'::DATE AS day, [t.v, NULL] AS list,
      encode(t.v) AS bytes, {'a': t.v} AS record, (t.n * 1.25)::DECIMAL(38, 10) AS dec, t.n::HUGEINT * 10::HUGEINT ** 30 AS big,
      TIME '10:00' AS clock, INTERVAL 3 DAY AS span, uuid() AS u, MAP {t.v: t.n} AS map, 'a'::ENUM('a', 'b') AS en, t.n * 1.7e308 AS most
      FROM (VALUES ${rows}) AS t(v, n)`);
    const page = renderReport([report, { ...report, view: texts[0] ?? '', quality: 'failed' }]);
    expectWhole(page);
    expect(page).not.toMatch(/\p{Cc}(?<!\n)|\u202e/u);
    expect(page.length).toBeLessThan(400_000);
  });

  it('without rows, and of a check that has neither rows nor source', async () => {
    expectWhole(renderReport([await reportOf(`SELECT 1 AS i, 'x' AS s, now() AS t, [1] AS l WHERE false`)]));
    const { counts, sample, ...bare } = await reportOf('SELECT 1 AS i WHERE false');
    expectWhole(renderReport([{ ...bare, profile: { rows: 7, quantilesAreApproximate: false, columns: [] } }]));
  });

  it('of more columns than it has cards for: each is there, and alerts lead to it', async () => {
    const many = reportLimits.cards + 50;
    const columns = Array.from({ length: many }, (_, c) => `NULL::INTEGER AS c${c}`).join(', ');
    const report = await reportOf(`SELECT ${columns} FROM range(3)`);
    const page = renderReport([report]);
    expectWhole(page);
    expect(page.match(/<section class="card"/g)).toHaveLength(reportLimits.cards);
    expect(page).toContain(`id="v0-c${many - 1}"`);
    expect(page).toContain(`and ${many - reportLimits.alertColumns} more`);
  });

  it('draws both distributions of a column that drifted, and says how it was compared', async () => {
    const column = { currentRows: 9, referenceRows: 9, adjustedPValue: null, pValue: null, threshold: 0.1 } as const;
    const drift: DriftResult[] = [
      {
        reference: 'last accepted run',
        referenceDetail: '<b>run x</b>',
        referenceRows: 9,
        rows: 9,
        columns: [
          {
            ...column,
            column: 'n',
            kind: 'numeric',
            method: 'wasserstein',
            statistic: 0.25,
            drifted: true,
            psi: { value: 0.3, floor: 0.02, bins: 2 },
            overlay: {
              kind: 'bins',
              bins: [
                { from: 0, to: 1, current: 1, reference: 0.5 },
                { from: 1, to: 2, current: 0, reference: 0.5 },
              ],
            },
          },
          {
            ...column,
            column: 's',
            kind: 'categorical',
            method: 'chi_squared',
            statistic: 1,
            pValue: 0.2,
            adjustedPValue: 0.4,
            drifted: false,
            psi: null,
            overlay: { kind: 'values', values: [{ value: '<i>', current: 1, reference: 0 }] },
          },
        ],
      },
    ];
    const page = renderReport([await reportOf(`SELECT i AS n, 'x' AS s FROM range(9) AS r(i)`, { drift })]);
    expectWhole(page);
    const text = withoutStyle(page)
      .replace(/<title>.*?<\/title>/gs, '')
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ');
    expect(text).toContain('Drift drifted against last accepted run, 1 of 2 columns: n');
    expect(text).toContain('drifted n Wasserstein distance 0.25 at least 0.1 0.3 (by chance 0.02)');
    expect(text).toContain('steady s chi-squared test 1 p below 0.1, is 0.4 –');
    expect(page.match(/<rect class="current"/g)).toHaveLength(2);
    expect(page.match(/<rect class="reference"/g)).toHaveLength(3);
    expect(page).toContain('<a href="#v0-d0"');
  });
});

describe('several workers at once', () => {
  it('lose no view of the run', { timeout: 60_000 }, async () => {
    const directory = path.join(staging.folder, 'reports', 'many');
    const writer = builtProgram('test/support/report-writer.ts');
    const ends = ['a', 'b', 'c'].map(async (name) => {
      const child = spawn(process.execPath, [writer, directory, name, '12'], { stdio: 'inherit' });
      expect((await once(child, 'exit'))[0]).toBe(0);
    });
    await Promise.all(ends);
    const page = readFileSync(path.join(directory, 'report.html'), 'utf8');
    expect(page.match(/<section id="v\d+" class="view"/g)).toHaveLength(36);
    expect(readdirSync(directory)).toHaveLength(37);
  });
});
