import { ScheduleOverlapPolicy, type ScheduleSpec } from '@temporalio/client';
import {
  cronCalendars,
  DefinitionError,
  formatInterval,
  intervalsBetween,
  type Pipeline,
  periodicSchedule,
  shortestPeriodMs,
} from '../../index.js';
import { calendarSpec } from './calendar-ranges.js';
import { desiredAction } from './desired-action.js';
import type { ScheduleParts } from './schedule-form.js';

/** What is behind when the server comes back after an outage is run as long as it is not older. */
const catchupWindowMs = 365 * 86_400_000;
/** The server knows no shorter one. */
const shortestWindowMs = 10_000;

const policies = {
  skip: ScheduleOverlapPolicy.SKIP,
  queue: ScheduleOverlapPolicy.BUFFER_ALL,
  allow: ScheduleOverlapPolicy.ALLOW_ALL,
  cancel: ScheduleOverlapPolicy.CANCEL_OTHER,
} as const;

export type DesiredSchedule = ScheduleParts & {
  readonly spec: ScheduleSpec;
  readonly action: ReturnType<typeof desiredAction>;
};

/**
 * The schedule of a pipeline that has intervals. No jitter: the server would test the ends of a range on the shifted time, and the
 * nominal time says which interval a run is of. Without `catchup`, the window is one period, so that after an outage the newest
 * interval runs, and no other.
 * @throws DefinitionError when no whole interval lies between startAt and endAt.
 */
export function desiredSchedule(project: string, pipeline: Pipeline): DesiredSchedule {
  const { catchup, overlap } = pipeline;
  const schedule = periodicSchedule(pipeline);
  const times: ScheduleSpec =
    schedule.type === 'every'
      ? { intervals: [{ every: schedule.everyMs }] }
      : {
          calendars: cronCalendars(schedule.expression).map(calendarSpec),
          timezone: schedule.timezone ?? 'UTC',
        };
  return {
    spec: { ...times, ...bounds(pipeline) },
    action: desiredAction(project, pipeline),
    policies: {
      overlap: policies[overlap],
      catchupWindow: catchup ? catchupWindowMs : Math.max(shortestWindowMs, shortestPeriodMs(schedule)),
      pauseOnFailure: false,
    },
  };
}

/** The first run is due when the first whole interval has ended; a run due at `startAt` itself would be of the time before it. */
function bounds(pipeline: Pipeline): Pick<ScheduleSpec, 'startAt' | 'endAt'> {
  const { name, startAt, endAt } = pipeline;
  if (startAt === undefined) return endAt === undefined ? {} : { endAt: new Date(endAt) };
  const [first] = intervalsBetween(pipeline, new Date(startAt), new Date('9999-12-31'));
  if (first !== undefined) return { startAt: first.end, ...(endAt === undefined ? {} : { endAt: new Date(endAt) }) };
  throw new DefinitionError(
    `no whole interval lies in ${formatInterval({ start: new Date(startAt), end: new Date(endAt ?? 0) })}`,
    { where: `pipeline "${name}"`, mend: 'set startAt and endAt further apart' },
  );
}
