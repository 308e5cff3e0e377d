import type { IntervalState, IntervalStatus } from '../runs/index.js';
import { type GridRow, gridRows, gridShape } from './interval-rows.js';

/** One character each, so that colours only help. */
const symbols: Readonly<Record<IntervalState, string>> = {
  done: '#',
  running: '>',
  failed: 'x',
  missing: '.',
  invalid: '!',
};

/** Terminal colours (SGR codes). */
const colours: Readonly<Record<IntervalState, number>> = {
  done: 32,
  running: 36,
  failed: 31,
  missing: 90,
  invalid: 33,
};

const states = Object.keys(symbols) as IntervalState[];

export type IntervalCounts = Readonly<Record<IntervalState, number>>;

export function countStates(intervals: readonly IntervalStatus[]): IntervalCounts {
  const counts = { done: 0, running: 0, failed: 0, missing: 0, invalid: 0 };
  for (const { status } of intervals) counts[status] += 1;
  return counts;
}

/** The usual length of intervals: the shortest of the first ones, as a schedule may leave out days or hours. */
export const usualLength = (intervals: readonly Pick<IntervalStatus, 'start' | 'end'>[]): number =>
  Math.min(...intervals.slice(0, 400).map(({ start, end }) => end.getTime() - start.getTime()));

/**
 * A picture of the intervals, one character each, in rows of an hour, a day, a month or a year, and what the characters mean.
 * @param intervals the oldest first; at least one.
 */
export function drawIntervals(
  intervals: readonly IntervalStatus[],
  { timezone, coloured }: { readonly timezone: string; readonly coloured: boolean },
): string[] {
  const shape = gridShape(usualLength(intervals));
  const rows = gridRows(intervals, shape, timezone);
  const width = Math.max(...rows.map(({ label }) => label.length));
  const paint = (state: IntervalState, text: string): string =>
    coloured ? `\u001b[${colours[state]}m${text}\u001b[0m` : text;
  const cell = (interval: IntervalStatus | undefined): string =>
    interval === undefined ? ' ' : paint(interval.status, symbols[interval.status]);
  const counts = countStates(intervals);
  const legend = states.filter((state) => counts[state] > 0).map((state) => `${paint(state, symbols[state])} ${state}`);
  return [
    `${' '.repeat(width)}  ${shape.header}`,
    ...rows.map((row) => `${row.label.padEnd(width)}  ${row.cells.map(cell).join('')}${noteOf(row)}`),
    `${' '.repeat(width)}  ${legend.join('   ')}`,
  ];
}

const noteOf = ({ isLonger }: GridRow<IntervalStatus>): string => (isLonger ? '  (clocks went back)' : '');

/** `31 intervals: 28 done, 3 missing` */
export function countsText(counts: IntervalCounts): string {
  const total = states.reduce((sum, state) => sum + counts[state], 0);
  const parts = states
    .filter((state) => counts[state] > 0)
    .map((state) => `${counts[state].toLocaleString('en')} ${state}`);
  return `${total.toLocaleString('en')} interval${total === 1 ? '' : 's'}: ${parts.join(', ')}`;
}
