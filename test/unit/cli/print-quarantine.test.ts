import { afterEach, expect, it, vi } from 'vitest';
import { printReleased } from '../../../src/cli/print-quarantine.js';

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
