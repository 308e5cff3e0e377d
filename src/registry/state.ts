import type { FeatureTable } from '../definitions/feature-table.js';
import type { RegistryEntry, RegistryState } from './registry.js';
import { parseTypes, type Spec, type ViewSpec } from './spec.js';

/** The table a view's rows are in, as engines need it. */
export const featureTable = ({ name, table, joinKeys, features, ttlMs }: ViewSpec): FeatureTable => ({
  view: name,
  generation: table.generation,
  joinKeys: parseTypes(joinKeys),
  features: parseTypes(features),
  ttlMs,
});

/** The newest entries of a moment, by kind and name; removed objects are left out. */
export function stateOf(version: number, entries: readonly RegistryEntry[]): RegistryState {
  const present = entries.filter(({ removed }) => !removed);
  const byName = <S extends Spec>(kind: RegistryEntry['kind']): ReadonlyMap<string, S> =>
    new Map(present.filter((entry) => entry.kind === kind).map(({ name, spec }) => [name, spec as S]));
  const views = present
    .filter((entry) => entry.kind === 'feature_view')
    .map((entry) => {
      const spec = entry.spec as ViewSpec;
      return [
        entry.name,
        { spec, version: entry.version, table: featureTable(spec), transformHash: spec.transform },
      ] as const;
    });
  return {
    version,
    entities: byName('entity'),
    sources: byName('source'),
    views: new Map(views),
    services: byName('feature_service'),
    pipelines: byName('pipeline'),
  };
}
