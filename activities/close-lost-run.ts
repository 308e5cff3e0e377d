import { emitsOpenLineage, type RunStatus } from '../src/index.js';
import type { LostRun } from './find-lost-runs.js';
import type { ActivityDeps } from './lib/deps.js';
import { stepLog } from './lib/step-log.js';

/**
 * Closes the record of a run whose workflow ended without it, which gives its interval free.
 * @returns how it is recorded to have ended, if it was lost, and whether its end is to be told; the same if it is asked again.
 */
export async function closeLostRun(
  deps: ActivityDeps,
  { says, ...run }: LostRun,
): Promise<{ readonly ended?: RunStatus; readonly sendsLineage?: boolean }> {
  const { store } = deps;
  const record = await store.runs.closeLost(run, says);
  if (record?.lost !== true) return {};
  stepLog(deps, run)(`run ${record.status}: ${record.message}`, {}, 'error');
  return { ended: record.status, sendsLineage: record.sendsLineage === true && emitsOpenLineage(store.repo) };
}
