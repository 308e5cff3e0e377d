import { DefinitionError } from '../errors.js';
import { cronCalendars } from './cron.js';
import { type Duration, parseDuration } from './duration.js';

/** When a pipeline runs, as data. */
export type Schedule =
  | { readonly type: 'manual' }
  | { readonly type: 'once' }
  | { readonly type: 'every'; readonly everyMs: number }
  /** Without a timezone it has the pipeline's, which is UTC by default. */
  | { readonly type: 'cron'; readonly expression: string; readonly timezone: string | undefined }
  | { readonly type: 'after'; readonly pipelines: readonly string[] };

export interface ZoneOption {
  /** E.g. `Asia/Ho_Chi_Minh`; default: the pipeline's `timezone`, which is UTC by default. */
  readonly timezone?: string;
}

/** Only when somebody starts it. */
export const manual = (): Schedule => Object.freeze({ type: 'manual' });

/** One run over all there is, when it is first deployed. */
export const once = (): Schedule => Object.freeze({ type: 'once' });

/** Intervals of one length, aligned to 1970-01-01T00:00Z. */
export function every(duration: Duration): Schedule {
  const everyMs = parseDuration('every()', 'duration', duration);
  if (everyMs < 1_000 || everyMs % 1_000 !== 0)
    throw new DefinitionError(
      `every('${duration}') is ${everyMs < 1_000 ? 'shorter than a second' : 'no whole number of seconds'}`,
      { mend: "write e.g. every('1 hour')" },
    );
  return Object.freeze({ type: 'every', everyMs });
}

/** A cron expression of five fields: minute, hour, day of month, month, day of week. */
export function cron(expression: string, { timezone }: ZoneOption = {}): Schedule {
  cronCalendars(expression);
  if (timezone !== undefined) checkTimezone(`cron('${expression}')`, timezone);
  return Object.freeze({ type: 'cron', expression, timezone });
}

/** On the hour. */
export const hourly = (options: ZoneOption = {}): Schedule => cron('0 * * * *', options);
/** At midnight. */
export const daily = (options: ZoneOption = {}): Schedule => cron('0 0 * * *', options);
/** At midnight on Sunday. */
export const weekly = (options: ZoneOption = {}): Schedule => cron('0 0 * * 0', options);

/**
 * When the data of other pipelines is published, for the same interval; of several, when all of them cover it.
 * @param pipelines the upstream pipelines, or their names.
 */
export function after(
  ...pipelines: readonly (string | { readonly kind: 'pipeline'; readonly name: string })[]
): Schedule {
  const names = pipelines.map((upstream) => (typeof upstream === 'string' ? upstream : upstream?.name));
  if (names.length === 0 || names.some((name) => typeof name !== 'string' || name === '')) {
    throw new DefinitionError('after() does not name a pipeline', {
      mend: 'write after(dbToOfflineStore), a pipeline that is defined above it, or after(its name)',
    });
  }
  return Object.freeze({ type: 'after', pipelines: Object.freeze([...new Set(names as string[])]) });
}

/** The zone of a schedule that has none is the pipeline's. */
export const inZone = (schedule: Schedule, timezone: string): Schedule =>
  schedule.type === 'cron' && schedule.timezone === undefined ? Object.freeze({ ...schedule, timezone }) : schedule;

/** @throws DefinitionError for a zone that is unknown here. */
export function checkTimezone(where: string, timezone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    throw new DefinitionError(`timezone "${timezone}" is unknown`, {
      where,
      mend: "use a name such as 'Asia/Ho_Chi_Minh'",
    });
  }
}
