import { describe, expect, it } from 'vitest';
import { countStates, countsText, drawIntervals } from '../../../src/cli/interval-grid.js';
import { cron, daily, every, hourly, type Schedule, weekly } from '../../../src/definitions/index.js';
import { type IntervalState, type IntervalStatus, intervalsBetween } from '../../../src/runs/index.js';

function between(schedule: Schedule, from: string, to: string, state: (n: number) => IntervalState = () => 'done') {
  const intervals = [
    ...intervalsBetween({ name: 'p', schedule, startAt: undefined, endAt: undefined }, at(from), at(to)),
  ];
  return intervals.map((interval, n): IntervalStatus => {
    const status = state(n);
    return { ...interval, status, isThere: status === 'done', run: undefined };
  });
}

const at = (time: string): Date => new Date(time.includes('T') ? time : `${time}T00:00:00Z`);
const draw = (intervals: IntervalStatus[], timezone = 'UTC') => drawIntervals(intervals, { timezone, coloured: false });

describe('the picture of intervals', () => {
  it('has a day a row for hourly ones', () => {
    const states: IntervalState[] = ['missing', 'failed', 'running', 'invalid'];
    expect(draw(between(hourly(), '2024-01-01T22:00:00Z', '2024-01-03T04:00:00Z', (n) => states[n] ?? 'done'))).toEqual(
      [
        '            00    06    12    18',
        '2024-01-01                        .x',
        '2024-01-02  >!######################',
        '2024-01-03  ####',
        '            # done   > running   x failed   . missing   ! invalid',
      ],
    );
  });

  it('has a month a row for daily ones, of a zone by its own days', () => {
    const lines = draw(between(daily({ timezone: 'Asia/Tokyo' }), '2024-01-30', '2024-03-03'), 'Asia/Tokyo');
    expect(lines.slice(0, 4)).toEqual([
      '         1    6    11   16   21   26   31',
      `2024-01  ${' '.repeat(30)}#`,
      '2024-02  #############################',
      '2024-03  ##',
    ]);
  });

  it.each<[string, Schedule, string, string, number, string]>([
    ['weekly', weekly(), '2023-01-01', '2026-01-01', 3, '2024'],
    ['monthly', cron('0 0 1 * *'), '2020-01-01', '2024-01-01', 4, '2020'],
    ['yearly', cron('0 0 1 1 *'), '2011-01-01', '2030-01-01', 2, '2010s'],
    ['two-daily', every('2 days'), '2024-01-01', '2024-03-01', 2, '2024-01'],
    ['working-daily', cron('0 9 * * 1-5'), '2024-01-01', '2024-02-01', 1, '2024-01'],
    ['six-hourly', every('6 hours'), '2024-01-01', '2024-01-22', 3, '2024-01-08'],
    ['half-hourly', every('30 minutes'), '2024-01-01', '2024-01-03', 2, '2024-01-02'],
    ['five-minute', every('5 minutes'), '2024-01-01', '2024-01-02', 6, '2024-01-01 08:00'],
    ['minute', every('1 minute'), '2024-01-01T00:00:00Z', '2024-01-01T03:00:00Z', 3, '2024-01-01 01:00'],
    ['second', every('1 second'), '2024-01-01T00:00:00Z', '2024-01-01T00:02:00Z', 2, '2024-01-01 00:01'],
  ])('shows all %s ones within 80 columns', (_, schedule, from, to, rowCount, label) => {
    const intervals = between(schedule, from, to);
    const [header = '', ...rest] = draw(intervals);
    const rows = rest.slice(0, -1);
    expect(rows).toHaveLength(rowCount);
    expect(rows.some((row) => row.startsWith(`${label}  `))).toBe(true);
    expect(rows.join('').replace(/[^#]/g, '')).toHaveLength(intervals.length);
    for (const line of [header, ...rest]) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('leaves the hour out that the clocks skip, and shows the one they show twice', () => {
    const zone = { timezone: 'America/New_York' };
    const spring = draw(between(hourly(zone), '2024-03-10T05:00:00Z', '2024-03-11T04:00:00Z'), zone.timezone);
    expect(spring[1]).toBe('2024-03-10  ## #####################');
    const autumn = draw(between(hourly(zone), '2024-11-03T04:00:00Z', '2024-11-05T05:00:00Z'), zone.timezone);
    expect(autumn[1]).toBe(`2024-11-03  ${'#'.repeat(25)}  (clocks went back)`);
    expect(autumn[2]).toBe(`2024-11-04  ${'#'.repeat(24)}`);
    const days = draw(between(daily(zone), '2024-03-01T05:00:00Z', '2024-04-01T04:00:00Z'), zone.timezone);
    expect(days[1]).toBe(`2024-03  ${'#'.repeat(31)}`);
  });

  it('of one interval and of 3,000 has every one once', () => {
    expect(draw(between(daily(), '2024-05-09', '2024-05-10'))[1]).toBe('2024-05          #');
    const many = between(every('1 hour'), '2024-01-01', '2024-05-05', (n) => (n % 7 === 0 ? 'missing' : 'done'));
    expect(many).toHaveLength(3_000);
    const lines = draw(many);
    expect(lines).toHaveLength(3_000 / 24 + 2);
    expect(lines.slice(1, -1).join('').match(/\./g)).toHaveLength(429);
  });

  it('says the same without colours as with them', () => {
    const some = between(hourly(), '2024-01-01', '2024-01-02', (n) => (n % 2 === 0 ? 'failed' : 'done'));
    const coloured = drawIntervals(some, { timezone: 'UTC', coloured: true });
    expect(coloured.join('\n')).toContain('\u001b[31mx\u001b[0m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are made of them
    expect(coloured.map((line) => line.replaceAll(/\u001b\[\d+m/g, ''))).toEqual(draw(some));
  });

  it('is counted', () => {
    const some = between(every('1 hour'), '2024-01-01', '2024-05-05', (n) => (n === 0 ? 'failed' : 'done'));
    expect(countsText(countStates(some))).toBe('3,000 intervals: 2,999 done, 1 failed');
    expect(countsText(countStates(some.slice(0, 1)))).toBe('1 interval: 1 failed');
  });
});
