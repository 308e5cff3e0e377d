import type { Client } from '@temporalio/client';
import { StoreUnavailableError } from '../index.js';
import { asAsofError, configuredTemporal, connectClient, type TemporalService } from '../temporal/index.js';
import { type EmbeddedTemporal, readEmbeddedTemporal } from '../toolchain/index.js';

/** The service of TEMPORAL_ADDRESS or a profile, else the project's embedded server if it runs. */
export async function findTemporal(stateDir: string): Promise<TemporalService | undefined> {
  const configured = configuredTemporal();
  if (configured !== undefined) return configured;
  const embedded = await readEmbeddedTemporal(stateDir);
  return embedded === undefined ? undefined : embeddedService(embedded);
}

export const embeddedService = ({ address, namespace, uiUrl }: EmbeddedTemporal): TemporalService => ({
  address,
  namespace,
  uiUrl,
  connection: { address },
});

export const noTemporal = (): StoreUnavailableError =>
  new StoreUnavailableError('no Temporal server runs for this project', {
    mend: 'start one with `asof up` (it stays), or set TEMPORAL_ADDRESS to a service that runs',
  });

/** Connects for the time of `work`. @throws StoreUnavailableError when there is no Temporal to connect to. */
export async function withTemporal<T>(
  stateDir: string,
  work: (client: Client, service: TemporalService) => Promise<T>,
): Promise<T> {
  const service = await findTemporal(stateDir);
  if (service === undefined) throw noTemporal();
  const client = await connectClient(service);
  try {
    return await work(client, service);
  } catch (error) {
    throw asAsofError(error);
  } finally {
    await client.connection.close();
  }
}
