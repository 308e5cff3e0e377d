import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config.js';
import { runsOf } from '../../../src/lake/index.js';
import { chooseSnapshots, type SnapshotFacts, type SnapshotNeeds } from '../../../src/upkeep/choose-snapshots.js';
import { isSharp } from '../../../src/upkeep/snapshot-facts.js';

const now = Date.parse('2024-06-08T00:00:00Z');
const minute = 60_000;
const day = 24 * 60 * minute;
const nothing: SnapshotNeeds = { exact: new Map(), chainFrom: undefined, sinceRun: undefined, keepMs: 7 * day };

/** Snapshots by age in minutes, the oldest first; `!` = something went in it. */
const snapshots = (...ages: (number | `${number}!`)[]): SnapshotFacts[] =>
  ages.map((age, index) => {
    const minutes = Number.parseFloat(String(age));
    return { id: index + 1, at: new Date(now - minutes * minute), isSharp: String(age).endsWith('!') };
  });
const choose = (all: SnapshotFacts[], needs: Partial<SnapshotNeeds> = {}) =>
  chooseSnapshots(all, { ...nothing, ...needs }, now);

describe('which snapshots may go', () => {
  it('keeps the newest, however old, and all that are young', () => {
    expect(choose(snapshots(60 * 24 * 30)).expired).toEqual([]);
    expect(choose(snapshots(59, 58, 57, 1)).expired).toEqual([]);
    expect(limits.everySnapshotMs).toBe(60 * minute);
  });

  it('keeps the last of each stretch of the keep time, and notes the others as thinned', () => {
    const { expired, thinned, kept } = choose(snapshots(139, 138, 131, 130, 125, 121, 1));
    expect(expired).toEqual([1, 2, 4, 5]);
    expect(thinned).toEqual(expired);
    expect(kept).toEqual({ 'keep time': 2, newest: 1 });
  });

  it('lets go what is older than the keep time, without a note', () => {
    const week = 7 * 24 * 60;
    expect(choose(snapshots(week + 30, week + 20, week + 10, 1))).toMatchObject({ expired: [1, 2, 3], thinned: [] });
    expect(choose(snapshots(week + 30, 1), { keepMs: 30 * day }).expired).toEqual([]);
  });

  it('keeps what somebody needs', () => {
    const week = 7 * 24 * 60;
    const all = snapshots(week + 50, week + 40, week + 30, week + 20, week + 10, 1);
    const exact = new Map([
      [2, 'pinned'],
      [4, 'training set'],
    ]);
    expect(choose(all, { exact })).toMatchObject({ expired: [1, 3, 5], kept: { pinned: 1, 'training set': 1 } });
    expect(choose(all, { sinceRun: 3 })).toMatchObject({ expired: [1, 2], kept: { 'open run': 3 } });
  });

  it('leaves the change feed behind the oldest cursor whole: what went is seen with the snapshot before', () => {
    const week = 7 * 24 * 60;
    const all = snapshots(week + 60, week + 50, week + 40, week + 30, `${week + 20}!`, week + 10, 1);
    const exact = new Map([[2, 'online cursor']]);
    const { expired, thinned, kept } = choose(all, { exact, chainFrom: 2 });
    expect(expired).toEqual([1, 3, 6]);
    // Before the cursor nobody reads the feed.
    expect(thinned).toEqual([3, 6]);
    expect(kept).toEqual({ 'online cursor': 1, 'change feed': 2, newest: 1 });
  });

  it('takes for a change that the feed needs whatever is not known to add rows only', () => {
    const system = new Set(['3', '4']);
    for (const changes of ['', 'inserted_into_table:9', 'inlined_insert:9,deleted_from_table:3', 'merge_adjacent:9'])
      expect(isSharp(changes, system), changes).toBe(false);
    for (const changes of [
      'deleted_from_table:9',
      'inserted_into_table:9,inlined_delete:9',
      'rewrite_delete:9',
      'altered_table:9',
      'created_table:"test"."a,b:3"',
      'something_new:9',
    ])
      expect(isSharp(changes, system), changes).toBe(true);
  });

  it('puts neighbours together', () => {
    expect(runsOf([1, 2, 3, 7, 9, 10])).toEqual([
      { first: 1, last: 3 },
      { first: 7, last: 7 },
      { first: 9, last: 10 },
    ]);
  });
});
