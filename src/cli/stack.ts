import { mkdirSync } from 'node:fs';
import type { FeatureStore } from '../index.js';
import { configuredTemporal, type TemporalService } from '../temporal/index.js';
import { ensureTemporalCli, startOrJoinEmbeddedTemporal, stopEmbeddedTemporal } from '../toolchain/index.js';
import { type ProjectWorker, startProjectWorker } from './project-worker.js';
import { embeddedService } from './temporal-location.js';

/** Temporal, a worker and a client for one project. */
export interface Stack extends ProjectWorker {
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
    const served = await startProjectWorker(store, service);
    return { ...served, ownsServer, stop: () => served.stop().finally(stopServer) };
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
