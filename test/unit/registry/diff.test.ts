import { describe, expect, it } from 'vitest';
import { diffFields } from '../../../src/registry/diff.js';

describe('diffFields', () => {
  it('names the fields that differ by their paths, from old to new', () => {
    const from = {
      ttlMs: 1,
      features: { a: 'float32', b: 'int32' },
      tags: ['x'],
      expect: [{ rule: 'between', max: 1 }],
    };
    const to = {
      ttlMs: 2,
      features: { a: 'float64', c: 'string' },
      tags: ['x', 'y'],
      expect: [{ rule: 'between', max: 2 }],
    };
    expect(diffFields(from, to)).toEqual([
      { path: 'ttlMs', from: 1, to: 2 },
      { path: 'features.a', from: 'float32', to: 'float64' },
      { path: 'features.b', from: 'int32', to: undefined },
      { path: 'features.c', from: undefined, to: 'string' },
      { path: 'tags', from: ['x'], to: ['x', 'y'] },
      { path: 'expect[0].max', from: 1, to: 2 },
    ]);
  });

  it('takes neither the order of keys nor a field that is undefined for a difference', () => {
    expect(diffFields({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1, e: undefined })).toEqual([]);
  });

  it('takes the order of a list for one', () => {
    expect(diffFields({ l: ['a', 'b'] }, { l: ['b', 'a'] })).toHaveLength(1);
  });

  it('shows a list whole when its length changed, and null as a value', () => {
    expect(diffFields({ l: [{ a: 1 }], n: null }, { l: [], n: 0 })).toEqual([
      { path: 'l', from: [{ a: 1 }], to: [] },
      { path: 'n', from: null, to: 0 },
    ]);
  });
});
