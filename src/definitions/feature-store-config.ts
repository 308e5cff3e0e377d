import { DefinitionError } from '../errors.js';
import { type DefaultPipelines, wantedDefaults } from './default-pipelines.js';
import { checkFields, checkName, type Definition, define, label } from './definition.js';
import {
  type CatalogSettings,
  checkCatalog,
  checkOnlineStore,
  checkStreamSource,
  type OnlineStoreSettings,
  type StreamSourceSettings,
} from './engine-settings.js';
import { checkLineage, type LineageSettings } from './lineage-settings.js';
import { type UpkeepRules, type UpkeepSettings, upkeepRules } from './upkeep-settings.js';

/** Which engines a project runs on. Exported by `feature-store.ts` of the feature repository. */
export interface FeatureStoreConfig extends Definition<'feature_store_config'> {
  /** Prefixes task queue, workflow ids, online keys and the lake's schema. */
  readonly project: string;
  readonly catalog: CatalogSettings;
  readonly onlineStore: OnlineStoreSettings;
  readonly streamSource: StreamSourceSettings;
  /** How long upkeep keeps what nobody needs any more. */
  readonly upkeep: UpkeepRules;
  /** Where runs are told of. */
  readonly lineage?: LineageSettings | undefined;
  /** Names of the pipelines that come with asof and are wanted. */
  readonly defaultPipelines: readonly string[];
}

/** The lake has a schema of the project's name; these are there already. */
const takenSchemas = ['main', 'temp', 'system', 'information_schema', 'pg_catalog'];

/**
 * Embedded engines unless said otherwise: a SQLite catalog, LMDB as online store, event logs in files as streams. Passwords and
 * whatever else differs between machines come from the environment: `url: env('ASOF_REDIS_URL')`.
 * @param def.defaultPipelines false, or e.g. `{ check_freshness: false }`, leaves out what every project runs otherwise.
 */
export function featureStoreConfig(def: {
  project: string;
  catalog?: CatalogSettings;
  onlineStore?: OnlineStoreSettings;
  streamSource?: StreamSourceSettings;
  upkeep?: UpkeepSettings;
  lineage?: LineageSettings;
  defaultPipelines?: DefaultPipelines;
}): FeatureStoreConfig {
  checkName('featureStoreConfig', def.project, 'project');
  const where = label('featureStoreConfig', def.project);
  checkFields(where, def, [
    'project',
    'catalog',
    'onlineStore',
    'streamSource',
    'upkeep',
    'lineage',
    'defaultPipelines',
  ]);
  if (takenSchemas.includes(def.project.toLowerCase()) || /_asof$/i.test(def.project)) {
    throw new DefinitionError(`project "${def.project}" is a name that DuckDB or asof uses for schemas of its own`, {
      where,
      mend: `choose another, e.g. project: 'my_features'`,
    });
  }
  const catalog = def.catalog ?? { type: 'sqlite' };
  const onlineStore = def.onlineStore ?? { type: 'lmdb' };
  const streamSource = def.streamSource ?? { type: 'file' };
  checkCatalog(where, catalog);
  checkOnlineStore(where, onlineStore);
  checkStreamSource(where, streamSource);
  checkLineage(where, def.lineage);
  const { project, lineage } = def;
  const upkeep = upkeepRules(where, def.upkeep);
  const defaultPipelines = wantedDefaults(where, def.defaultPipelines);
  return define({
    ...{ kind: 'feature_store_config' as const, name: project, project },
    ...{ catalog, onlineStore, streamSource, upkeep, lineage, defaultPipelines },
  });
}
