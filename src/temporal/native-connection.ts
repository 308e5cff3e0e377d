import { NativeConnection } from '@temporalio/worker';
import { connectionError } from './connection-error.js';
import type { TemporalService } from './service.js';

/**
 * Connects to a Temporal service as a worker does, and makes sure of its namespace. The runtime must be installed before.
 * @throws StoreUnavailableError when it does not answer, DefinitionError when certificates, API key or namespace are wrong.
 */
export async function connectNative(service: TemporalService): Promise<NativeConnection> {
  let connection: NativeConnection | undefined;
  try {
    connection = await NativeConnection.connect({ ...service.connection, address: service.address });
    await connection.workflowService.describeNamespace({ namespace: service.namespace });
    return connection;
  } catch (error) {
    await connection?.close();
    throw await connectionError(error, service);
  }
}
