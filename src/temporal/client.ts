import { Client, Connection } from '@temporalio/client';
import { connectionError } from './connection-error.js';
import { dataConverter } from './data-converter.js';
import type { PayloadKeys } from './payload-keys.js';
import type { TemporalService } from './service.js';

/**
 * Connects to a Temporal service and makes sure of its namespace.
 * @param keys of encrypted payloads; default: those of the environment.
 * @throws StoreUnavailableError when it does not answer, DefinitionError when certificates, API key or namespace are wrong.
 */
export async function connectClient(service: TemporalService, keys?: PayloadKeys): Promise<Client> {
  const converter = dataConverter(keys);
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({
      ...(service.connection as object),
      address: service.address,
      connectTimeout: '5s',
    });
    await connection.withDeadline(Date.now() + 10_000, () =>
      (connection as Connection).workflowService.describeNamespace({ namespace: service.namespace }),
    );
    return new Client({ connection, namespace: service.namespace, dataConverter: converter });
  } catch (error) {
    await connection?.close();
    throw await connectionError(error, service);
  }
}
