import { type Calendar, cronCalendars } from '../definitions/cron.js';
import type { Schedule } from '../definitions/schedule.js';
import { isDayOf, nextAroundChange } from './clock-change.js';
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
 * The times of a schedule from `from` on, both ways that one included; without end. They are those of Temporal's server, over
 * changes of the clock too.
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

/** @param day midnight of the date as if it were UTC. @returns ascending moments at which the zone's clocks show that date. */
function ticksOfDay(calendars: readonly Calendar[], timezone: string, day: number): number[] {
  const due = calendars.find((calendar) => isDayOf(calendar, day));
  const offsets = [day - dayMs, day + dayMs / 2, day + 2 * dayMs].map((at) => zoneOffset(timezone, at));
  const [offset = 0] = offsets;
  if (offsets.some((other) => other !== offset)) return ticksAroundChange(calendars, timezone, day);
  if (due === undefined) return [];
  // Of two calendars only the days differ.
  const { hour, minute } = due;
  const moments = hour.flatMap((h) => minute.map((m) => day + (h * 60 + m) * minuteMs - offset));
  return moments.sort((a, b) => a - b);
}

function ticksAroundChange(calendars: readonly Calendar[], timezone: string, day: number): number[] {
  // On the date before, the last hour may be one of two.
  const due = calendars.filter((calendar) => isDayOf(calendar, day) || isDayOf(calendar, day - dayMs));
  const until = day + 2 * dayMs;
  const moments = due.flatMap((calendar) => {
    const found: number[] = [];
    let at: number | undefined = day - 2 * dayMs;
    while (at !== undefined && at < until) {
      at = nextAroundChange(calendar, timezone, at, until);
      if (at !== undefined && dateAt(timezone, at) === day) found.push(at);
    }
    return found;
  });
  return [...new Set(moments)].sort((a, b) => a - b);
}

/** Midnight of the date the clocks of a zone show, as if it were UTC. */
const dateAt = (timezone: string, at: number): number => Math.floor((at + zoneOffset(timezone, at)) / dayMs) * dayMs;

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

/** How many periods are looked at: enough for every pattern within a year of all but the finest schedules. */
const periodsLookedAt = 400;

/** The shortest time between two runs; the same whenever it is asked. */
export function shortestPeriodMs(schedule: PeriodicSchedule): number {
  if (schedule.type === 'every') return schedule.everyMs;
  const times = take(ticks(schedule, Date.UTC(2024, 0, 1)), periodsLookedAt);
  return Math.min(...times.slice(1).map((time, i) => time - (times[i] ?? 0)));
}
