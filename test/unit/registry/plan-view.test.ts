import { describe, expect, it } from 'vitest';
import { planKnownView, planNewView } from '../../../src/registry/plan-view.js';
import type { Types, ViewDefinitionSpec, ViewSpec } from '../../../src/registry/spec.js';

const defined = (features: Types, over: Partial<ViewDefinitionSpec> = {}): ViewDefinitionSpec => ({
  kind: 'feature_view',
  name: 'v',
  entities: ['driver'],
  joinKeys: { driver_id: 'int64' },
  features,
  source: 'f',
  ttlMs: 0,
  online: true,
  expect: [],
  clean: {},
  ...over,
});
const applied = (features: Types, columns: Types = features, generation = 1): ViewSpec => ({
  ...defined(features),
  table: { generation, columns },
});
const steps = (plan: { steps: readonly object[] }) =>
  plan.steps.map((step) => [(step as { type: string }).type, (step as { feature?: string }).feature]);

describe("a view's table", () => {
  it('is created with the view', () => {
    const plan = planNewView(defined({ a: 'float32' }));
    expect(plan.spec.table).toEqual({ generation: 1, columns: { a: 'float32' } });
    expect(steps(plan)).toEqual([['create_table', undefined]]);
  });

  it.each<[string, Types, Types, [string, string][]]>([
    ['nothing', { a: 'float32' }, { a: 'float32' }, []],
    ['an added feature', { a: 'float32' }, { a: 'float32', b: 'list<string>' }, [['add_feature', 'b']]],
    ['a widened integer', { a: 'int32' }, { a: 'int64' }, [['widen_feature', 'a']]],
    ['a widened float', { a: 'float32' }, { a: 'float64' }, [['widen_feature', 'a']]],
    ['another TypeScript type of one column', { a: 'int64' }, { a: 'int64(bigint)' }, []],
    ['a removed feature', { a: 'float32', b: 'int32' }, { a: 'float32' }, []],
  ])('is kept for %s', (_, from, to, expected) => {
    const plan = planKnownView(defined(to), applied(from));
    expect(plan.breaking).toEqual([]);
    expect(plan.spec.table.generation).toBe(1);
    expect(steps(plan)).toEqual(expected);
    expect(Object.keys(plan.spec.table.columns)).toEqual([...new Set([...Object.keys(from), ...Object.keys(to)])]);
  });

  it.each<[string, Types, Types]>([
    ['another type', { a: 'float32' }, { a: 'string' }],
    ['a narrower type', { a: 'float64' }, { a: 'float32' }],
    ['a list of it', { a: 'float32' }, { a: 'list<float32>' }],
    ['a list of something wider', { a: 'list<float32>' }, { a: 'list<float64>' }],
    ['a whole number as float', { a: 'int32' }, { a: 'float64' }],
    ['a name SQL takes for an old one', { a: 'float32' }, { A: 'float32' }],
  ])('is replaced for %s', (_, from, to) => {
    const plan = planKnownView(defined(to), applied(from, from, 4));
    expect(plan.breaking).toHaveLength(1);
    expect(plan.breaking[0]?.cost).toMatch(/generation 5.*generation 4.*asOfSnapshot/);
    expect(plan.spec.table).toEqual({ generation: 5, columns: to });
    expect(steps(plan)).toEqual([['create_table', undefined]]);
  });

  it('remembers columns of features removed long ago', () => {
    const last = applied({ a: 'float32' }, { a: 'float32', b: 'int32' });
    expect(planKnownView(defined({ a: 'float32', b: 'int32' }), last)).toMatchObject({ breaking: [], steps: [] });
    expect(steps(planKnownView(defined({ a: 'float32', b: 'int64' }), last))).toEqual([['widen_feature', 'b']]);
    expect(planKnownView(defined({ a: 'float32', b: 'string' }), last).breaking[0]?.reason).toContain(
      'int32 to string',
    );
  });

  it('is replaced once for several reasons, each of which is said', () => {
    const plan = planKnownView(
      defined({ a: 'string' }, { joinKeys: { driver_id: 'string' } }),
      applied({ a: 'int32' }),
    );
    expect(plan.breaking.map(({ reason }) => reason)).toEqual([
      'the join keys change from (driver_id int64) to (driver_id string)',
      'feature a changes from int32 to string',
    ]);
    expect(plan.spec.table.generation).toBe(2);
  });
});
