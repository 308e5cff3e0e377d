import path from 'node:path';
import type { Client } from '@temporalio/client';
import type { FeatureStore } from '../index.js';
import {
  checkWorkflows,
  connectClient,
  type RunningWorker,
  runUrl,
  startWorker,
  type TemporalService,
  type WorkerSettings,
} from '../temporal/index.js';
import { aborted } from './interrupt.js';
import { projectActivities } from './project-activities.js';

/** A worker for one project, and a client beside it. */
export interface ProjectWorker {
  readonly service: TemporalService;
  readonly client: Client;
  readonly worker: RunningWorker;
  /** Takes no more work; steps in flight finish or are handed back, then it ends. */
  stop(): Promise<void>;
}

/**
 * Starts a worker on a service that runs already.
 * @throws DefinitionError when a pipeline's workflow is not exported, or the project's own workflows are not right.
 */
export async function startProjectWorker(
  store: FeatureStore,
  service: TemporalService,
  settings: WorkerSettings = {},
): Promise<ProjectWorker> {
  await checkWorkflows(store.repo);
  const shutdown = new AbortController();
  const worker = await startWorker({
    ...settings,
    service,
    project: store.project,
    activities: await projectActivities({
      store,
      shutdown: shutdown.signal,
      runUrl: (workflowId, runId) => runUrl(service, workflowId, runId),
    }),
    projectRoot: store.repo.projectRoot,
    cacheDirectory: path.join(store.repo.stateDir, 'cache'),
  });
  let client: Client | undefined;
  const stop = async (): Promise<void> => {
    shutdown.abort(new Error('the worker is shutting down'));
    await client?.connection.close();
    await worker.stop();
  };
  try {
    client = await connectClient(service);
    return { service, client, worker, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Works until the signal aborts, then stops in good order.
 * @param stop stops the worker, and what else was started with it.
 * @throws what the worker ended with, should it end by itself.
 */
export async function serveUntil(
  signal: AbortSignal,
  { worker, stop }: Pick<ProjectWorker, 'worker' | 'stop'>,
  say: (line: string) => void,
): Promise<void> {
  const lost = await Promise.race([aborted(signal), worker.stopped.catch((error: unknown) => ({ error }))]);
  if (signal.aborted) say('Stopping: steps in flight finish or are handed back …');
  await stop();
  if (lost !== undefined) throw lost.error;
}
