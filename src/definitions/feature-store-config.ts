import { DefinitionError } from '../errors.js';
import { checkFields, checkName, type Definition, define, label } from './definition.js';

/** Which engines a project runs on. Exported by `feature-store.ts` of the feature repository. */
export interface FeatureStoreConfig extends Definition<'feature_store_config'> {
  /** Prefixes task queue, workflow ids, online keys and the lake's schema. */
  readonly project: string;
  readonly onlineStore: { readonly type: 'lmdb' };
  readonly streamSource: { readonly type: 'file' };
}

/** The lake has a schema of the project's name; these are there already. */
const takenSchemas = ['main', 'temp', 'system', 'information_schema', 'pg_catalog'];

/** Embedded engines unless said otherwise: LMDB as online store, event logs in files as streams. */
export function featureStoreConfig(def: {
  project: string;
  onlineStore?: { type: 'lmdb' };
  streamSource?: { type: 'file' };
}): FeatureStoreConfig {
  checkName('featureStoreConfig', def.project, 'project');
  const where = label('featureStoreConfig', def.project);
  checkFields(where, def, ['project', 'onlineStore', 'streamSource']);
  if (takenSchemas.includes(def.project.toLowerCase()) || /_asof$/i.test(def.project)) {
    throw new DefinitionError(`project "${def.project}" is a name that DuckDB or asof uses for schemas of its own`, {
      where,
      mend: `choose another, e.g. project: 'my_features'`,
    });
  }
  const onlineStore = def.onlineStore ?? { type: 'lmdb' };
  const streamSource = def.streamSource ?? { type: 'file' };
  if (onlineStore.type !== 'lmdb') {
    throw new DefinitionError(`onlineStore.type "${String(onlineStore.type)}" is unknown`, {
      where,
      mend: "use { type: 'lmdb' }",
    });
  }
  if (streamSource.type !== 'file') {
    throw new DefinitionError(`streamSource.type "${String(streamSource.type)}" is unknown`, {
      where,
      mend: "use { type: 'file' }",
    });
  }
  return define({ kind: 'feature_store_config', name: def.project, project: def.project, onlineStore, streamSource });
}
