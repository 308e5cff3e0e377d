import { describe, expect, it } from 'vitest';
import { drawQuality } from '../../../src/cli/quality-grid.js';
import type { ExpectationStatus, QualityCell, QualityHistory } from '../../../src/index.js';

const letters: Readonly<Record<string, ExpectationStatus>> = {
  p: 'passed',
  w: 'warned',
  f: 'failed',
  q: 'quarantined',
  e: 'error',
};

/** `pp.f`: a letter for each run, the first on 2024-01-01; `.` = not judged. */
function history(rows: Readonly<Record<string, string>>, cell: Partial<QualityCell> = {}): QualityHistory {
  const count = Math.max(...Object.values(rows).map((text) => text.length));
  const day = (n: number): string => new Date(Date.UTC(2024, 0, 1 + n)).toISOString();
  const runs = Array.from({ length: count }, (_, n) => ({
    runId: `run-${n}-of-them`,
    pipeline: 'load',
    interval: { start: day(n), end: day(n + 1) },
    recordedAt: day(n + 1),
  }));
  const expectations = Object.entries(rows).map(([expectation, text]) => ({
    expectation,
    rule: expectation.startsWith('mean') ? 'mean_between' : 'not_null',
    results: [...text].flatMap((letter, n): QualityCell[] => {
      const status = letters[letter];
      if (status === undefined) return [];
      const failed = status === 'passed' ? 0 : 12;
      const base = { runId: runs[n]?.runId ?? '', severity: 'error', status, checked: 1_805, failed };
      return [{ ...base, observed: failed / 1_805, note: null, ...cell }];
    }),
  }));
  return { view: 'stats', runs, hasOlder: false, expectations };
}

describe('the picture of a view’s expectations', () => {
  it('shows since when a rule fails', () => {
    const lines = drawQuality(history({ 'notNull(driver_id)': 'pppp', 'between(rate, 0, 1)': 'pfpf' }), {
      coloured: false,
    });
    expect(lines).toEqual([
      'notNull(driver_id)   ####',
      'between(rate, 0, 1)  #x#x',
      '    failed since 2024-01-04 (run run-3-of); now: 12 of 1,805 rows',
      '# passed   x failed',
    ]);
  });

  it('tells what was not judged, and what never passed', () => {
    const lines = drawQuality(history({ 'unique(a)': '..ww', 'customSql(b)': 'q...' }), { coloured: false });
    expect(lines).toEqual([
      'unique(a)     ..ww',
      '    warned in all runs that judged it; now: 12 of 1,805 rows',
      'customSql(b)  q...',
      '    quarantined in all runs that judged it; now: 12 of 1,805 rows',
      'w warned   q quarantined   . not judged',
    ]);
  });

  it('tells why a rule could not be judged', () => {
    const lines = drawQuality(history({ 'customSql(b)': 'pfe' }, { note: 'it was still at work' }), {
      coloured: false,
    });
    expect(lines).toEqual(['customSql(b)  #xe', '    error: it was still at work', '# passed   x failed   e error']);
  });

  it('says a rule’s note, also of one that passed', () => {
    const shown = (status: string, cell: Partial<QualityCell>) =>
      drawQuality(history({ 'meanBetween(a, 0, 1)': status }, cell), { coloured: false })[1];
    expect(shown('p', { note: '2 of 5 accepted runs' })).toBe('    2 of 5 accepted runs');
    expect(shown('f', { failed: 1, observed: 3.5, note: '1 of the values are NaN' })).toContain(
      'now: 3.5, 1 of the values',
    );
  });

  it('fits in 80 columns', () => {
    const name = `matches(${'long_'.repeat(30)}, [a-z]+)`;
    const note = 'a long note of many words '.repeat(8);
    const lines = drawQuality(history({ [name]: `${'p'.repeat(19)}f` }, { note }), { coloured: false });
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines[0]).toContain('…');
  });
});
