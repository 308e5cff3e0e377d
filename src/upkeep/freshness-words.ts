import { formatDuration } from '../definitions/duration.js';
import type { StoreFreshness, ViewFreshness } from './freshness-verdict.js';

/** What is too old of a view, for people; empty when nothing is. */
export function describeStale({ lake, online, promiseMs }: ViewFreshness): string {
  if (promiseMs === null) return '';
  const promise = `${formatDuration(promiseMs)} promised`;
  if (lake.verdict !== 'stale') return online.verdict === 'stale' ? `${ageOf(online)} online, ${promise}` : '';
  if (online.verdict !== 'stale' || online.newestEvent === lake.newestEvent)
    return `${ageOf(lake)} in the lake, ${promise}`;
  return `${ageOf(lake)} in the lake, ${ageOf(online)} online, ${promise}`;
}

/** What to do about it. */
export function mendOfStale({ view, lake, online }: ViewFreshness): string {
  if (lake.verdict === 'stale')
    return 'see that the pipeline or stream that feeds it runs, and that its source has new data';
  return online.verdict === 'stale' ? `\`asof materialize --views ${view}\` brings online what the lake has` : '';
}

const ageOf = ({ newestEvent, ageMs }: StoreFreshness): string =>
  newestEvent === null || ageMs === null ? 'nothing' : `the newest event is ${formatDuration(ageMs)} old`;
