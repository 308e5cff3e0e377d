import type { Pipeline } from '../definitions/pipeline.js';
import { intervalsBetween } from './intervals.js';
import { isPeriodic, take, ticks } from './ticks.js';

const endOfTime = new Date(Date.UTC(9999, 0));

/** When a pipeline is due next by its definition; nothing for one without times of its own, or one that has ended. */
export function nextTimes(
  pipeline: Pick<Pipeline, 'name' | 'schedule' | 'startAt' | 'endAt'>,
  now: Date,
  count: number,
): Date[] {
  const { schedule } = pipeline;
  if (!isPeriodic(schedule)) return [];
  const [before = now.getTime()] = take(ticks(schedule, now.getTime(), { backwards: true }), 1);
  return take(intervalsBetween(pipeline, new Date(before), endOfTime), count).map(({ end }) => end);
}
