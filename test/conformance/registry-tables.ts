import { describe, expect, it } from 'vitest';
import type { FeatureRepo } from '../../src/feature-repo/index.js';
import type { Change, Plan, Registry } from '../../src/registry/index.js';
import { float32, float64, int32, int64, string } from '../../src/types.js';
import type { Shape } from '../support/registry-repo.js';
import type { RegistryUnderTest } from './registry.js';

export const summary = ({ changes }: Plan): string[] =>
  changes.map(({ action, kind, name }) => `${action} ${kind} ${name}`);
export const changeOf = (plan: Plan, name: string): Change | undefined =>
  plan.changes.find((change) => change.kind === 'feature_view' && change.name === name);

interface Fixture {
  readonly lake: RegistryUnderTest;
  readonly registry: Registry;
  readonly repo: (shape?: Shape) => FeatureRepo;
}

/** What becomes of a view's rows when its definition changes. */
export function registryTables(fixture: () => Fixture): void {
  describe('tables', () => {
    it('keep their rows when a feature is added or widened; added columns are null and can be written', async () => {
      const { lake, registry, repo } = fixture();
      await registry.apply(repo({ features: { rate: float32(), trips: int32() } }));
      // Few rows lie in the catalog, many in files: both kinds must live through the change.
      await lake.insert('stats', { driver_id: '1', rate: '0.5', trips: '7' });
      const { plan } = await registry.apply(repo({ features: { rate: float64(), trips: int64(), name: string() } }));
      expect(plan.breaking).toBe(false);
      expect(await lake.columns('stats')).toMatchObject({ rate: 'DOUBLE', trips: 'BIGINT', name: 'VARCHAR' });
      await lake.insert('stats', { driver_id: '2', rate: '0.25', trips: '9000000000', name: "'x'" });
      expect(await lake.rows('stats')).toMatchObject([
        { driver_id: 1n, rate: 0.5, trips: 7n, name: null },
        { driver_id: 2n, rate: 0.25, trips: 9_000_000_000n, name: 'x' },
      ]);
      expect((await registry.state()).views.get('stats')?.table.generation).toBe(1);
    });

    it('keep the column of a removed feature; the feature can come back with the same type', async () => {
      const { lake, registry, repo } = fixture();
      await registry.apply(repo({ features: { rate: float32(), trips: int32() } }));
      await lake.insert('stats', { driver_id: '1', rate: '0.5', trips: '7' });
      const without = await registry.apply(repo({ features: { rate: float32() } }));
      expect(changeOf(without.plan, 'stats')?.notes).toEqual(['column trips stays in the table and is no longer read']);
      expect(Object.keys((await registry.state()).views.get('stats')?.table.features ?? {})).toEqual(['rate']);
      const again = await registry.apply(repo({ features: { rate: float32(), trips: int32() } }));
      expect(again.plan.breaking).toBe(false);
      expect(await lake.rows('stats')).toMatchObject([{ driver_id: 1n, trips: 7 }]);
    });

    it('start a new generation when a removed feature comes back with another type', async () => {
      const { lake, registry, repo } = fixture();
      await registry.apply(repo({ features: { rate: float32(), trips: int32() } }));
      await registry.apply(repo({ features: { rate: float32() } }));
      const { plan } = await registry.apply(repo({ features: { rate: float32(), trips: string() } }));
      expect(changeOf(plan, 'stats')?.breaking[0]?.reason).toContain('trips changes from int32 to string');
      expect(await lake.columns('stats__g2')).toMatchObject({ trips: 'VARCHAR' });
    });

    it('start a new generation when a type changes; the old rows stay readable at the old snapshot', async () => {
      const { lake, registry, repo } = fixture();
      await registry.apply(repo());
      await lake.insert('stats', { driver_id: '1', rate: '0.5' });
      const old = await lake.snapshot();
      const edited = repo({ features: { rate: string() } });
      const plan = await registry.plan(edited);
      expect(plan.breaking).toBe(true);
      expect(changeOf(plan, 'stats')?.breaking).toEqual([
        {
          reason: 'feature rate changes from float32 to string',
          cost: expect.stringMatching(/ingest and materialize it again.*asOfSnapshot/),
        },
      ]);
      await registry.apply(edited);
      expect(await lake.columns('stats__g2')).toMatchObject({ rate: 'VARCHAR' });
      expect(await lake.rows('stats')).toHaveLength(1);
      expect((await registry.state()).views.get('stats')?.table).toMatchObject({
        generation: 2,
        features: { rate: string() },
      });
      expect((await registry.state({ snapshot: old })).views.get('stats')?.table).toMatchObject({
        generation: 1,
        features: { rate: float32() },
      });
      // Back again is a third generation: the rows of the second are no rows of the first.
      await registry.apply(repo());
      expect((await registry.state()).views.get('stats')?.table.generation).toBe(3);
    });

    it.each<[string, Shape]>([
      ['of another type', { joinKeys: { driver_id: string() } }],
      ['of a wider type', { joinKeys: { driver_id: int64() }, from: { driver_id: int32() } }],
      ['one more', { joinKeys: { driver_id: int64(), city: string() } }],
      ['of another name', { joinKeys: { chauffeur: int64() } }],
    ])('start a new generation when the join keys are %s', async (_, { from, ...to }) => {
      const { lake, registry, repo } = fixture();
      await registry.apply(repo(from === undefined ? {} : { joinKeys: from }));
      const { plan } = await registry.apply(repo(to));
      expect(summary(plan)).toContain('change entity driver');
      expect(changeOf(plan, 'stats')?.breaking[0]?.reason).toContain('the join keys change from');
      expect(Object.keys((await lake.columns('stats__g2')) ?? {})).toEqual(
        expect.arrayContaining(Object.keys(to.joinKeys ?? {})),
      );
    });

    it('are not touched by another order of features or join keys', async () => {
      const { registry, repo } = fixture();
      await registry.apply(repo({ features: { a: float32(), b: int32() }, joinKeys: { x: int64(), y: string() } }));
      const plan = await registry.plan(
        repo({ features: { b: int32(), a: float32() }, joinKeys: { y: string(), x: int64() } }),
      );
      expect(summary(plan)).toEqual([]);
    });

    it('stay as they are when a transform changes, with a warning', async () => {
      const { registry, repo } = fixture();
      await registry.apply(repo({ transform: 'one' }));
      const { plan } = await registry.apply(repo({ transform: 'two' }));
      expect(plan.breaking).toBe(false);
      expect(changeOf(plan, 'stats')).toMatchObject({
        fields: [{ path: 'transform', from: 'one', to: 'two' }],
        notes: [expect.stringMatching(/rows already ingested keep .* run the pipeline again/)],
      });
      expect((await registry.state()).views.get('stats')?.transformHash).toBe('two');
    });

    it('outlive the removal of their view, which goes on with them when it comes back', async () => {
      const { lake, registry, repo } = fixture();
      await registry.apply(repo({ views: ['stats', 'more'] }));
      await lake.insert('more', { driver_id: '1', rate: '0.5' });
      const { plan } = await registry.apply(repo());
      expect(summary(plan)).toContain('remove feature_view more');
      expect(changeOf(plan, 'more')?.notes[0]).toContain('stays until teardown');
      expect((await registry.list('feature_view')).map(({ name }) => name)).toEqual(['stats']);
      expect((await registry.history('feature_view', 'more')).map(({ removed }) => removed)).toEqual([false, true]);
      const again = await registry.apply(
        repo({ views: ['stats', 'more'], features: { rate: float32(), name: string() } }),
      );
      expect(changeOf(again.plan, 'more')).toMatchObject({
        action: 'add',
        notes: [expect.stringContaining('goes on with the table')],
      });
      expect(await lake.rows('more')).toMatchObject([{ driver_id: 1n, rate: 0.5, name: null }]);
    });

    it('of a pipeline hold one head row, also when it is removed and comes back', async () => {
      const { lake, registry, repo } = fixture();
      await registry.apply(repo());
      await registry.apply(repo({ pipelines: [] }));
      await registry.apply(repo());
      expect(await lake.rows('lease_load_stats')).toHaveLength(1);
    });
  });
}
