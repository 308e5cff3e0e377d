import type { FeatureStore } from '../../src/index.js';

/** What activities work with; given once when a worker starts. */
export interface ActivityDeps {
  readonly store: FeatureStore;
  /** Aborts when the worker begins to shut down: steps hand back where they are instead of failing. */
  readonly shutdown: AbortSignal;
}
