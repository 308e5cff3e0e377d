import type { CalendarSpec, CalendarSpecDescription } from '@temporalio/client';
import type { Calendar } from '../../index.js';

/** Numbers from `start` to `end`, every `step`-th. */
interface NumberRange {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

const months = [
  ...(['JANUARY', 'FEBRUARY', 'MARCH', 'APRIL', 'MAY', 'JUNE'] as const),
  ...(['JULY', 'AUGUST', 'SEPTEMBER', 'OCTOBER', 'NOVEMBER', 'DECEMBER'] as const),
];
const days = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const;

/** The fields of a crontab line, with the first and the last value of each. */
const fields = [
  ['minute', 0, 59],
  ['hour', 0, 23],
  ['dayOfMonth', 1, 31],
  ['month', 1, 12],
  ['dayOfWeek', 0, 6],
] as const;

/** A calendar as the server takes it; the structured form, because of cron strings it would need day of month and of week both. */
export function calendarSpec(calendar: Calendar): CalendarSpec {
  const month = calendar.month.flatMap((number) => months[number - 1] ?? []);
  const dayOfWeek = calendar.dayOfWeek.flatMap((number) => days[number] ?? []);
  return {
    second: 0,
    minute: rangesOf(calendar.minute),
    hour: rangesOf(calendar.hour),
    dayOfMonth: rangesOf(calendar.dayOfMonth),
    month: month.length === months.length ? '*' : month,
    dayOfWeek: dayOfWeek.length === days.length ? '*' : dayOfWeek,
  };
}

/** A calendar of the server as a line of crontab; what a crontab has no words for stands behind it. */
export function calendarText(spec: CalendarSpecDescription | CalendarSpec): string {
  const line = fields.map(([name, first, last]) => fieldText(valuesOf(spec[name], first, last), first, last));
  const seconds = valuesOf(spec.second ?? 0, 0, 59).join(',');
  const years = valuesOf(spec.year ?? '*', 2000, 2100);
  return [
    line.join(' '),
    ...(seconds === '0' ? [] : [`at second ${seconds}`]),
    ...(years.length === 101 ? [] : [`in ${years.join(',')}`]),
  ].join(', ');
}

function rangesOf(values: readonly number[]): NumberRange[] {
  const [start, second] = values;
  const end = values.at(-1);
  if (start === undefined || end === undefined) return [];
  const step = (second ?? start + 1) - start;
  if (values.every((value, i) => value === start + i * step)) return [{ start, end, step }];
  return values.map((value) => ({ start: value, end: value, step: 1 }));
}

function valuesOf(given: unknown, first: number, last: number): number[] {
  const all = given === undefined || given === '*' || (Array.isArray(given) && given.length === 0);
  const ranges = all ? [{ start: first, end: last }] : [given].flat();
  const values = ranges.flatMap((range) => {
    const {
      start,
      end = start,
      step = 1,
    } = (typeof range === 'object' ? range : { start: range }) as Partial<NumberRange>;
    const [from, to] = [numberOf(start), numberOf(end)];
    return Array.from(
      { length: Math.floor((Math.max(to, from) - from) / (step || 1)) + 1 },
      (_, i) => from + i * (step || 1),
    );
  });
  return [...new Set(values)].sort((a, b) => a - b);
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  const month = (months as readonly unknown[]).indexOf(value);
  return month >= 0 ? month + 1 : (days as readonly unknown[]).indexOf(value);
}

function fieldText(values: readonly number[], first: number, last: number): string {
  if (values.length === last - first + 1) return '*';
  const [range, ...others] = rangesOf(values);
  if (range === undefined || others.length > 0 || values.length < 3) return values.join(',');
  const { start, end, step } = range;
  const whole = start === first && end + step > last;
  return `${whole ? '*' : `${start}-${end}`}${step === 1 ? '' : `/${step}`}`;
}
