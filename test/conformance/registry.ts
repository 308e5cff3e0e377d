import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DefinitionError } from '../../src/errors.js';
import type { FeatureRepo } from '../../src/feature-repo/index.js';
import type { Registry } from '../../src/registry/index.js';
import { float32, int32, int64, string } from '../../src/types.js';
import { repoOf, type Shape } from '../support/registry-repo.js';
import { registryTables, summary } from './registry-tables.js';

/** What a registry is tested through: itself, and the tables it makes. */
export interface RegistryUnderTest {
  readonly registry: Registry;
  readonly project: string;
  /** Another opening of the same lake, as a second process has it. */
  another(): Promise<{ registry: Registry; close(): void }>;
  /** Another project of the same lake. */
  otherProject(): Promise<{ registry: Registry; project: string; close(): void }>;
  /** The same project opened again, as after a restart. */
  reopen(): Promise<{ registry: Registry; close(): void }>;
  snapshot(): Promise<number>;
  /** Column → SQL type of a table of the project; undefined = there is no such table. */
  columns(table: string): Promise<Record<string, string> | undefined>;
  /** Inserts one row by column names, through SQL. */
  insert(table: string, row: Record<string, string>): Promise<void>;
  /** Any statement, in a transaction of its own. */
  sql(statement: string): Promise<void>;
  rows(table: string): Promise<Record<string, unknown>[]>;
  close(): void;
}

