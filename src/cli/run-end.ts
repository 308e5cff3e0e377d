import type { FeatureStore } from '../index.js';
import { type ShownRun, withTemporalNews } from './lost-runs.js';

/** How a run ended; `undefined` = it is at work, or nobody can tell. */
export async function endOf(store: FeatureStore, runId: string): Promise<ShownRun['status'] | undefined> {
  const record = await store.runs.find(runId);
  if (record === undefined) return undefined;
  if (record.status !== 'running') return record.status;
  const [shown] = await withTemporalNews(store, [record]);
  return shown?.status === 'running' ? undefined : shown?.status;
}
