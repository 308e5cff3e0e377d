import type { Lake, Session } from '../lake/index.js';

export interface RunEvent {
  /** Of a run or a backfill. */
  readonly runId: string;
  readonly workflowId: string;
  readonly pipeline: string;
  readonly event: 'opened' | 'closed' | 'backfill_opened' | 'backfill_closed';
  readonly detail: object;
}

/** SQL of the events that end a run or a backfill. */
export const isEnd = `event IN ('closed', 'backfill_closed')`;
/** SQL of the events of runs; a backfill holds nothing by itself, its runs do. */
export const isOfRun = `event IN ('opened', 'closed')`;

/**
 * Adds an event to the record of a run, unless it has one of that kind already.
 * @param alongside what must be written with it or not at all.
 */
export async function appendEvent(
  lake: Lake,
  { runId, workflowId, pipeline, event, detail }: RunEvent,
  alongside?: (session: Session) => Promise<void>,
): Promise<void> {
  await lake.transaction({ message: `run ${runId} ${event}` }, async (session) => {
    // Two attempts of one step may come here at once: the first one's event counts.
    const table = lake.system('run_events');
    await session.run(
      `INSERT INTO ${table} SELECT $1, $2, $3, now(), $4, $5
       WHERE NOT EXISTS (SELECT 1 FROM ${table} WHERE run_id = $1 AND event = $4)`,
      [runId, workflowId, pipeline, event, JSON.stringify(detail)],
    );
    await alongside?.(session);
  });
}
