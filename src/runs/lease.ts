import { FencedError } from '../errors.js';
import { leaseTable } from '../lake/feature-tables.js';
import type { Lake, Session } from '../lake/index.js';
import { type DataInterval, formatInterval } from './interval.js';

export interface LeaseHolder {
  readonly runId: string;
  readonly workflowId: string;
  readonly interval: DataInterval;
}

interface LeaseRow {
  readonly run_id: string;
  readonly workflow_id: string;
  readonly interval_start: Date;
  readonly interval_end: Date;
}

/**
 * Takes the lease on (pipeline, interval), so that two runs never work on one stretch of time at once. Taking one's own lease
 * again is fine. A holder that no longer runs is replaced.
 * @param isRunning asked outside the transaction, once per holder in the way.
 * @throws FencedError when a holder that still runs is in the way.
 */
export async function takeLease(
  lake: Lake,
  pipeline: string,
  wanted: LeaseHolder,
  isRunning: (holder: LeaseHolder) => Promise<boolean>,
): Promise<void> {
  const table = leaseTable(lake, pipeline);
  const gone = new Set<string>();
  for (;;) {
    const { result: inTheWay } = await lake.transaction(
      { message: `lease ${pipeline} to ${wanted.runId}` },
      async (session) => {
        await session.run(`UPDATE ${table} SET turn = turn + 1 WHERE run_id IS NULL`);
        const rows = await session.all<LeaseRow>(
          `SELECT run_id, workflow_id, interval_start, interval_end FROM ${table}
         WHERE run_id IS NOT NULL AND interval_start < $2::TIMESTAMPTZ AND interval_end > $1::TIMESTAMPTZ`,
          [wanted.interval.start, wanted.interval.end],
        );
        const holders = rows.map(holderOf).filter(({ runId }) => runId !== wanted.runId);
        const alive = holders.find(({ runId }) => !gone.has(runId));
        if (alive !== undefined) return alive;
        for (const { runId } of holders) await session.run(`DELETE FROM ${table} WHERE run_id = $1`, [runId]);
        if (rows.some((row) => row.run_id === wanted.runId)) return undefined;
        await session.run(`INSERT INTO ${table} VALUES ($1, $2, $3, $4, 0)`, [
          wanted.runId,
          wanted.workflowId,
          wanted.interval.start,
          wanted.interval.end,
        ]);
        return undefined;
      },
    );
    if (inTheWay === undefined) return;
    if (await isRunning(inTheWay)) {
      throw new FencedError(`run ${inTheWay.runId} is working on ${formatInterval(inTheWay.interval)}`, {
        where: `pipeline ${pipeline}`,
        mend: `wait for workflow ${inTheWay.workflowId} to end, or cancel it`,
      });
    }
    gone.add(inTheWay.runId);
  }
}

const holderOf = (row: LeaseRow): LeaseHolder => ({
  runId: row.run_id,
  workflowId: row.workflow_id,
  interval: { start: row.interval_start, end: row.interval_end },
});

/**
 * Part of the transaction that publishes: fails it when the lease went to another run. An update rather than a look, because two
 * transactions that only read the row would both commit on a Postgres catalog.
 * @throws FencedError
 */
export async function holdLease(session: Session, lake: Lake, pipeline: string, runId: string): Promise<void> {
  const held = await session.run(`UPDATE ${leaseTable(lake, pipeline)} SET turn = turn + 1 WHERE run_id = $1`, [runId]);
  if (held !== 1) {
    throw new FencedError(`run ${runId} no longer holds its interval; nothing was published`, {
      where: `pipeline ${pipeline}`,
      mend: 'nothing to do: another run took over',
    });
  }
}

/** Part of the transaction that closes a run. */
export async function releaseLease(session: Session, lake: Lake, pipeline: string, runId: string): Promise<void> {
  await session.run(`DELETE FROM ${leaseTable(lake, pipeline)} WHERE run_id = $1`, [runId]);
}
