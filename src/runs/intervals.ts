import type { Pipeline } from '../definitions/pipeline.js';
import { parseUtc } from '../definitions/utc-time.js';
import { DefinitionError } from '../errors.js';
import type { DataInterval } from './interval.js';
import { isPeriodic, type PeriodicSchedule, ticks } from './ticks.js';

/**
 * The intervals of a pipeline that lie whole in [from, to) and between its `startAt` and `endAt`, one after the other, as they are
 * asked for. To go on from one of them: with its end as `from`, or, newest first, its start as `to`.
 * @throws DefinitionError for a pipeline without intervals: once(), manual(), after().
 */
export function* intervalsBetween(
  pipeline: Pick<Pipeline, 'name' | 'schedule' | 'startAt' | 'endAt'>,
  from: Date,
  to: Date,
  { newestFirst = false }: { newestFirst?: boolean } = {},
): Generator<DataInterval> {
  const schedule = periodicSchedule(pipeline);
  const first = Math.max(from.getTime(), timeOf(pipeline.startAt) ?? Number.NEGATIVE_INFINITY);
  const last = Math.min(to.getTime(), timeOf(pipeline.endAt) ?? Number.POSITIVE_INFINITY);
  let before: number | undefined;
  for (const tick of ticks(schedule, newestFirst ? last : first, { backwards: newestFirst })) {
    if (tick < first || tick > last) return;
    if (before !== undefined) {
      const [start, end] = newestFirst ? [tick, before] : [before, tick];
      yield { start: new Date(start), end: new Date(end) };
    }
    before = tick;
  }
}

/** @throws DefinitionError for a schedule without intervals. */
export function periodicSchedule({ name, schedule }: Pick<Pipeline, 'name' | 'schedule'>): PeriodicSchedule {
  if (isPeriodic(schedule)) return schedule;
  throw new DefinitionError(`a pipeline of ${schedule.type}() has no intervals`, {
    where: `pipeline "${name}"`,
    mend: "give it a schedule such as daily() or every('1 hour'), or name one interval: asof run --start … --end …",
  });
}

const timeOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseUtc(text).getTime();
