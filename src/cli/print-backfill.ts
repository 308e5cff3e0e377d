import type { BackfillState } from '../../workflows/lib/backfill-progress.js';
import type { BackfillPlan, BackfillRecord, BackfillRequest, DataInterval } from '../index.js';
import { formatCell, plural, printTable } from './output.js';

const shown = 5;

/** What a backfill would run: counts, the first and the last intervals. */
export function printPlan(
  { pipeline, from, to, count, total, statuses, notes }: BackfillPlan,
  intervals: readonly DataInterval[],
  { only, newestFirst }: BackfillRequest,
): void {
  for (const note of notes) console.log(note);
  const found = Object.entries(statuses).map(([status, n]) => `${n} ${status}`);
  const range = `${pipeline.name}, ${formatCell(from)} to ${formatCell(to)}`;
  console.log(`${range}: ${plural(count, 'interval')}${found.length === 0 ? '' : ` (${found.join(', ')})`}`);
  if (total === 0) {
    console.log(
      count === 0 ? 'Nothing to do: no whole interval lies in it.' : `Nothing to do: none is ${meant(only)}.`,
    );
    return;
  }
  if (intervals.length === 0) return;
  console.log(`${plural(total, 'run')}, ${newestFirst === true ? 'the newest' : 'the oldest'} first:`);
  const few = intervals.length <= 2 * shown + 1;
  const lines = (some: readonly DataInterval[]) =>
    some.map(({ start, end }) => `  ${formatCell(start)} to ${formatCell(end)}`);
  const text = few
    ? lines(intervals)
    : [
        ...lines(intervals.slice(0, shown)),
        `  … ${intervals.length - 2 * shown} more`,
        ...lines(intervals.slice(-shown)),
      ];
  console.log(text.join('\n'));
}

const meant = (only: BackfillRequest['only']): string =>
  only === 'missing' ? 'missing (`--only all` runs them again)' : only === 'failed' ? 'failed' : 'there';

/** One line of a backfill at work. */
export function describeState({ status, reason, counts, perMinute, secondsLeft, parallel }: BackfillState): string {
  const { total, done, failed, skipped, running } = counts;
  const ended = done + failed + skipped;
  const bad = [failed > 0 ? `${failed} failed` : '', skipped > 0 ? `${skipped} skipped` : ''].filter(
    (part) => part !== '',
  );
  const pace = perMinute === undefined ? '' : `, ${perMinute} a minute, ${timeLeft(secondsLeft ?? 0)} left`;
  return [
    `${status === 'running' ? '' : `${status}: `}${ended.toLocaleString('en')} of ${plural(total, 'interval')}`,
    bad.length === 0 ? '' : ` (${bad.join(', ')})`,
    `, ${running} of ${parallel} at work${status === 'paused' ? '' : pace}`,
    reason === undefined ? '' : `; ${reason}`,
  ].join('');
}

const timeLeft = (seconds: number): string =>
  seconds < 120
    ? `${seconds} s`
    : seconds < 7_200
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3_600)} h`;

/** The summary of a backfill that has ended, or what its record says so far. */
export function printEnd(record: BackfillRecord, notes: readonly string[] = []): void {
  const { pipeline, status, total, done, failed, skipped, range } = record;
  for (const note of notes) console.log(note);
  printTable([
    { pipeline, from: short(range.start), to: short(range.end), status, intervals: total, done, failed, skipped },
  ]);
  const unfinished = [
    ...record.failures.map((interval) => ({ outcome: 'failed', ...interval })),
    ...record.skips.map((interval) => ({ outcome: 'skipped', ...interval })),
  ];
  if (unfinished.length > 0)
    printTable(
      unfinished.map(({ outcome, start, end, why }) => ({ outcome, start: short(start), end: short(end), why })),
    );
  if (failed > 0) {
    const from = `--from ${short(range.start)} --to ${short(range.end)}`;
    console.error(`asof: ${plural(failed, 'interval')} failed\n  → asof backfill ${pipeline} ${from} --only failed`);
  }
}

export const short = (time: string): string => time.replace('.000Z', 'Z').replace('T00:00:00Z', '');
