import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { connectionError } from './connection-error.js';
import { dataConverter } from './data-converter.js';
import type { PayloadKeys } from './payload-keys.js';
import { findObstacle } from './reachability.js';
import type { TemporalService } from './service.js';

const connectMs = 5_000;
const namespaceMs = 10_000;
/** A client's connection only says that time is up; who has not connected by now most likely never will. */
const patienceMs = 500;

/**
 * Connects to a Temporal service and makes sure of its namespace.
 * @param keys of encrypted payloads; default: those of the environment.
 * @throws StoreUnavailableError when it does not answer, DefinitionError when certificates, API key or namespace are wrong.
 */
export async function connectClient(service: TemporalService, keys?: PayloadKeys): Promise<Client> {
  const converter = dataConverter(keys);
  const { address, namespace } = service;
  const settled = new AbortController();
  let connection: Connection | undefined;
  try {
    connection = Connection.lazy({ ...(service.connection as object), address, connectTimeout: connectMs });
    await Promise.race([connection.ensureConnected(), rejectAtObstacle(service, settled.signal)]);
    const { workflowService } = connection;
    await connection.withDeadline(Date.now() + namespaceMs, () => workflowService.describeNamespace({ namespace }));
    return new Client({ connection, namespace, dataConverter: converter });
  } catch (error) {
    await connection?.close();
    throw await connectionError(error, service);
  } finally {
    settled.abort();
  }
}

/** Rejects when something is in the way that no waiting removes; never resolves. */
async function rejectAtObstacle(service: TemporalService, settled: AbortSignal): Promise<never> {
  await sleep(patienceMs, undefined, { signal: settled });
  if ((await findObstacle(service)) !== undefined) throw new Error('an obstacle');
  return new Promise(() => undefined);
}
