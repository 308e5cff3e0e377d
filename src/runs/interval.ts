import type { Schedule } from '../definitions/schedule.js';
import { parseUtc } from '../definitions/utc-time.js';
import { DefinitionError } from '../errors.js';
import { isPeriodic, take, ticks } from './ticks.js';

/** The stretch of time a run is responsible for: [start, end). */
export interface DataInterval {
  readonly start: Date;
  readonly end: Date;
}

/**
 * The last whole interval of the schedule that ended at or before the nominal time; a start by hand, in the middle of an
 * interval, is floored. Pipelines without intervals cover everything from `startAt` (or 1970) up to the nominal time.
 */
export function intervalAt(schedule: Schedule, startAt: string | undefined, nominal: Date): DataInterval {
  if (isPeriodic(schedule)) {
    const [end, start] = take(ticks(schedule, nominal.getTime(), { backwards: true }), 2);
    if (start !== undefined && end !== undefined) return { start: new Date(start), end: new Date(end) };
    throw new DefinitionError(`the schedule is never due before ${nominal.toISOString()}`);
  }
  const start = startAt === undefined ? new Date(0) : parseUtc(startAt);
  if (start < nominal) return { start, end: nominal };
  throw new DefinitionError(`the pipeline starts at ${start.toISOString()}, after ${nominal.toISOString()}`, {
    mend: 'set its startAt back, or give the interval of the run',
  });
}

/** An interval asked for by the caller. @throws DefinitionError when it is none. */
export function parseInterval(start: string, end: string): DataInterval {
  const interval = { start: parseUtc(start), end: parseUtc(end) };
  for (const [name, text] of Object.entries({ start, end })) {
    if (Number.isNaN(parseUtc(text).getTime())) {
      throw new DefinitionError(`${name} "${text}" is no time`, { mend: 'write ISO times, e.g. 2024-01-01T00:00:00Z' });
    }
  }
  if (interval.start >= interval.end) {
    throw new DefinitionError(`the interval ends (${end}) before it starts (${start})`, { mend: 'swap start and end' });
  }
  return interval;
}

/** `2024-01-01T00:00:00.000Z/2024-01-02T00:00:00.000Z` */
export const formatInterval = ({ start, end }: DataInterval): string => `${start.toISOString()}/${end.toISOString()}`;
