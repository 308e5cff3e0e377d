import type { Calendar } from '../definitions/cron.js';
import { zoneOffset } from './zone-offset.js';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** The hour the clocks of a zone show. */
const hourAt = (timezone: string, at: number): number => new Date(at + zoneOffset(timezone, at)).getUTCHours();

/** @param clock a clock time as if it were UTC. @returns the moment; of two that show it, or none, one near by. */
function momentOf(timezone: string, clock: number): number {
  const guess = clock - zoneOffset(timezone, clock);
  return clock - zoneOffset(timezone, guess);
}

/**
 * The next time of a calendar in the days around a change of the clocks, as Temporal's server finds it: hour by hour, an hour that
 * takes two gone through again. West of UTC a time that is shown twice is due twice, and one that is skipped is left out. East of
 * it the server takes the second of two moments for the first, and leaves some out: what it does not run can be no end of an
 * interval, so its meaning is ours.
 */
export function nextAroundChange(
  calendar: Calendar,
  timezone: string,
  after: number,
  until: number,
): number | undefined {
  const shown = after + zoneOffset(timezone, after);
  let day = Math.floor(shown / dayMs) * dayMs;
  let hour = new Date(shown).getUTCHours();
  let minute = new Date(shown).getUTCMinutes() + 1;
  let again = hourAt(timezone, after - hourMs) === hour ? hourMs : 0;
  while (day < until + 2 * dayMs) {
    if (minute === 60) {
      const length = momentOf(timezone, day + (hour + 1) * hourMs) - momentOf(timezone, day + hour * hourMs);
      const takesTwo = again === 0 && length > hourMs;
      again = takesTwo ? hourMs : 0;
      minute = 0;
      if (!takesTwo) hour += 1;
    }
    if (hour === 24) [day, hour] = [day + dayMs, 0];
    if (!isDayOf(calendar, day)) {
      [day, hour, minute, again] = [day + dayMs, 0, 0, 0];
    } else if (!calendar.hour.includes(hour)) {
      [hour, minute, again] = [hour + 1, 0, 0];
    } else if (!calendar.minute.includes(minute)) {
      minute += 1;
    } else {
      const moment = momentOf(timezone, day + hour * hourMs + minute * minuteMs);
      if (hourAt(timezone, moment) === hour) return moment + again;
      // The clocks skip it, and with it the server what is left of the hour.
      [hour, minute] = [hour + 1, 0];
    }
  }
  return undefined;
}

/** @param day midnight of the date as if it were UTC. */
export function isDayOf({ month, dayOfMonth, dayOfWeek }: Calendar, day: number): boolean {
  const date = new Date(day);
  return (
    month.includes(date.getUTCMonth() + 1) &&
    dayOfMonth.includes(date.getUTCDate()) &&
    dayOfWeek.includes(date.getUTCDay())
  );
}
