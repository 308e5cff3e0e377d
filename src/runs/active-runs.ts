import type { Pipeline } from '../definitions/pipeline.js';
import type { Lake, Session } from '../lake/index.js';
import type { LeaseHolder, LeaseLimit } from './lease.js';
import type { RunTrigger } from './run-record.js';

/**
 * How many runs of a pipeline may be at work at once. Those of backfills have a limit of their own; those that follow other
 * pipelines queue up unless they may overlap: no schedule keeps them apart.
 */
export function activeRunsLimit(
  lake: Lake,
  { maxActiveRuns, overlap, schedule }: Pipeline,
  trigger: RunTrigger,
): LeaseLimit | undefined {
  if (ofBackfill(trigger)) return undefined;
  const most = maxActiveRuns ?? (schedule.type === 'after' && overlap !== 'allow' ? 1 : undefined);
  if (most === undefined) return undefined;
  return {
    most,
    counts: async (session, holders) => {
      const triggers = await triggersOf(session, lake, holders);
      return holders.filter(({ runId }) => !ofBackfill(triggers.get(runId) ?? 'manual'));
    },
  };
}

const ofBackfill = (trigger: RunTrigger): boolean => trigger === 'backfill' || trigger === 'catchup';

async function triggersOf(
  session: Session,
  lake: Lake,
  holders: readonly LeaseHolder[],
): Promise<ReadonlyMap<string, RunTrigger>> {
  if (holders.length === 0) return new Map();
  const wanted = holders.map((_, i) => `$${i + 1}`).join(', ');
  const rows = await session.all<{ run_id: string; trigger: RunTrigger | null }>(
    `SELECT run_id, json_extract_string(detail, '$.trigger') AS trigger FROM ${lake.system('run_events')}
     WHERE event = 'opened' AND run_id IN (${wanted})`,
    holders.map(({ runId }) => runId),
  );
  return new Map(rows.map((row) => [row.run_id, row.trigger ?? 'manual']));
}
