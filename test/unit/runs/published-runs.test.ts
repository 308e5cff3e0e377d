import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { coveringRuns, type PublishedRun, publishedRuns } from '../../../src/runs/published-runs.js';
import { type TempLake, withTempLake } from '../../support/lake.js';

const at = (n: number): Date => new Date(Date.UTC(2024, 0, 1) + n * 86_400_000);
const run = (runId: string, from: number, to: number): PublishedRun => ({
  runId,
  id: runId,
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

describe('a release from quarantine', () => {
  let temp: TempLake;
  beforeAll(async () => {
    temp = await withTempLake();
  });
  afterAll(() => temp.close());

  /** A run of pipeline `p` for a day that has published some of its two views. */
  const ran = (runId: string, day: number, { views, at: time }: { views: readonly string[]; at: number }) =>
    temp.lake.transaction({ message: runId }, async (session) => {
      const detail = { interval: { start: at(day), end: at(day + 1) }, views: ['a', 'b'] };
      await session.run(`INSERT INTO ${temp.lake.system('run_events')} VALUES ($1, 'w', 'p', now(), 'opened', $2)`, [
        ...[runId, JSON.stringify(detail)],
      ]);
      for (const view of views)
        await session.run(`INSERT INTO ${temp.lake.system('outbox')} VALUES ($1, 'p', $2, $3::TIMESTAMPTZ)`, [
          ...[runId, view, at(time)],
        ]);
    });
  const row = (day: number, state: string | null, time: number, pipeline: string | null = 'p') =>
    temp.lake.transaction({ message: 'row' }, (session) =>
      session.run(
        `INSERT INTO ${temp.lake.system('quarantine')}
           (run_id, view_name, pipeline, interval_start, interval_end, state, decided_at, decided_by)
         VALUES ('x', 'a', $1, $2::TIMESTAMPTZ, $3::TIMESTAMPTZ, $4, $5::TIMESTAMPTZ, 'release')`,
        [pipeline, at(day), at(day + 1), state, at(time)],
      ),
    );
  const told = async () =>
    (await publishedRuns(temp.lake, ['p'])).map(({ runId, interval, publishedAt }) => [
      ...[runId, interval.start, publishedAt],
    ]);

  it('counts once for each interval, from when all of that was published', async () => {
    await ran('one', 1, { views: ['a', 'b'], at: 10 });
    await ran('two', 2, { views: ['a', 'b'], at: 10 });
    await ran('part', 3, { views: ['a'], at: 10 });
    for (const day of [1, 1, 2, 3]) await row(day, 'released', 20);
    await row(1, null, 20);
    await row(2, 'dropped', 21);
    await row(1, 'released', 22, null);
    await row(1, 'released', 22, 'q');
    const before = [
      ['one', at(1), at(10)],
      ['two', at(2), at(10)],
      ['release', at(1), at(20)],
      ['release', at(2), at(20)],
    ];
    expect(await told()).toEqual(before);
    const ids = (await publishedRuns(temp.lake, ['p'])).map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);

    await ran('whole', 3, { views: ['a', 'b'], at: 30 });
    expect((await told()).slice(0, 4)).toEqual(before);
    expect((await told()).slice(4).sort()).toEqual([
      ['release', at(3), at(30)],
      ['whole', at(3), at(30)],
    ]);
    // What comes later changes nothing of it.
    await ran('again', 3, { views: ['a', 'b'], at: 40 });
    expect((await told()).slice(4).sort()).toEqual([
      ['again', at(3), at(40)],
      ['release', at(3), at(30)],
      ['whole', at(3), at(30)],
    ]);
  });
});
