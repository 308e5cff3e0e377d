import { describe, expect, it } from 'vitest';
import { fieldLines } from '../../../src/cli/print-plan.js';
import { between, customSql, notNull, rowCountChange } from '../../../src/index.js';
import { diffFields } from '../../../src/registry/diff.js';

const lines = (from: readonly object[], to: readonly object[]): string[] =>
  diffFields({ expect: from }, { expect: to }).flatMap(fieldLines);

describe('what a plan says of expectations', () => {
  it('tells rules that come and go, and not those that stay', () => {
    const kept = between('a', 0, 1);
    const sql = customSql('odd', 'SELECT * FROM rows WHERE a > b', { warnAbove: 0, errorAbove: '10 rows' });
    expect(
      lines([kept, notNull('a', { severity: 'warn' })], [kept, sql, rowCountChange({ lastRuns: 5, atMost: 0.3 })]),
    ).toEqual([
      'expect: - notNull(a), severity warn',
      'expect: + customSql(odd), warnAbove 0, errorAbove 10 rows, sql SELECT * FROM rows WHERE a > b',
      'expect: + rowCountChange(last 5 runs, at most 0.3)',
    ]);
  });

  it('tells the field of a rule that changes', () => {
    const at = (lastRuns: number) => rowCountChange({ lastRuns, atMost: 0.3 });
    expect(lines([at(5)], [at(7)])).toEqual(['expect[0].lastRuns: 5 → 7']);
    const sql = (text: string) => [notNull('a'), customSql('odd', text, { severity: 'warn' })];
    expect(lines(sql('FROM rows WHERE a > 1'), sql('FROM rows WHERE a > 2'))).toEqual([
      'expect[1].sql: FROM rows WHERE a > 1 → FROM rows WHERE a > 2',
    ]);
  });

  it('tells of a rule that is there twice', () => {
    expect(lines([notNull('a')], [notNull('a'), notNull('a')])).toHaveLength(1);
  });
});
