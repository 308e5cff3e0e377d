import type { Schedule } from './schedule.js';

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = [
  ...['January', 'February', 'March', 'April', 'May', 'June'],
  ...['July', 'August', 'September', 'October', 'November', 'December'],
];
const lengths: readonly [string, number][] = [
  ['week', 7 * 86_400_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

/** When a pipeline runs, for people: `daily at 00:30 Asia/Tokyo`, `every 2 hours`; a cron expression beyond words as it stands. */
export function scheduleInWords(schedule: Schedule): string {
  switch (schedule.type) {
    case 'manual':
      return 'by hand';
    case 'once':
      return 'once';
    case 'after':
      return `after ${schedule.pipelines.join(', ')}`;
    case 'every':
      return `every ${durationInWords(schedule.everyMs).replace(/^1 /, '')}`;
    case 'cron': {
      const words = cronInWords(schedule.expression) ?? `cron ${schedule.expression}`;
      const { timezone = 'UTC' } = schedule;
      return timezone === 'UTC' ? words : `${words} ${timezone}`;
    }
  }
}

/** `1 day`, `90 minutes`: in the largest unit it is a whole number of. */
export function durationInWords(ms: number): string {
  const [unit, length] = lengths.find(([, length]) => ms % length === 0) ?? ['millisecond', 1];
  const count = ms / length;
  return count === 1 ? `1 ${unit}` : `${count} ${unit}s`;
}

/** The usual ones; `undefined` for the others. */
function cronInWords(expression: string): string | undefined {
  const [minute = '', hour = '', date = '', month = '', day = ''] = expression.split(' ');
  const anyDay = date === '*' && month === '*' && day === '*';
  const stepped = /^\*\/(\d+)$/.exec(minute)?.[1];
  if (anyDay && hour === '*') {
    if (stepped !== undefined && 60 % Number(stepped) === 0)
      return stepped === '1' ? 'every minute' : `every ${stepped} minutes`;
    if (minute === '*') return 'every minute';
    return isNumber(minute) ? (minute === '0' ? 'hourly' : `hourly at :${minute.padStart(2, '0')}`) : undefined;
  }
  if (!isNumber(minute) || !isNumber(hour)) return undefined;
  const at = `at ${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`;
  if (anyDay) return `daily ${at}`;
  const weekday = isNumber(day) ? days[Number(day) % 7] : undefined;
  if (date === '*' && month === '*' && weekday !== undefined) return `weekly on ${weekday} ${at}`;
  if (!isNumber(date) || day !== '*') return undefined;
  if (month === '*') return `monthly on day ${Number(date)} ${at}`;
  return isNumber(month) ? `yearly on ${Number(date)} ${months[Number(month) - 1]} ${at}` : undefined;
}

const isNumber = (field: string): boolean => /^\d+$/.test(field);
