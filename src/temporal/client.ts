import { Client, Connection } from '@temporalio/client';
import { StoreUnavailableError } from '../index.js';
import type { TemporalService } from './service.js';

/**
 * Connects to a Temporal service.
 * @throws StoreUnavailableError when it does not answer.
 */
export async function connectClient(service: TemporalService): Promise<Client> {
  try {
    const connection = await Connection.connect({
      ...(service.connection as object),
      address: service.address,
      connectTimeout: '5s',
    });
    return new Client({ connection, namespace: service.namespace });
  } catch (error) {
    throw new StoreUnavailableError(`Temporal does not answer at ${service.address}`, {
      mend: 'start it with `asof up`, or set TEMPORAL_ADDRESS to a service that runs',
      cause: error,
    });
  }
}
