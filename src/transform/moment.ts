/**
 * A Date that keeps the microseconds a Date has no room for, so that an event time passes through JavaScript unchanged. Code that
 * knows nothing of it sees a Date.
 */
export class MicrosecondDate extends Date {
  /** 0..999, beyond the milliseconds. */
  readonly microseconds: number;

  constructor(milliseconds: number, microseconds: number) {
    super(milliseconds);
    this.microseconds = microseconds;
  }
}

/** Microseconds since 1970. */
export function toMicroseconds(date: Date): bigint {
  const whole = BigInt(date.getTime()) * 1_000n;
  return date instanceof MicrosecondDate ? whole + BigInt(date.microseconds) : whole;
}

/** The moment of so many microseconds since 1970; a plain Date where milliseconds are enough. */
export function fromMicroseconds(us: bigint): Date {
  const rest = Number(((us % 1_000n) + 1_000n) % 1_000n);
  const milliseconds = Number((us - BigInt(rest)) / 1_000n);
  return rest === 0 ? new Date(milliseconds) : new MicrosecondDate(milliseconds, rest);
}

/** Times a row may have: years 1 to 9999, what every format and store can hold. */
export const firstMoment = Date.parse('0001-01-01T00:00:00Z');
export const lastMoment = Date.parse('9999-12-31T23:59:59.999Z');

const digit = (text: string, at: number): number => text.charCodeAt(at) - 48;

/** `count` digits from `at` as a number; NaN when one is no digit. */
function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i += 1) {
    const next = digit(text, i);
    if (!(next >= 0 && next <= 9)) return Number.NaN;
    value = value * 10 + next;
  }
  return value;
}

const daysOf = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);

/** Days since 1970-01-01 in the Gregorian calendar (Hinnant's days_from_civil). */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return (
    era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
  );
}

/**
 * Reads an ISO 8601 time: `2021-07-28`, `2021-07-28 10:00`, `2021-07-28T10:00:00.123456Z`, `…+07:00`. Without a zone it is UTC;
 * digits beyond microseconds are cut off. Stricter than `Date.parse`, which takes local time, any text it can guess at, and 31 June.
 * @returns `undefined` for anything else, also outside years 1 to 9999.
 */
export function parseMoment(text: string): Date | undefined {
  const { length } = text;
  if (length < 10 || length > 40 || text[4] !== '-' || text[7] !== '-') return undefined;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1)) return undefined;
  if (day > (month === 2 && isLeap(year) ? 29 : (daysOf[month - 1] as number))) return undefined;
  let seconds = daysSince1970(year, month, day) * 86_400;
  let micros = 0;
  let at = 10;
  if (length > 10) {
    if ((text[10] !== 'T' && text[10] !== ' ' && text[10] !== 't') || text[13] !== ':') return undefined;
    const hour = digits(text, 11, 2);
    const minute = digits(text, 14, 2);
    let second = 0;
    at = 16;
    if (text[at] === ':') {
      second = digits(text, 17, 2);
      at = 19;
      if (text[at] === '.' || text[at] === ',') {
        at += 1;
        const from = at;
        for (let next = digit(text, at); next >= 0 && next <= 9; next = digit(text, at)) {
          if (at - from < 6) micros = micros * 10 + next;
          at += 1;
        }
        if (at === from) return undefined;
        for (let i = at - from; i < 6; i += 1) micros *= 10;
      }
    }
    if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined;
    const offset = zoneSeconds(text, at);
    if (offset === undefined) return undefined;
    seconds += hour * 3_600 + minute * 60 + second - offset;
  }
  const rest = micros % 1_000;
  const milliseconds = seconds * 1_000 + (micros - rest) / 1_000;
  if (milliseconds < firstMoment || milliseconds > lastMoment) return undefined;
  return rest === 0 ? new Date(milliseconds) : new MicrosecondDate(milliseconds, rest);
}

/** Offset of the zone that starts at `at` and ends the text; 0 where there is none. */
function zoneSeconds(text: string, start: number): number | undefined {
  let at = start;
  if (text[at] === ' ') at += 1;
  const rest = text.length - at;
  if (text.length === start) return 0;
  if (rest === 1 && (text[at] === 'Z' || text[at] === 'z')) return 0;
  const sign = text[at] === '+' ? 1 : text[at] === '-' ? -1 : 0;
  if (sign === 0) return undefined;
  const hours = digits(text, at + 1, 2);
  const minutes =
    rest === 3
      ? 0
      : rest === 5
        ? digits(text, at + 3, 2)
        : rest === 6 && text[at + 3] === ':'
          ? digits(text, at + 4, 2)
          : Number.NaN;
  return hours <= 18 && minutes <= 59 ? sign * (hours * 3_600 + minutes * 60) : undefined;
}
