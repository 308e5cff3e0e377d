import type { FeatureStore } from '../../src/index.js';

/** What activities work with; given once when a worker starts. */
export interface ActivityDeps {
  readonly store: FeatureStore;
  /** Aborts when the worker begins to shut down: steps hand back where they are instead of failing. */
  readonly shutdown: AbortSignal;
  /** The page of a run in the Web UI, where that is known. */
  readonly runUrl?: ((workflowId: string, runId: string) => string | undefined) | undefined;
}
