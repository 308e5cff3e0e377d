import {
  entity,
  featureService,
  featureStoreConfig,
  featureView,
  fileSource,
  pipeline,
} from '../../src/definitions/index.js';
import type { FeatureRepo } from '../../src/feature-repo/index.js';
import { float32, int64, type Schema } from '../../src/types.js';

/** What tests of the registry vary. */
export interface Shape {
  readonly project?: string;
  readonly views?: readonly string[];
  readonly pipelines?: readonly string[];
  readonly joinKeys?: Schema;
  readonly features?: Schema;
  readonly ttl?: string;
  readonly owner?: string;
  /** Hash of the transform of every view. */
  readonly transform?: string;
  /** Join keys of a repository before this one. */
  readonly from?: Schema;
}

/** A loaded repository, without files: one entity, one source, views alike, a service of the first, pipelines. */
export function repoOf(shape: Shape = {}): FeatureRepo {
  const { project = 'test', views = ['stats'], pipelines = ['load_stats'], joinKeys = { driver_id: int64() } } = shape;
  const { features = { rate: float32() }, ttl = '0', owner, transform } = shape;
  const driver = entity({ name: 'driver', joinKeys });
  const source = fileSource({ name: 'stats_file', path: 'data/stats.parquet', timestampField: 'at' });
  const made = views.map((name) =>
    featureView({ name, entities: [driver], source, features, ttl, ...(owner === undefined ? {} : { owner }) }),
  );
  const byName = <T extends { name: string }>(all: readonly T[]) => new Map(all.map((one) => [one.name, one]));
  return {
    repoDir: '/nowhere/feature_repo',
    projectRoot: '/nowhere',
    stateDir: '/nowhere/.asof',
    config: featureStoreConfig({ project }),
    entities: byName([driver]),
    sources: byName([source]),
    views: byName(made),
    services: byName([featureService({ name: 'ranking', features: made.slice(0, 1) })]),
    pipelines: byName(
      pipelines.map((name) => pipeline({ name, workflow: 'dbToOfflineStore', args: { views: ['stats'] } })),
    ),
    definitionsHash: 'hash',
    transformHash: () => transform,
    fileOf: () => undefined,
  } as FeatureRepo;
}
