import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { type ReportData, writeReport } from '../../../src/quality/index.js';
import type * as Page from '../../../src/quality/report-page.js';

/** What another worker does while this one makes its page. */
let meanwhile: (() => void) | undefined;
vi.mock('../../../src/quality/report-page.js', async (original) => {
  const page = await original<typeof Page>();
  return {
    ...page,
    renderReport: (reports: readonly ReportData[]) => {
      const text = page.renderReport(reports);
      const work = meanwhile;
      meanwhile = undefined;
      work?.();
      return text;
    },
  };
});

const directory = mkdtempSync(path.join(os.tmpdir(), 'asof-report-'));
afterEach(() => rmSync(directory, { recursive: true }));

const report = (view: string): ReportData => ({
  project: 'p',
  view,
  pipeline: 'l',
  runId: 'r',
  startedAt: '2022-01-01T00:00:00Z',
  quality: 'passed',
  profile: { rows: 0, quantilesAreApproximate: false, columns: [] },
  expectations: [],
  notes: [],
});

it('a page that was made before another view was written is made again', () => {
  meanwhile = () => writeReport({ directory, report: report('theirs') });
  const { html } = writeReport({ directory, report: report('ours') });
  expect(meanwhile).toBeUndefined();
  expect(readFileSync(html, 'utf8')).toMatch(/<h2>ours<.*<h2>theirs</s);
});
