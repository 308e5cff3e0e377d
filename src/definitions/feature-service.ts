import { DefinitionError } from '../errors.js';
import type { NullableRow, Row, Schema, Simplify } from '../types.js';
import {
  checkFields,
  checkMeta,
  checkName,
  type Definition,
  define,
  label,
  type Meta,
  metaFields,
} from './definition.js';
import type { Selectable } from './feature-view.js';
import { resolveSelection } from './selection.js';

/** Features that are read together, e.g. by one model; the same type for training and serving. */
export interface FeatureService<V extends readonly Selectable[] = readonly Selectable[]>
  extends Definition<'feature_service'> {
  readonly features: V;
}

type Duplicates<V extends readonly Selectable[], Seen = never, Dup = never> = V extends readonly [
  infer H extends Selectable,
  ...infer T extends readonly Selectable[],
]
  ? Duplicates<T, Seen | keyof H['features'], Dup | (keyof H['features'] & Seen)>
  : Dup;

/** Puts an English sentence into the compile error. */
type NoDuplicates<V extends readonly Selectable[]> = [Duplicates<V>] extends [never]
  ? unknown
  : { features: `feature "${Duplicates<V> & string}" comes from two views; rename one with .prefixed()` };

/** Walks the tuple once; intersecting the union instead makes the compiler compare every pair of views. */
type Merge<V extends readonly Selectable[], P extends 'joinKeys' | 'features', Acc = unknown> = V extends readonly [
  infer H extends Selectable,
  ...infer T extends readonly Selectable[],
]
  ? Merge<T, P, Acc & H[P]>
  : Acc;

/** Without a tuple (a service found by name) nothing is known of the keys and columns. */
type Merged<S extends FeatureService, P extends 'joinKeys' | 'features'> = number extends S['features']['length']
  ? Schema
  : Merge<S['features'], P>;

/** The join keys a service is asked by. */
export type EntityKeys<S extends FeatureService> = Simplify<Row<Merged<S, 'joinKeys'>>>;
/** The service's features; missing and expired ones are null. */
export type ServiceFeatures<S extends FeatureService> = NullableRow<Merged<S, 'features'>>;
/** One row of an online read: join keys and features. */
export type OnlineRow<S extends FeatureService> = Simplify<EntityKeys<S> & ServiceFeatures<S>>;
/** One row of training data: the entity row's own columns and the features. */
export type HistoricalRow<S extends FeatureService, L> = Simplify<L & ServiceFeatures<S>>;

/** @throws DefinitionError when two features would come out under one name, or when no view is listed. */
export function featureService<const V extends readonly Selectable[]>(
  def: { name: string; features: V } & NoDuplicates<V> & Meta,
): FeatureService<V> {
  const { name, features } = def as { name: string; features: V } & Meta;
  checkName('featureService', name);
  const where = label('featureService', name);
  checkFields(where, def, [...metaFields, 'features']);
  checkMeta(where, def as Meta);
  if (!Array.isArray(features) || features.length === 0) {
    throw new DefinitionError('features is empty', { where, mend: 'list views: features: [driverStats]' });
  }
  checkNoDuplicates(where, features);
  return define({ kind: 'feature_service', ...(def as { name: string; features: V } & Meta) });
}

/** Two columns of one name in one answer, features or join keys: an error that names both and the mend. */
export function checkNoDuplicates(where: string, features: readonly Selectable[]): void {
  const from = new Map<string, string>();
  for (const selection of features) {
    const { view, columns } = resolveSelection(selection);
    for (const [output, feature] of Object.entries(columns)) {
      const source = `${view.name}:${feature}`;
      const other = from.get(output);
      if (other !== undefined) {
        throw new DefinitionError(`feature "${output}" comes twice, from ${other} and ${source}`, {
          where,
          mend: `rename one with .prefixed('${view.name}_'), or ask for full feature names`,
        });
      }
      from.set(output, source);
    }
  }
  for (const { view } of features.map(resolveSelection)) {
    for (const key of Object.keys(view.joinKeys as object)) {
      const feature = from.get(key);
      if (feature === undefined) continue;
      throw new DefinitionError(`feature ${feature} comes out under the name of "${key}", a join key of ${view.name}`, {
        where,
        mend: `rename it with .prefixed('${feature.split(':')[0]}_')`,
      });
    }
  }
}
