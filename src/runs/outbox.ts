import type { Lake, Session } from '../lake/index.js';

/**
 * Part of the transaction that publishes a view of a run, or closes the run: what pipelines that run after this one wait for. Told
 * with the data, so that it is neither lost nor told of data that is not there.
 * @param view `undefined` = all the run was for.
 */
export async function announce(
  session: Session,
  lake: Lake,
  { runId, pipeline, view }: { readonly runId: string; readonly pipeline: string; readonly view?: string },
): Promise<void> {
  await session.run(`INSERT INTO ${lake.system('outbox')} VALUES ($1, $2, $3, now())`, [runId, pipeline, view ?? null]);
}
