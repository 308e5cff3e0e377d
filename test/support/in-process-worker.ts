import { projectActivities } from '../../src/cli/project-activities.js';
import type { FeatureStore } from '../../src/index.js';
import { type RunningWorker, startWorker, type WorkerSetup } from '../../src/temporal/index.js';
import { bundleCache } from './build.js';

/** A worker in this process, for tests that only need one. Stopping it hands back what is in flight. */
export async function workerFor(
  store: FeatureStore,
  address: string,
  settings: Partial<WorkerSetup> = {},
): Promise<RunningWorker> {
  const shutdown = new AbortController();
  const worker = await startWorker({
    service: { address, namespace: 'default', uiUrl: undefined, connection: { address } },
    project: store.project,
    activities: await projectActivities({ store, shutdown: shutdown.signal }),
    projectRoot: store.repo.projectRoot,
    cacheDirectory: bundleCache(),
    ...settings,
  });
  return {
    ...worker,
    stop: () => {
      shutdown.abort(new Error('the worker is shutting down'));
      return worker.stop();
    },
  };
}
