import { describe, expect, it } from 'vitest';
import { fitted, printable } from '../../../src/cli/printable.js';

describe('printable', () => {
  it('lets letters of all languages through', () => {
    for (const text of ['conv_rate = 1.7', 'größer', '東京', 'עברית', '🚕👩‍🔧', '']) expect(printable(text)).toBe(text);
  });

  it('writes out what steers a terminal or turns the direction of writing', () => {
    expect(printable('\u001b[31mred\u0007\u009b2J')).toBe('\\u001b[31mred\\u0007\\u009b2J');
    expect(printable('a\nb\tc\rd\u0000')).toBe('a\\nb\\tc\\u000dd\\u0000');
    expect(printable('\u202egnp.exe\u2066')).toBe('\\u202egnp.exe\\u2066');
    expect(printable('\ud800 alone')).toBe('\\ud800 alone');
  });

  it('cuts by letters', () => {
    expect(fitted('🚕🚕🚕🚕', 3)).toBe('🚕🚕…');
    expect(fitted('abc', 3)).toBe('abc');
    expect(fitted('\u001b]0;title', 8)).toBe('\\u001b]…');
  });
});
