import { afterEach, describe, expect, it, vi } from 'vitest';
import { formatCell, printColumns, printError, printTable } from '../../../src/cli/output.js';
import { LogPrinter } from '../../../src/cli/print-log.js';
import { DataError } from '../../../src/errors.js';

/** Clears the screen, sets the title, turns the direction of writing. */
const raw = '\u001b[2J\u009b1m\u0007\u202e';
const shown = '\\u001b[2J\\u009b1m\\u0007\\u202e';

/** What a terminal gets. */
function printed(print: () => void): string {
  const lines: string[] = [];
  for (const to of ['log', 'error'] as const)
    vi.spyOn(console, to).mockImplementation((line) => void lines.push(String(line)));
  print();
  return lines.join('\n');
}

describe('values of others steer no terminal', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each([
    ['a table', () => printTable([{ [raw]: 1, value: raw, list: [raw] }])],
    ['columns', () => printColumns([{ [raw]: 1, value: raw, list: [raw] }])],
    ['an error', () => printError(new DataError(`row 3 holds ${raw}`, { where: raw, mend: raw }), false)],
    [
      'a log',
      () =>
        console.log(
          new LogPrinter().text({
            ...{ at: '2024-01-01T00:00:00Z', level: 'warn', step: 'clean', attempt: 1, worker: raw },
            ...{ message: raw, fields: { value: raw, stack: `Error: ${raw}\n    at x` } },
          }),
        ),
    ],
  ])('%s', (_, print) => {
    const text = printed(print);
    expect(text).toContain(shown);
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u);
  });

  it('a cell of several lines keeps them where the table does, and fakes no rows where it does not', () => {
    expect(printed(() => printTable([{ why: 'no\n  → mend it' }]))).toMatch(/no +│\n.* {2}→ mend it/);
    expect(printed(() => printColumns([{ why: 'no\nrow' }]))).toMatch(/no\\nrow$/);
  });

  it('lines of JSON stay lines, and what can be read stays as it is', () => {
    expect(formatCell({ a: ['ö', '東'] })).toBe('{\n  "a": [\n    "ö",\n    "東"\n  ]\n}');
    expect(printed(() => printError(new DataError('no', { mend: 'do this' }), false))).toBe('asof: no\n  → do this');
  });
});
