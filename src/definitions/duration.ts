import { DefinitionError } from '../errors.js';

const units: Record<string, number> = {
  millisecond: 1,
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000,
};

/**
 * A length of time with its unit: `'5 minutes'`, `'36500 days'`; `'0'` where zero means "none".
 * Units: millisecond, second, minute, hour, day, week, with or without s. Months and years have no fixed length and are refused.
 */
export type Duration = string;

/** @returns milliseconds. Throws a DefinitionError naming `where` and `field`. */
export function parseDuration(where: string, field: string, duration: unknown): number {
  const found = typeof duration === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(duration) : null;
  const amount = Number(found?.[1]);
  const unit = units[(found?.[2] ?? '').toLowerCase().replace(/s$/, '')];
  if (found !== null && unit !== undefined) return amount * unit;
  if (found !== null && amount === 0 && found[2] === '') return 0;
  throw new DefinitionError(`${field} ${JSON.stringify(duration)} is not a duration`, {
    where,
    mend: `write a number and a unit, e.g. '5 minutes', '36500 days'`,
  });
}

/** The same where zero would make no sense. */
export function parsePositiveDuration(where: string, field: string, duration: unknown): number {
  const ms = parseDuration(where, field, duration);
  if (ms > 0) return ms;
  throw new DefinitionError(`${field} '${String(duration)}' is no time at all`, {
    where,
    mend: `write ${field}: '2 hours'`,
  });
}

/** For people: `2 hours` and `90 minutes` exactly, longer numbers rounded to a tenth of their largest unit. Days are the largest. */
export function formatDuration(ms: number): string {
  const largest = Object.entries(units)
    .filter(([name]) => name !== 'week')
    .reverse();
  const [name, length] = largest.find(([, unit]) => ms >= unit && ms % unit === 0 && ms / unit < 1_000) ??
    largest.find(([, unit]) => ms >= unit) ?? ['second', units['second'] as number];
  const amount = Number((ms / length).toFixed(1));
  return `${amount.toLocaleString('en')} ${name}${amount === 1 ? '' : 's'}`;
}
