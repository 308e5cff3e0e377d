import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { createActivities } from '../../activities/index.js';
import type { FeatureStore } from '../index.js';
import {
  configuredTemporal,
  connectClient,
  type RunningWorker,
  startWorker,
  type TemporalService,
} from '../temporal/index.js';
import { ensureTemporalCli, startOrJoinEmbeddedTemporal, stopEmbeddedTemporal } from '../toolchain/index.js';
import { embeddedService } from './temporal-location.js';

/** Temporal, a worker and a client for one project. */
export interface Stack {
  readonly service: TemporalService;
  readonly client: Client;
  readonly worker: RunningWorker;
  /** Whether this process started the Temporal server, and so stops it. */
  readonly ownsServer: boolean;
  /** Hands back what is in flight, then stops worker and, if it is ours, server. */
  stop(): Promise<void>;
}

/** Temporal if none is given, and a worker. What was started is stopped again when a later part fails to start. */
export async function startStack(store: FeatureStore, report: (message: string) => void): Promise<Stack> {
  const { stateDir } = store.repo;
  mkdirSync(stateDir, { recursive: true });
  const { service, ownsServer } = await obtainTemporal(store, report);
  const stopServer = async (): Promise<void> => {
    if (ownsServer) await stopEmbeddedTemporal(stateDir);
  };
  try {
    report('starting the worker');
    const shutdown = new AbortController();
    const worker = await startWorker({
      service,
      project: store.project,
      activities: createActivities({ store, shutdown: shutdown.signal }),
      workflowsPath: workflowsPath(),
      cacheDirectory: path.join(stateDir, 'cache'),
    });
    const client = await connectClient(service);
    return {
      service,
      client,
      worker,
      ownsServer,
      stop: async () => {
        shutdown.abort(new Error('the worker is shutting down'));
        await client.connection.close();
        await worker.stop().finally(stopServer);
      },
    };
  } catch (error) {
    await stopServer();
    throw error;
  }
}

async function obtainTemporal(
  store: FeatureStore,
  report: (message: string) => void,
): Promise<{ service: TemporalService; ownsServer: boolean }> {
  const configured = configuredTemporal();
  if (configured !== undefined) return { service: configured, ownsServer: false };
  const tellMessage = ({ message }: { message: string }) => report(message);
  const { path: cliPath } = await ensureTemporalCli({ report: tellMessage });
  const { stateDir } = store.repo;
  const server = await startOrJoinEmbeddedTemporal({ stateDir, project: store.project, cliPath, report: tellMessage });
  return { service: embeddedService(server), ownsServer: server.started };
}

/** Sources in a checkout, compiled files in a release: the ending is that of this file. */
function workflowsPath(): string {
  const ending = path.extname(fileURLToPath(import.meta.url));
  return fileURLToPath(new URL(`../../workflows/index${ending}`, import.meta.url));
}
