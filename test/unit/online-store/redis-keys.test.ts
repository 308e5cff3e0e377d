import { describe, expect, it } from 'vitest';
import { entityKey } from '../../../src/online-store/entity-key.js';
import {
  projectPattern,
  redisViewKeys,
  tagCount,
  tagOf,
  tagOfStorageKey,
  tagSlots,
} from '../../../src/online-store/redis-keys.js';
import { int64 } from '../../../src/types.js';

const row = (project: string, view: string, key: Uint8Array): Buffer =>
  redisViewKeys(project, view).row(key, tagOf(key));

describe('keys in Redis', () => {
  it('are what they were: a change would make every store unreadable', () => {
    const key = entityKey({ driver_id: int64() }, { driver_id: 1001 });
    const stored = row('my_project', 'driver_stats', key);
    expect(stored.subarray(0, -key.length).toString()).toBe('asof:my_project:{246}:r:driver_stats:');
    expect(stored.subarray(-key.length).equals(key)).toBe(true);
    const { notes, marks, rowPattern } = redisViewKeys('my_project', 'driver_stats');
    expect(notes.key).toMatch(/^asof:my_project:\{\d{3}\}:n:driver_stats$/);
    expect(marks.slice(0, 2)).toEqual(['asof:my_project:{000}:m:driver_stats', 'asof:my_project:{001}:m:driver_stats']);
    expect(rowPattern).toBe('asof:my_project:{*}:r:driver_stats:*');
    // As CLUSTER KEYSLOT says.
    expect([tagSlots[0], tagSlots[255]]).toEqual([13_923, 14_163]);
  });

  it('differ where the names do, whatever is in them', () => {
    const names = ['a', 'b', 'a:b', 'b:c', 'c', 'a:', '{a}', '*', 'a*', '?', '[ab]', 'a\\', '%3A', 'a%', 'ü', '~', "'"];
    const key = Buffer.from('k');
    const keys = names.flatMap((project) => names.map((view) => row(project, view, key).toString('latin1')));
    expect(new Set(keys).size).toBe(keys.length);
    expect(row('a:b', 'c', key).equals(row('a', 'b:c', key))).toBe(false);
    for (const name of names) {
      const body = projectPattern(name).slice('asof:'.length, -':{*'.length);
      expect(body).not.toMatch(/[*?[\]\\:{}]/);
    }
  });

  it('tell their entity and their tag', () => {
    const view = redisViewKeys('p', 'v');
    for (let id = 0; id < 1_000; id += 1) {
      const key = entityKey({ id: int64() }, { id: id * 7_919 });
      const stored = view.row(key, tagOf(key));
      expect(view.entityKey(stored).equals(key)).toBe(true);
      expect(tagOfStorageKey(stored)).toBe(tagOf(key));
    }
  });

  it('spread entities over the tags, and tags over the slots of a Cluster', () => {
    const rows = new Array<number>(tagCount).fill(0);
    for (let id = 0; id < 256_000; id += 1) {
      const tag = tagOf(entityKey({ id: int64() }, { id }));
      rows[tag] = (rows[tag] as number) + 1;
    }
    expect(Math.min(...rows)).toBeGreaterThan(800);
    expect(Math.max(...rows)).toBeLessThan(1_200);
    expect(new Set(tagSlots).size).toBe(tagCount);
    for (const masters of [3, 6, 10]) {
      const tags = new Array<number>(masters).fill(0);
      for (const slot of tagSlots) tags[Math.floor((slot * masters) / 16_384)]! += 1;
      expect(Math.max(...tags)).toBeLessThan((1.4 * tagCount) / masters);
    }
  });
});
