import type { JsonValue } from './profile-types.js';
import { reportLimits } from './report-limits.js';

/** Numbers for people: 1,805 · 0.4981 · 1.2e-7. The exact ones are in report.json. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return value.toExponential(2).replace(/\.?0*e\+?/, 'e');
  if (Number.isInteger(value)) return value.toLocaleString('en-US');
  return value.toLocaleString('en-US', { maximumSignificantDigits: size >= 1000 ? 6 : 4 });
}

/** A share as a percentage; a small one never reads as nothing, nor a large one as everything. */
export function formatShare(share: number): string {
  if (share === 0 || share === 1) return `${share * 100}%`;
  if (share < 0.0005) return '<0.1%';
  if (share > 0.9995) return '>99.9%';
  return `${(share * 100).toFixed(1)}%`;
}

/** The same without fractions of a second. */
export const formatSecond = (iso: string): string => formatTime(iso.replace(/\.\d+Z$/, 'Z'));

export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = bytes;
  let unit = 0;
  for (; size >= 1024 && unit < units.length - 1; unit += 1) size /= 1024;
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

const isoTime = /^\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
export const isTime = (value: unknown): boolean => typeof value === 'string' && isoTime.test(value);

/** `2021-07-12 10:00` (UTC); seconds and their fraction only where they say something. */
export function formatTime(iso: string): string {
  return iso
    .replace('T', ' ')
    .replace(/(\.\d*?)0*Z$/, (_, fraction: string) => (fraction === '.' ? '' : fraction))
    .replace('Z', '')
    .replace(/ 00:00:00$/, '')
    .replace(/( \d\d:\d\d):00$/, '$1');
}

/** The same in at most seven letters, for where several stand side by side: 0.0421 · 1.81K · 12.3M. */
export function formatShort(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e4 && size < 1e15) {
    return value.toLocaleString('en-US', { notation: 'compact', maximumSignificantDigits: 3 });
  }
  if (size < 1e-3 || size >= 1e15) return formatNumber(Number(value.toPrecision(2)));
  return value.toLocaleString('en-US', { maximumSignificantDigits: size >= 100 ? 4 : 3 });
}

/** Any value of a profile or example row, on one line. */
export function formatValue(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'number') return formatNumber(value);
  if (typeof value !== 'string') return JSON.stringify(value);
  if (isTime(value)) return formatTime(value);
  return value === '' ? '(empty text)' : value.replace(/\r?\n|[\r\u2028\u2029]/g, '↵').replaceAll('\t', '⇥');
}

/** No more letters than that; cut where a character ends. */
export function cutText(text: string, letters: number): string {
  if (text.length <= letters) return text;
  const cut = text.slice(0, letters);
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

/** The name of a column or view, on one line. */
export const formatName = (name: string): string => cutText(formatValue(name), reportLimits.textLetters);

const spans = [
  ['day', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** `3 days 4 h`, `12 min`, `0.25 s` */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${formatNumber(seconds)} s`;
  const at = spans.findIndex(([, span]) => seconds >= span);
  const [unit, span] = spans[at] ?? spans[3];
  const [lower, lowerSpan] = spans[at + 1] ?? spans[3];
  const whole = Math.floor(seconds / span);
  const rest = Math.floor((seconds - whole * span) / lowerSpan);
  const named = `${formatNumber(whole)} ${unit === 'day' && whole !== 1 ? 'days' : unit}`;
  return rest === 0 || whole >= 100 ? named : `${named} ${rest} ${lower}`;
}
