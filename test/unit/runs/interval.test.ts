import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cron, daily, every, manual, once, type Schedule } from '../../../src/definitions/index.js';
import { DefinitionError } from '../../../src/errors.js';
import { formatInterval, intervalAt, parseInterval } from '../../../src/runs/index.js';

const at = (schedule: Schedule, nominal: string, startAt?: string): string =>
  formatInterval(intervalAt(schedule, startAt, new Date(nominal)));

describe('the interval of a run', () => {
  it.each([
    [every('1 hour'), '2024-03-01T10:00:00.000Z', '2024-03-01T09:00:00.000Z/2024-03-01T10:00:00.000Z'],
    [every('1 hour'), '2024-03-01T10:59:59.999Z', '2024-03-01T09:00:00.000Z/2024-03-01T10:00:00.000Z'],
    [every('7 hours'), '1970-01-01T15:00:00.000Z', '1970-01-01T07:00:00.000Z/1970-01-01T14:00:00.000Z'],
    [daily(), '2024-03-01T23:00:00.000Z', '2024-02-29T00:00:00.000Z/2024-03-01T00:00:00.000Z'],
  ])('of %o at %s is the last whole one', (schedule, nominal, interval) => {
    expect(at(schedule, nominal)).toBe(interval);
  });

  it.each([
    ['0 0 1 * *', 'UTC', '2024-03-01T00:00:00.000Z', '2024-02-01T00:00:00.000Z/2024-03-01T00:00:00.000Z'],
    ['0 0 1 * *', 'UTC', '2024-03-31T12:34:56.789Z', '2024-02-01T00:00:00.000Z/2024-03-01T00:00:00.000Z'],
    ['*/15 * * * *', 'UTC', '2024-01-01T00:14:59.999Z', '2023-12-31T23:45:00.000Z/2024-01-01T00:00:00.000Z'],
    ['0 9 * * 1-5', 'UTC', '2024-01-08T09:00:00.000Z', '2024-01-05T09:00:00.000Z/2024-01-08T09:00:00.000Z'],
    ['0 0 * * *', 'Asia/Ho_Chi_Minh', '2024-01-02T00:00:00.000Z', '2023-12-31T17:00:00.000Z/2024-01-01T17:00:00.000Z'],
    // Clocks go forward on 2024-03-10 (23 hours) and back on 2024-11-03 (25 hours).
    ['0 0 * * *', 'America/New_York', '2024-03-11T04:00:00.000Z', '2024-03-10T05:00:00.000Z/2024-03-11T04:00:00.000Z'],
    ['0 0 * * *', 'America/New_York', '2024-11-04T05:00:00.000Z', '2024-11-03T04:00:00.000Z/2024-11-04T05:00:00.000Z'],
  ])('of cron %s in %s at %s is the last whole one', (expression, timezone, nominal, interval) => {
    expect(at(cron(expression, { timezone }), nominal)).toBe(interval);
  });

  it('follows on the one before, also over changes of the clock', () => {
    const schedule = fc.constantFrom(
      ...['0 0 * * *', '30 2 * * *', '0 * * * *', '15 1 * * 0', '0 3 1 * *', '*/20 * * * *'].flatMap((expression) =>
        ['UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe'].map((timezone) =>
          cron(expression, { timezone }),
        ),
      ),
      every('90 minutes'),
    );
    const nominal = fc.date({ min: new Date('2023-01-01'), max: new Date('2025-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(schedule, nominal, (given, time) => {
        const { start, end } = intervalAt(given, undefined, time);
        expect(start.getTime()).toBeLessThan(end.getTime());
        expect(end.getTime()).toBeLessThanOrEqual(time.getTime());
        // Due at its own end it is the same one; a moment earlier it is the one that ends where this starts.
        expect(intervalAt(given, undefined, end)).toEqual({ start, end });
        expect(intervalAt(given, undefined, new Date(end.getTime() - 1)).end).toEqual(start);
      }),
      { numRuns: 300 },
    );
  });

  it.each([once(), manual()])('of %o is everything from its start', (schedule) => {
    expect(at(schedule, '2024-01-01T00:00:00.123Z')).toBe('1970-01-01T00:00:00.000Z/2024-01-01T00:00:00.123Z');
    expect(at(schedule, '2024-01-01T00:00:00Z', '2022-01-01')).toBe(
      '2022-01-01T00:00:00.000Z/2024-01-01T00:00:00.000Z',
    );
    expect(() => at(schedule, '2024-01-01T00:00:00Z', '2024-01-01')).toThrow(DefinitionError);
    expect(() => at(schedule, '2024-01-01T00:00:00Z', '2030-01-01')).toThrow(/starts at 2030/);
  });

  it('can be given, if it is one', () => {
    const given = ['2024-01-01T00:00:00.000Z', '2024-01-02T00:00:00.000Z'] as const;
    expect(formatInterval(parseInterval(...given))).toBe(given.join('/'));
    expect(() => parseInterval('yesterday', given[1])).toThrow(/start "yesterday" is no time/);
    expect(() => parseInterval(given[0], '')).toThrow(DefinitionError);
    expect(() => parseInterval(given[1], given[0])).toThrow(/ends .* before it starts/);
    expect(() => parseInterval(given[0], given[0])).toThrow(DefinitionError);
  });
});
