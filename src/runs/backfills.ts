import { DefinitionError } from '../errors.js';
import type { Lake } from '../lake/index.js';
import { parseInterval } from './interval.js';
import { type Leased, type LeaseHolder, makeLease, releaseLease, takeLease } from './lease.js';
import { appendEvent } from './run-events.js';

export type BackfillStatus = 'running' | 'completed' | 'failed' | 'stopped' | 'cancelled';

/** An interval that a backfill did not do, and why. */
export interface UnfinishedInterval {
  readonly start: string;
  readonly end: string;
  readonly why: string;
}

export interface OpenBackfillRequest {
  readonly pipeline: string;
  /** The id of the workflow's first execution. */
  readonly backfillId: string;
  readonly workflowId: string;
  /** The whole range, ISO times. */
  readonly range: { readonly start: string; readonly end: string };
  /** Length of its windows; absent = the pipeline's own intervals. */
  readonly everyMs?: number | undefined;
  readonly only: string;
  /** How many intervals are meant. */
  readonly total: number;
}

export interface CloseBackfillRequest {
  readonly pipeline: string;
  readonly backfillId: string;
  readonly workflowId: string;
  readonly status: Exclude<BackfillStatus, 'running'>;
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
  /** The first of each. */
  readonly failures: readonly UnfinishedInterval[];
  readonly skips: readonly UnfinishedInterval[];
  readonly message?: string | undefined;
}

/** What is known of a backfill; its counts once it has ended, until then its workflow knows them. */
export interface BackfillRecord extends OpenBackfillRequest, Omit<CloseBackfillRequest, 'status'> {
  readonly status: BackfillStatus;
  readonly openedAt: string;
  readonly closedAt: string | undefined;
}

interface EventRow {
  readonly run_id: string;
  readonly workflow_id: string;
  readonly pipeline: string;
  readonly opened_at: Date;
  readonly closed_at: Date | null;
  readonly opened: string;
  readonly closed: string | null;
}

const leaseOf = (pipeline: string): Leased => ({ pipeline, scope: 'backfills' });

/** The record of all backfills, in the lake, beside those of the runs they started. */
export class Backfills {
  readonly #lake: Lake;

  constructor(lake: Lake) {
    this.#lake = lake;
  }

  /**
   * Takes the lease on the backfill's range and writes its record; the same one may be opened again.
   * @returns how many intervals it means, as it was opened first.
   * @throws FencedError when another backfill of the pipeline, still alive, overlaps.
   */
  async open(
    { pipeline, backfillId, workflowId, ...detail }: OpenBackfillRequest,
    isRunning: (holder: LeaseHolder) => Promise<boolean>,
  ): Promise<void> {
    if ((await this.find(backfillId)) !== undefined) return;
    await makeLease(this.#lake, leaseOf(pipeline));
    const interval = parseInterval(detail.range.start, detail.range.end);
    await takeLease(this.#lake, leaseOf(pipeline), { runId: backfillId, workflowId, interval }, isRunning);
    await appendEvent(this.#lake, { pipeline, runId: backfillId, workflowId, event: 'backfill_opened', detail });
  }

  /** Writes how it ended and gives its range free, in one transaction. Closing twice keeps the first ending. */
  async close({ pipeline, backfillId, workflowId, ...detail }: CloseBackfillRequest): Promise<void> {
    const known = await this.find(backfillId);
    if (known !== undefined && known.status !== 'running') return;
    const event = { pipeline, runId: backfillId, workflowId, event: 'backfill_closed', detail } as const;
    await appendEvent(this.#lake, event, (session) => releaseLease(session, this.#lake, leaseOf(pipeline), backfillId));
  }

  /** The newest first. */
  async list({
    pipeline,
    limit = 50,
  }: {
    pipeline?: string | undefined;
    limit?: number;
  } = {}): Promise<BackfillRecord[]> {
    return this.#read('$1 IS NULL OR o.pipeline = $1', pipeline ?? null, limit);
  }

  async find(backfillId: string): Promise<BackfillRecord | undefined> {
    return (await this.#read('o.run_id = $1', backfillId, 1))[0];
  }

  /**
   * @param named the id of a backfill, the beginning of one (at least 4 characters), its workflow's id; or a pipeline, whose newest
   * backfill is meant.
   * @throws DefinitionError when there is none, or several begin so.
   */
  async show(named: string): Promise<BackfillRecord> {
    const [newest] = await this.#read('o.pipeline = $1 OR o.workflow_id = $1', named, 1);
    if (newest !== undefined) return newest;
    const found = await this.#read('length($1) >= 4 AND starts_with(o.run_id, $1)', named, 2);
    const [record] = found;
    if (found.length > 1)
      throw new DefinitionError(`"${named}" fits several backfills`, { mend: 'give more of the id' });
    if (record !== undefined) return record;
    throw new DefinitionError(`there is no backfill of "${named}"`, { mend: '`asof backfill list` lists them' });
  }

  async #read(condition: string, value: string | null, limit: number): Promise<BackfillRecord[]> {
    const events = this.#lake.system('run_events');
    const rows = await this.#lake.all<EventRow>(
      `SELECT o.run_id, o.workflow_id, o.pipeline, o.recorded_at AS opened_at, c.recorded_at AS closed_at,
         o.detail AS opened, c.detail AS closed
       FROM ${events} AS o LEFT JOIN ${events} AS c ON c.run_id = o.run_id AND c.event = 'backfill_closed'
       WHERE o.event = 'backfill_opened' AND (${condition})
       ORDER BY o.recorded_at DESC, o.run_id LIMIT ${Math.max(0, Math.trunc(limit))}`,
      [value],
    );
    return rows.map(recordOf);
  }
}

function recordOf(row: EventRow): BackfillRecord {
  const opened = JSON.parse(row.opened) as Pick<BackfillRecord, 'range' | 'everyMs' | 'only' | 'total'>;
  const nothing = { status: 'running', done: 0, failed: 0, skipped: 0, failures: [], skips: [] } as const;
  const closed = row.closed === null ? nothing : (JSON.parse(row.closed) as Omit<CloseBackfillRequest, 'pipeline'>);
  return {
    backfillId: row.run_id,
    workflowId: row.workflow_id,
    pipeline: row.pipeline,
    openedAt: row.opened_at.toISOString(),
    closedAt: row.closed_at?.toISOString(),
    ...opened,
    ...closed,
  };
}