/** Every registry passes these. */
export function registryConformance(engine: string, open: () => Promise<RegistryUnderTest>): void {
  describe(`registry: ${engine}`, () => {
    let lake: RegistryUnderTest;
    let registry: Registry;
    const repo = (shape: Shape = {}): FeatureRepo => repoOf({ project: lake.project, ...shape });

    beforeEach(async () => {
      lake = await open();
      registry = lake.registry;
    });
    afterEach(() => lake.close());

    describe('plan and apply', () => {
      it('plans everything as new, writes nothing by planning, applies it in one snapshot as version 1', async () => {
        const before = await lake.snapshot();
        const plan = await registry.plan(repo());
        expect(summary(plan)).toEqual([
          'add entity driver',
          'add source stats_file',
          'add feature_view stats',
          'add feature_service ranking',
          'add pipeline load_stats',
        ]);
        expect(plan).toMatchObject({ version: 0, breaking: false });
        expect(await lake.snapshot()).toBe(before);
        expect(await lake.columns('stats')).toBeUndefined();

        const { version } = await registry.apply(repo());
        expect(version).toBe(1);
        expect(await lake.snapshot()).toBe(before + 1);
        expect(await lake.columns('stats')).toMatchObject({
          driver_id: 'BIGINT',
          event_timestamp: 'TIMESTAMP WITH TIME ZONE',
          rate: 'FLOAT',
        });
      });

      it('does nothing the second time: no version, no snapshot', async () => {
        await registry.apply(repo());
        const before = await lake.snapshot();
        const { plan, version } = await registry.apply(repo());
        expect({ changes: plan.changes, version }).toEqual({ changes: [], version: 1 });
        expect(await lake.snapshot()).toBe(before);
        expect(await registry.history('feature_view', 'stats')).toHaveLength(1);
      });

      it('shows what changed, from old to new, and keeps every version of what did', async () => {
        await registry.apply(repo({ owner: 'a@example.com', ttl: '1 day' }));
        const edited = repo({ owner: 'b@example.com', ttl: '2 days' });
        const plan = await registry.plan(edited);
        expect(summary(plan)).toEqual(['change feature_view stats']);
        expect(plan.changes[0]?.fields).toEqual([
          { path: 'owner', from: 'a@example.com', to: 'b@example.com' },
          { path: 'ttlMs', from: 86_400_000, to: 172_800_000 },
        ]);
        expect((await registry.apply(edited)).version).toBe(2);
        const history = await registry.history('feature_view', 'stats');
        expect(history.map(({ version, spec }) => [version, spec.owner])).toEqual([
          [1, 'a@example.com'],
          [2, 'b@example.com'],
        ]);
        expect(await registry.history('entity', 'driver')).toHaveLength(1);
      });

      it('gives back what was applied: now, at a version, at a snapshot', async () => {
        await registry.apply(repo({ features: { rate: float32(), name: string() } }));
        const first = await lake.snapshot();
        await registry.apply(repo({ features: { rate: float32(), name: string(), trips: int32() } }));
        expect((await registry.state()).views.get('stats')).toMatchObject({
          version: 2,
          table: {
            view: 'stats',
            generation: 1,
            ttlMs: 0,
            joinKeys: { driver_id: int64() },
            features: { rate: float32(), name: string(), trips: int32() },
          },
        });
        for (const moment of [{ version: 1 }, { snapshot: first }]) {
          const state = await registry.state(moment);
          expect(state.version).toBe(1);
          expect(Object.keys(state.views.get('stats')?.table.features ?? {})).toEqual(['rate', 'name']);
        }
        expect((await registry.state({ version: 0 })).views.size).toBe(0);
        const state = await registry.state();
        expect(state.services.get('ranking')?.features).toEqual([
          { view: 'stats', columns: { rate: 'rate', name: 'name', trips: 'trips' } },
        ]);
        expect(state.pipelines.get('load_stats')?.args).toEqual({ views: ['stats'] });
        expect(state.sources.get('stats_file')).toMatchObject({ kind: 'file_source', path: 'data/stats.parquet' });
      });

      it('refuses moments it does not reach', async () => {
        await registry.apply(repo());
        await expect(registry.state({ version: 2 })).rejects.toThrow(/no version 2/);
        await expect(registry.state({ snapshot: 10_000 })).rejects.toThrow(/no registry at snapshot 10000/);
        await expect(registry.state({ snapshot: 0 })).rejects.toThrow(DefinitionError);
      });

      it('refuses definitions of another project', async () => {
        await expect(registry.apply(repoOf({ project: 'somebody_else' }))).rejects.toThrow(/project "somebody_else"/);
      });

      it('changes nothing at all when a step of an apply fails', async () => {
        await lake.sql('CREATE TABLE lake.test_asof.head_zones (one VARCHAR, two VARCHAR)');
        await registry.apply(repo());
        const before = await lake.snapshot();
        const edited = repo({ views: ['stats', 'zones'], features: { rate: float32(), trips: int32() } });
        await expect(registry.apply(edited)).rejects.toThrow();
        expect(await lake.snapshot()).toBe(before);
        expect((await registry.state()).version).toBe(1);
        expect(await lake.columns('zones')).toBeUndefined();
        expect(await lake.columns('stats')).not.toHaveProperty('trips');
      });

      it('refuses a view whose table is already there for something else', async () => {
        await lake.sql('CREATE TABLE lake.test.stats (training_set VARCHAR)');
        await expect(registry.apply(repo())).rejects.toMatchObject({
          name: 'DefinitionError',
          mend: expect.stringContaining('rename the view'),
        });
        expect((await registry.state()).version).toBe(0);
      });

      it('lists and describes, and names what there is when asked for what is not', async () => {
        await registry.apply(repo());
        expect((await registry.list('feature_view')).map(({ name }) => name)).toEqual(['stats']);
        expect((await registry.describe('entity', 'driver')).spec).toMatchObject({ joinKeys: { driver_id: 'int64' } });
        await expect(registry.describe('feature_view', 'nope')).rejects.toMatchObject({
          name: 'DefinitionError',
          mend: 'use one of stats',
        });
      });

      it('tells a worker whose definitions are not the ones applied', async () => {
        await expect(registry.checkApplied(repo())).rejects.toMatchObject({
          mend: 'run asof apply',
          message: expect.stringContaining('nothing was applied'),
        });
        await registry.apply(repo());
        await registry.checkApplied(repo());
        const error = await registry
          .checkApplied(repo({ ttl: '1 day', views: ['stats', 'more'] }))
          .catch((e: unknown) => e);
        expect(error).toBeInstanceOf(DefinitionError);
        expect((error as DefinitionError).message).toMatch(/feature_view more \(new\); feature_view stats \(ttlMs\)/);
        expect((error as DefinitionError).mend).toContain('asof apply');
      });
    });

    registryTables(() => ({ lake, registry, repo }));

    describe('two applies at once', () => {
      it('of the same definitions: both succeed, one version', async () => {
        const other = await lake.another();
        try {
          const done = await Promise.all([registry.apply(repo()), other.registry.apply(repo())]);
          expect(done.map(({ version }) => version)).toEqual([1, 1]);
          expect(done.filter(({ plan }) => plan.changes.length > 0)).toHaveLength(1);
          expect(await lake.rows('head_stats')).toHaveLength(1);
          expect(await registry.history('feature_view', 'stats')).toHaveLength(1);
        } finally {
          other.close();
        }
      });

      it('gives a version together with the objects of that version, also to who reads meanwhile', async () => {
        const other = await lake.another();
        let done = false;
        const applying = (async () => {
          for (let days = 1; days <= 8; days += 1) await other.registry.apply(repo({ ttl: `${days} days` }));
        })().finally(() => {
          done = true;
        });
        try {
          let seen = 0;
          while (!done || seen < 8) {
            const { version, views } = await registry.state();
            expect(version).toBe(views.get('stats')?.version ?? 0);
            seen = version;
          }
          await applying;
        } finally {
          await applying;
          other.close();
        }
      });

      it('of different definitions: both succeed one after the other, never half', async () => {
        const other = await lake.another();
        try {
          const done = await Promise.all([
            registry.apply(repo({ features: { rate: float32(), trips: int32() } })),
            other.registry.apply(repo({ features: { rate: float32(), name: string() } })),
          ]);
          expect(done.map(({ version }) => version).sort()).toEqual([1, 2]);
          const last = done.find(({ version }) => version === 2);
          const winner = done.indexOf(last as (typeof done)[number]) === 0 ? 'trips' : 'name';
          const table = (await registry.state()).views.get('stats')?.table;
          expect(Object.keys(table?.features ?? {})).toEqual(['rate', winner]);
          expect(Object.keys((await lake.columns('stats')) ?? {})).toEqual(expect.arrayContaining(['trips', 'name']));
        } finally {
          other.close();
        }
      });
    });

    describe('teardown', () => {
      it('removes this project only, and says how much', async () => {
        const other = await lake.otherProject();
        try {
          await other.registry.apply(repoOf({ project: other.project }));
          await registry.apply(repo());
          expect(await registry.teardown()).toEqual({
            objects: { entity: 1, source: 1, feature_view: 1, feature_service: 1, pipeline: 1 },
            tables: expect.any(Number),
          });
          expect(await lake.columns('stats')).toBeUndefined();
          expect((await other.registry.state()).views.size).toBe(1);
          const { plan } = await other.registry.apply(repoOf({ project: other.project }));
          expect(plan.changes).toEqual([]);
        } finally {
          other.close();
        }
      });

      it('leaves a lake that starts anew when it is opened again', async () => {
        await registry.apply(repo());
        await registry.teardown();
        const again = await lake.reopen();
        try {
          expect((await again.registry.state()).version).toBe(0);
          expect((await again.registry.apply(repo())).version).toBe(1);
          expect(await lake.columns('stats')).toMatchObject({ rate: 'FLOAT' });
        } finally {
          again.close();
        }
      });

      it('is said to whoever still has the project open', async () => {
        await registry.teardown();
        await expect(registry.state()).rejects.toMatchObject({
          name: 'DefinitionError',
          message: expect.stringContaining('torn down'),
        });
      });
    });
  });
}
