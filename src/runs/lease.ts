import { FencedError } from '../errors.js';
import { createLeaseTable, leaseTable } from '../lake/feature-tables.js';
import { type Lake, type Session, systemSchema, tableExists } from '../lake/index.js';
import { type DataInterval, formatInterval } from './interval.js';

export interface LeaseHolder {
  readonly runId: string;
  readonly workflowId: string;
  readonly interval: DataInterval;
}

/**
 * What of a pipeline is leased beside the intervals of its runs: those of runs over a window of event times, which may go beside
 * others, and the ranges of its backfills, whose runs have the intervals.
 */
export type LeaseScope = 'windows' | 'backfills';

export interface Leased {
  readonly pipeline: string;
  readonly scope?: LeaseScope | undefined;
}

/** No name of a pipeline contains `__`. */
const tableOf = (lake: Lake, { pipeline, scope }: Leased): string => leaseTable(lake, nameOf({ pipeline, scope }));
const nameOf = ({ pipeline, scope }: Leased): string => (scope === undefined ? pipeline : `${pipeline}__${scope}`);

/** Makes the table of a scope, with the first lease of its kind. */
export async function makeLease(lake: Lake, leased: Leased): Promise<void> {
  const isThere = (from: Lake | Session): Promise<boolean> =>
    tableExists(from, systemSchema(lake.project), `lease_${nameOf(leased)}`);
  if (await isThere(lake)) return;
  await lake.transaction({ message: `make lease ${nameOf(leased)}` }, async (session) => {
    // A second head row would let two holders in.
    if (!(await isThere(session))) await createLeaseTable(session, lake, nameOf(leased));
  });
}

interface LeaseRow {
  readonly run_id: string;
  readonly workflow_id: string;
  readonly interval_start: Date;
  readonly interval_end: Date;
}

/** How many of a pipeline's runs may hold a lease at once, and which don't count. */
export interface LeaseLimit {
  readonly most: number;
  counts(session: Session, holders: readonly LeaseHolder[]): Promise<readonly LeaseHolder[]>;
}

/**
 * Takes the lease on (pipeline, interval), so that two runs never work on one stretch of time at once. Taking one's own lease
 * again is fine. A holder that no longer runs is replaced.
 * @param isRunning asked outside the transaction, once per holder in the way.
 * @returns who has to end first, where as many runs as may be are at work; nothing was taken then.
 * @throws FencedError when a holder that still runs is in the way.
 */
export async function takeLease(
  lake: Lake,
  leased: Leased,
  wanted: LeaseHolder,
  isRunning: (holder: LeaseHolder) => Promise<boolean>,
  limit?: LeaseLimit,
): Promise<readonly LeaseHolder[]> {
  const table = tableOf(lake, leased);
  const gone = new Set<string>();
  for (;;) {
    const { result: found } = await lake.transaction<InTheWay | undefined>(
      { message: `lease ${nameOf(leased)} to ${wanted.runId}` },
      async (session) => {
        await session.run(`UPDATE ${table} SET turn = turn + 1 WHERE run_id IS NULL`);
        const rows = await session.all<LeaseRow>(
          `SELECT run_id, workflow_id, interval_start, interval_end FROM ${table} WHERE run_id IS NOT NULL`,
        );
        const holders = rows.map(holderOf).filter(({ runId }) => runId !== wanted.runId && !gone.has(runId));
        const overlapping = holders.find(({ interval }) => overlap(interval, wanted.interval));
        if (overlapping !== undefined) return { overlapping };
        for (const runId of gone) await session.run(`DELETE FROM ${table} WHERE run_id = $1`, [runId]);
        if (rows.some((row) => row.run_id === wanted.runId)) return undefined;
        const counted = limit === undefined ? [] : await limit.counts(session, holders);
        if (limit !== undefined && counted.length >= limit.most) return { atWork: counted };
        await session.run(`INSERT INTO ${table} VALUES ($1, $2, $3, $4, 0)`, [
          wanted.runId,
          wanted.workflowId,
          wanted.interval.start,
          wanted.interval.end,
        ]);
        return undefined;
      },
    );
    if (found === undefined) return [];
    const holders = 'overlapping' in found ? [found.overlapping] : found.atWork;
    const lost: LeaseHolder[] = [];
    for (const holder of holders) if (!(await isRunning(holder))) lost.push(holder);
    if (lost.length === 0 && 'overlapping' in found) throw inTheWay(leased, found.overlapping);
    if (lost.length === 0) return holders;
    for (const { runId } of lost) gone.add(runId);
  }
}

/** Who keeps a run from beginning: one that works on the same time, or as many as may be at work. */
type InTheWay = { readonly overlapping: LeaseHolder } | { readonly atWork: readonly LeaseHolder[] };

const overlap = (a: DataInterval, b: DataInterval): boolean => a.start < b.end && a.end > b.start;

const inTheWay = ({ pipeline, scope }: Leased, { runId, workflowId, interval }: LeaseHolder): FencedError =>
  new FencedError(`${scope === 'backfills' ? 'backfill' : 'run'} ${runId} is working on ${formatInterval(interval)}`, {
    where: `pipeline ${pipeline}`,
    mend: `wait for workflow ${workflowId} to end, or cancel it`,
  });

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

/** Part of the transaction that closes a run or a backfill. */
export async function releaseLease(session: Session, lake: Lake, leased: Leased, runId: string): Promise<void> {
  await session.run(`DELETE FROM ${tableOf(lake, leased)} WHERE run_id = $1`, [runId]);
}
