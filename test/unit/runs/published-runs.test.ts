import { describe, expect, it } from 'vitest';
import { coveringRuns, type PublishedRun } from '../../../src/runs/published-runs.js';

const at = (n: number): Date => new Date(Date.UTC(2024, 0, 1) + n * 86_400_000);
const run = (runId: string, from: number, to: number): PublishedRun => ({
  runId,
  pipeline: 'p',
  interval: { start: at(from), end: at(to) },
  publishedAt: at(from),
});
const cover = (runs: readonly PublishedRun[], from: number, to: number): string[] | undefined =>
  coveringRuns(runs, { start: at(from), end: at(to) })?.map(({ runId }) => runId);

describe('the runs that cover an interval', () => {
  it.each<[string, PublishedRun[], string[] | undefined]>([
    ['one that is it', [run('a', 3, 5)], ['a']],
    ['one that is longer', [run('a', 1, 9)], ['a']],
    ['two that meet', [run('b', 4, 5), run('a', 3, 4)], ['a', 'b']],
    ['two that overlap', [run('a', 2, 4), run('b', 3, 6)], ['a', 'b']],
    ['the newest of two for one stretch', [run('a', 3, 5), run('b', 3, 5)], ['b']],
    ['without those beside it', [run('x', 1, 3), run('a', 3, 5), run('y', 5, 6)], ['a']],
    ['none when the beginning is missing', [run('a', 4, 5)], undefined],
    ['none when the middle is missing', [run('a', 3, 4), run('b', 4.5, 5)], undefined],
    ['none when the end is missing', [run('a', 3, 4)], undefined],
    ['none when there are none', [], undefined],
  ])('are %s', (_, runs, expected) => {
    expect(cover(runs, 3, 5)).toEqual(expected);
  });
});
