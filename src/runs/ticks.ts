import { type Calendar, cronCalendars } from '../definitions/cron.js';
import type { Schedule } from '../definitions/schedule.js';
import { zoneOffset } from './zone-offset.js';

/** A schedule with times of its own. */
export type PeriodicSchedule = Extract<Schedule, { type: 'every' | 'cron' }>;

export const isPeriodic = (schedule: Schedule): schedule is PeriodicSchedule =>
  schedule.type === 'every' || schedule.type === 'cron';

const dayMs = 86_400_000;
const minuteMs = 60_000;
/** Between two 29ths of February lie eight years at most. */
const longestGapMs = 9 * 366 * dayMs;

/**
 * The times of a schedule from `from` on, both ways that one included; without end. A clock time is due at every moment at which
 * the clocks of the zone show it: twice on the day they go back, never where they skip it.
 */
export function* ticks(
  schedule: PeriodicSchedule,
  from: number,
  { backwards = false }: { backwards?: boolean } = {},
): Generator<number> {
  const step = backwards ? -1 : 1;
  if (schedule.type === 'every') {
    const { everyMs } = schedule;
    const first = (backwards ? Math.floor(from / everyMs) : Math.ceil(from / everyMs)) * everyMs;
    for (let tick = first; ; tick += step * everyMs) yield tick;
  }
  const calendars = cronCalendars(schedule.expression);
  const timezone = schedule.timezone ?? 'UTC';
  // The zone's day may have begun or end on another day of UTC.
  let lastTick = from;
  for (
    let day = (Math.floor(from / dayMs) - step) * dayMs;
    Math.abs(day - lastTick) < longestGapMs;
    day += step * dayMs
  ) {
    const times = ticksOfDay(calendars, timezone, day);
    for (const tick of backwards ? times.reverse() : times) {
      if ((tick - from) * step < 0) continue;
      yield tick;
      lastTick = tick;
    }
  }
}

/** @param day midnight of the date as if it were UTC. @returns ascending moments at which the zone's clocks show a time of it. */
function ticksOfDay(calendars: readonly Calendar[], timezone: string, day: number): number[] {
  const date = new Date(day);
  const due = calendars.filter(
    ({ month, dayOfMonth, dayOfWeek }) =>
      month.includes(date.getUTCMonth() + 1) &&
      dayOfMonth.includes(date.getUTCDate()) &&
      dayOfWeek.includes(date.getUTCDay()),
  );
  const [calendar] = due;
  // Of two calendars only the days differ.
  if (calendar === undefined) return [];
  const shown = calendar.hour.flatMap((hour) => calendar.minute.map((minute) => day + (hour * 60 + minute) * minuteMs));
  const offsets = [...new Set([day - dayMs, day + dayMs / 2, day + 2 * dayMs].map((at) => zoneOffset(timezone, at)))];
  const [only] = offsets;
  if (offsets.length === 1 && only !== undefined) return shown.map((clock) => clock - only).sort((a, b) => a - b);
  return offsets
    .flatMap((offset) => shown.map((clock) => clock - offset).filter((at) => zoneOffset(timezone, at) === offset))
    .sort((a, b) => a - b);
}

/** The first few of many. */
export function take<T>(values: Iterable<T>, count: number): T[] {
  const taken: T[] = [];
  if (count > 0)
    for (const value of values) {
      taken.push(value);
      if (taken.length === count) break;
    }
  return taken;
}
