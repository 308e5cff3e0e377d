import { CronExpressionParser } from 'cron-parser';
import { DefinitionError } from '../errors.js';

/** Clock times at which something is due: every minute whose fields are all among these. */
export interface Calendar {
  readonly minute: readonly number[];
  readonly hour: readonly number[];
  readonly dayOfMonth: readonly number[];
  /** January is 1. */
  readonly month: readonly number[];
  /** Sunday is 0. */
  readonly dayOfWeek: readonly number[];
}

/**
 * The clock times of a cron expression of five fields. Where day of month and day of week are both restricted, a day that is one
 * or the other counts, as crontab has it: those are two calendars.
 * @throws DefinitionError for an expression that is wrong, or that never comes.
 */
export function cronCalendars(expression: string): readonly Calendar[] {
  if (typeof expression !== 'string' || !/^\S+( \S+){4}$/.test(expression)) {
    throw new DefinitionError(`cron expression "${expression}" does not have five fields`, {
      mend: "write e.g. cron('0 0 1 * *')",
    });
  }
  const { minute, hour, dayOfMonth, month, dayOfWeek } = fieldsOf(expression);
  const clock = { minute, hour, month };
  if (dayOfMonth.length === 31 || dayOfWeek.length === 7) return [{ ...clock, dayOfMonth, dayOfWeek }];
  return [
    { ...clock, dayOfMonth, dayOfWeek: upTo(0, 6) },
    { ...clock, dayOfMonth: upTo(1, 31), dayOfWeek },
  ];
}

/** Extensions of one parser or another (`L`, `H`, `#`, `?`, `@daily`) would not mean the same everywhere. */
const understood = /^[\d*/,\- ]+$/;
const names = /\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)\b/gi;

function fieldsOf(expression: string): Calendar {
  try {
    if (!understood.test(expression.replace(names, '0')))
      throw new Error('only digits, names, *, /, - and commas are understood');
    const parsed = CronExpressionParser.parse(expression, { tz: 'UTC' });
    parsed.next();
    const values = (field: { readonly values: readonly (number | string)[] }): number[] => [
      ...new Set(field.values.map(Number)),
    ];
    const { minute, hour, dayOfMonth, month, dayOfWeek } = parsed.fields;
    return {
      minute: values(minute),
      hour: values(hour),
      dayOfMonth: values(dayOfMonth),
      month: values(month),
      // Sunday is also 7.
      dayOfWeek: [...new Set(values(dayOfWeek).map((day) => day % 7))].sort(),
    };
  } catch (error) {
    throw new DefinitionError(`cron expression "${expression}" is wrong: ${(error as Error).message}`, {
      mend: "write minute, hour, day of month, month and day of week, e.g. cron('0 0 1 * *')",
    });
  }
}

const upTo = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);
