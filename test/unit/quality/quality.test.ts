import { describe, expect, it } from 'vitest';
import type { Severity } from '../../../src/definitions/expectations.js';
import { type ExpectationResult, failureMessage, qualityOf } from '../../../src/quality/index.js';

const result = (severity: Severity, passed: boolean, more: Partial<ExpectationResult> = {}): ExpectationResult => ({
  expectation: 'between(conv_rate, 0, 1)',
  rule: 'between',
  columns: ['conv_rate'],
  severity,
  tolerate: 0,
  checked: 1805,
  failed: passed ? 0 : 12,
  observed: '-3..4',
  passed,
  examples: passed ? [] : [{ conv_rate: 4, phone: 'secret-value' }],
  ...more,
});

describe('qualityOf', () => {
  it.each([
    [[], 'passed'],
    [[result('error', true), result('warn', true)], 'passed'],
    [[result('error', true), result('warn', false)], 'warned'],
    [[result('quarantine', false)], 'warned'],
    [[result('warn', false), result('error', false)], 'failed'],
  ] as const)('%#', (results, quality) => expect(qualityOf(results)).toBe(quality));
});

describe('failureMessage', () => {
  it('names rule, view, count and report, and no value of any row', () => {
    const results = [
      result('error', false),
      result('warn', false),
      result('error', true),
      result('error', false, { rule: 'row_count', expectation: 'rowCount(10..20)', checked: 3, failed: 7 }),
      result('error', false, { rule: 'missing_ratio', expectation: 'missingRatio(acc_rate, below 0.8)', failed: 1700 }),
    ];
    const message = failureMessage('driver_stats', results, '.asof/reports/r1/report.html');
    expect(message).toBe(
      'view driver_stats: 3 of 5 expectations failed: between(conv_rate, 0, 1): 12 of 1805 rows; rowCount(10..20): 3 rows; ' +
        'missingRatio(acc_rate, below 0.8): 1700 of 1805 values missing. Report: .asof/reports/r1/report.html',
    );
    expect(message).not.toContain('secret');
  });

  it('stays small whatever fails', () => {
    const many = Array.from({ length: 500 }, () => result('error', false, { expectation: 'x'.repeat(50_000) }));
    const message = failureMessage('v', many, 'r.html');
    expect(message).toContain('and 495 more');
    expect(message.length).toBeLessThan(1000);
  });
});
