import { describe, expect, it } from 'vitest';
import {
  after,
  cron,
  daily,
  every,
  hourly,
  inZone,
  manual,
  once,
  type Schedule,
  weekly,
} from '../../../src/definitions/index.js';
import { scheduleInWords } from '../../../src/definitions/schedule-words.js';

describe('a schedule in words', () => {
  it.each<[Schedule, string]>([
    [manual(), 'by hand'],
    [once(), 'once'],
    [after('a', 'b'), 'after a, b'],
    [every('1 hour'), 'every hour'],
    [every('60 minutes'), 'every hour'],
    [every('90 minutes'), 'every 90 minutes'],
    [every('2 days'), 'every 2 days'],
    [every('14 days'), 'every 2 weeks'],
    [every('10 seconds'), 'every 10 seconds'],
    [hourly(), 'hourly'],
    [cron('5 * * * *'), 'hourly at :05'],
    [cron('* * * * *'), 'every minute'],
    [cron('*/1 * * * *'), 'every minute'],
    [cron('*/15 * * * *'), 'every 15 minutes'],
    // 0, 7, … 56, and again at 0: no fixed distance.
    [cron('*/7 * * * *'), 'cron */7 * * * *'],
    [daily(), 'daily at 00:00'],
    [daily({ timezone: 'Asia/Tokyo' }), 'daily at 00:00 Asia/Tokyo'],
    [inZone(daily(), 'Europe/Paris'), 'daily at 00:00 Europe/Paris'],
    [cron('30 6 * * *'), 'daily at 06:30'],
    [weekly(), 'weekly on Sunday at 00:00'],
    [cron('0 9 * * 7'), 'weekly on Sunday at 09:00'],
    [cron('0 9 * * 1-5'), 'cron 0 9 * * 1-5'],
    [cron('0 0 1 * *'), 'monthly on day 1 at 00:00'],
    [cron('0 0 29 2 *'), 'yearly on 29 February at 00:00'],
    [cron('0 0 1 * 1'), 'cron 0 0 1 * 1'],
    [cron('0 6,18 * * *'), 'cron 0 6,18 * * *'],
  ])('%j is %s', (schedule, words) => {
    expect(scheduleInWords(schedule)).toBe(words);
  });
});
