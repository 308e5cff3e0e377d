import { zoneOffset } from '../runs/zone-offset.js';

/** `2024-03-10 02:30`, as the clocks of the zone show it. @param time ISO. */
export function clock(time: string, timezone = 'UTC'): string {
  const at = Date.parse(time);
  return new Date(at + zoneOffset(timezone, at)).toISOString().slice(0, 16).replace('T', ' ');
}

const dayMs = 86_400_000;

interface Interval {
  readonly start: string;
  readonly end: string;
}

const units: readonly [string, number][] = [
  ['d', dayMs],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** A length of time by its largest unit: `3 d`, `5 min`. */
export function roughly(ms: number): string {
  const [unit, length] = units.find(([, one]) => Math.abs(ms) >= one) ?? ['s', 1_000];
  return `${Math.floor(Math.abs(ms) / length)} ${unit}`;
}

/**
 * The least that says it: `2024-01-01` for a day, `2024-01-01 05:00 + 1 h` for parts of one, `2024-01-01 17:00 + 1 d` for days that
 * begin at another time, `.. 2024-02-01` at its end otherwise.
 */
export function intervalText({ start, end }: Interval): string {
  const ms = Date.parse(end) - Date.parse(start);
  const from = Date.parse(start) === 0 ? '' : day(start);
  if (end.startsWith('9999')) return `${from} ..`.trim();
  if (ms === dayMs && start.endsWith('T00:00:00.000Z')) return day(start);
  const isShort = ms < dayMs || (ms % dayMs === 0 && ms <= 31 * dayMs && day(start) === clock(start));
  return isShort ? `${clock(start)} + ${roughly(ms)}` : `${from} .. ${day(end)}`.trim();
}

/** The same where there is little room: of what has two ends, the days. */
export const shortIntervalText = (interval: Interval): string =>
  intervalText(interval)
    .replace(/(\S+) \S+ \.\./, '$1 ..')
    .replace(/(\.\. \S+) \S+/, '$1');

const day = (time: string): string => (time.endsWith('T00:00:00.000Z') ? time.slice(0, 10) : clock(time));
