import type {
  AnyFeatureView,
  BatchSource,
  Entity,
  FeatureService,
  FeatureStoreConfig,
  KafkaSource,
  Pipeline,
} from '../definitions/index.js';
import type { Project } from './project-root.js';

/** Everything a feature repository defines, by name. Loaded once; to see an edit, load again. */
export interface FeatureRepo extends Project {
  readonly config: FeatureStoreConfig;
  /** Exported ones and those that views use. */
  readonly entities: ReadonlyMap<string, Entity>;
  /** Exported ones and those that views use, batch sources of streams included. */
  readonly sources: ReadonlyMap<string, BatchSource | KafkaSource>;
  readonly views: ReadonlyMap<string, AnyFeatureView>;
  readonly services: ReadonlyMap<string, FeatureService>;
  readonly pipelines: ReadonlyMap<string, Pipeline>;
  /** Hash of all source files of the repository: two processes with the same hash loaded the same definitions. */
  readonly definitionsHash: string;
  /**
   * The identity of a view's transform: the hash of the file that defines the view and of every file it imports by a relative
   * path. `undefined` when the view has no transform.
   */
  transformHash(view: string): string | undefined;
  /** The file that defines a view, as shown to people: `feature_repo/features.ts`. */
  fileOf(view: string): string | undefined;
}
