import type { Client } from '@temporalio/client';
import type { FeatureStore, RunRecord } from '../index.js';
import { connectClient, runUrl, type TemporalService, temporalStatus } from '../temporal/index.js';
import { findTemporal } from './temporal-location.js';

/**
 * A run as it is shown: `lost` is one whose record says that it runs while its workflow is gone: terminated from outside, or
 * forgotten by the server.
 */
export type ShownRun = Omit<RunRecord, 'status'> & {
  readonly status: RunRecord['status'] | 'lost';
  /** What Temporal knows that the lake does not. */
  readonly note?: string | undefined;
  /** Its page in the Web UI. */
  readonly url?: string | undefined;
};

const atOnce = 20;

/** What the server adds to the records; without a server that answers they are shown as they are. */
export async function withTemporalNews(
  { repo }: Pick<FeatureStore, 'repo'>,
  records: readonly RunRecord[],
): Promise<ShownRun[]> {
  const service = await findTemporal(repo.stateDir);
  if (service === undefined) return [...records];
  const statuses = records.some(isRunning) ? await askServer(service, records.filter(isRunning)) : new Map();
  return records.map((record) => {
    const shown = { ...record, url: runUrl(service, record.workflowId, record.runId) };
    const now = statuses.get(record.runId);
    if (now === undefined || now === 'RUNNING') return shown;
    const note = now === 'unknown' ? 'its workflow is unknown to Temporal' : `Temporal says ${now}`;
    return { ...shown, status: 'lost', note };
  });
}

const isRunning = ({ status }: RunRecord): boolean => status === 'running';

async function askServer(
  service: TemporalService,
  records: readonly RunRecord[],
): Promise<ReadonlyMap<string, string>> {
  const statuses = new Map<string, string>();
  let client: Client | undefined;
  try {
    client = await connectClient(service);
    for (let first = 0; first < records.length; first += atOnce) {
      const some = records.slice(first, first + atOnce);
      const found = await Promise.all(some.map((run) => temporalStatus(client as Client, run)));
      some.forEach(({ runId }, index) => {
        statuses.set(runId, found[index] ?? 'unknown');
      });
    }
  } catch {
    // Runs are listed without a server, too.
  } finally {
    await client?.connection.close();
  }
  return statuses;
}
