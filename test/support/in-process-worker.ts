import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createActivities } from '../../activities/index.js';
import type { FeatureStore } from '../../src/index.js';
import { type RunningWorker, startWorker } from '../../src/temporal/index.js';

export const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));

/** A worker in this process, for tests that only need one. */
export function workerFor(store: FeatureStore, address: string): Promise<RunningWorker> {
  return startWorker({
    service: { address, namespace: 'default', uiUrl: undefined, connection: { address } },
    project: store.project,
    activities: createActivities({ store, shutdown: new AbortController().signal }),
    workflowsPath,
    cacheDirectory: path.join(store.repo.stateDir, 'cache'),
  });
}
