import { describe, expect, it } from 'vitest';
import { intervalText, shortIntervalText } from '../../src/cli/clock.js';

const at = (text: string): string => (text === '' ? new Date(0) : new Date(`${text}Z`)).toISOString();
const cases = [
  ['2024-01-01T00:00', '2024-01-02T00:00', '2024-01-01', '2024-01-01'],
  ['2024-01-01T05:00', '2024-01-01T06:00', '2024-01-01 05:00 + 1 h', '2024-01-01 05:00 + 1 h'],
  ['2024-01-01T17:00', '2024-01-02T17:00', '2024-01-01 17:00 + 1 d', '2024-01-01 17:00 + 1 d'],
  ['2024-03-09T05:00', '2024-03-10T04:00', '2024-03-09 05:00 + 23 h', '2024-03-09 05:00 + 23 h'],
  ['2024-11-03T04:00', '2024-11-04T05:00', '2024-11-03 04:00 .. 2024-11-04 05:00', '2024-11-03 .. 2024-11-04'],
  ['2024-01-01T00:00', '2024-02-01T00:00', '2024-01-01 .. 2024-02-01', '2024-01-01 .. 2024-02-01'],
  ['2022-01-01T00:00', '2024-02-01T09:30', '2022-01-01 .. 2024-02-01 09:30', '2022-01-01 .. 2024-02-01'],
  ['', '2024-02-01T09:30', '.. 2024-02-01 09:30', '.. 2024-02-01'],
] as const;

describe('intervals for people', () => {
  it.each(cases)('%s to %s: %s, %s', (start, end, whole, short) => {
    const interval = { start: at(start), end: at(end) };
    expect([intervalText(interval), shortIntervalText(interval)]).toEqual([whole, short]);
  });

  it('of a stream have no end', () => {
    const interval = { start: at('2024-01-01T00:00'), end: '9999-12-31T00:00:00.000Z' };
    expect([intervalText(interval), shortIntervalText(interval)]).toEqual(['2024-01-01 ..', '2024-01-01 ..']);
  });
});
