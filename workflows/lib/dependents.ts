import { log } from '@temporalio/workflow';
import { startDependents } from './activity-proxies.js';

/**
 * Starts the pipelines that are due because of what others published. What is missed here is started by upkeep later: it is no
 * failure of the run that asks.
 */
export async function startDue(runId: string): Promise<void> {
  try {
    await startDependents({ runId });
  } catch (error) {
    log.warn('the pipelines that are due could not be started', { reason: String(error) });
  }
}
