import { afterEach, describe, expect, it, vi } from 'vitest';
import { printList, printReleased } from '../../../src/cli/print-quarantine.js';

afterEach(() => vi.restoreAllMocks());

it('one row stays held, several stay', () => {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  const stillHeld = [
    { view: 'stats', why: 'breaks notNull(a)', rows: 1, ids: ['3f2a'] },
    { view: 'stats', why: 'breaks notNull(b)', rows: 2, ids: [] },
  ];
  printReleased({ released: 0, views: [], stillHeld, notHeld: [] });
  expect(lines).toEqual([
    'stats: 1 row stays held: breaks notNull(a) (3f2a)',
    'stats: 2 rows stay held: breaks notNull(b)',
  ]);
});

describe('the list', () => {
  const group = (rule: string) => ({
    view: 'rides',
    rule,
    state: 'held' as const,
    rows: 1,
    runs: 1,
    newest: '2024-01-01T00:00:00.000Z',
  });
  const printed = (rules: readonly string[], isFiltered = false): string => {
    const lines: string[] = [];
    vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
    const groups = rules.map(group);
    const row = {
      ...{ id: '3f2a9c01d2e45b67', view: 'rides', state: 'held' as const, broken: [], values: { fare: -3 }, row: null },
      ...{ source: 'data/rides.csv', position: 1, runId: '0198a6f2-1af5-7e00-bf28-0abcee6741c6', pipeline: 'load' },
      ...{ interval: null, setAsideAt: '2024-01-01T00:00:00.000Z', decidedAt: null, decidedBy: null, reason: null },
    };
    printList({ total: rules.length, groups, rows: rules.length === 0 ? [] : [row] }, 'held', isFiltered);
    return lines.join('\n');
  };

  it('tells rows that break several rules from those that break the first', () => {
    const zone = 'acceptedValues(zone, [north, south])';
    const text = printed([zone, `${zone}; between(fare, 0, 100)`, `${zone}; between(fare, 0, 100); notNull(note)`]);
    expect(text).toContain('  acceptedValues(zone, [nor…  ');
    expect(text).toContain('  acceptedVal…; between(far…  ');
    expect(text).toContain('  acceptedV…; between(f… +1  ');
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('shows of a run id what other commands take', () => {
    expect(printed(['notNull(a)'])).toMatch(/ 0198a6f2-1af5$/m);
  });

  it('does not call the quarantine empty when only what was asked for is not there', () => {
    expect(printed([])).toBe('Nothing is held in quarantine.');
    expect(printed([], true)).toBe('No held row is like that.');
  });
});
