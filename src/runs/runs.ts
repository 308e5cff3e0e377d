import type { Json, Pipeline } from '../definitions/pipeline.js';
import { DefinitionError } from '../errors.js';
import type { CodeVersion } from '../feature-repo/index.js';
import type { Lake } from '../lake/index.js';
import { activeRunsLimit } from './active-runs.js';
import { Backfills } from './backfills.js';
import { findRunIds, firstStart, latestRunIds, type RunFilter, retryIds } from './find-runs.js';
import { type DataInterval, intervalAt, parseInterval } from './interval.js';
import { type LeaseHolder, type LeaseScope, makeLease, releaseLease, takeLease } from './lease.js';
import { announce } from './outbox.js';
import { appendEvent } from './run-events.js';
import type { RetryOf, RunRecord, RunStatus, RunTrigger, StepRecord } from './run-record.js';

export interface OpenRequest {
  readonly pipeline: Pipeline;
  readonly runId: string;
  readonly workflowId: string;
  /** When the run was due (ISO); floors to the schedule's interval unless `interval` is given. */
  readonly nominalTime: string;
  readonly interval?: { readonly start: string; readonly end: string } | undefined;
  readonly registryVersion: number;
  readonly code?: CodeVersion | undefined;
  /** What the workflow is given. */
  readonly args?: Readonly<Record<string, Json>> | undefined;
  readonly views?: readonly string[] | undefined;
  readonly trigger?: RunTrigger | undefined;
  readonly retryOf?: RetryOf | undefined;
  /** Among which runs its interval is its own; default: all others of the pipeline. */
  readonly leaseScope?: LeaseScope | undefined;
  readonly sendsLineage?: boolean | undefined;
}

/** What a run that was opened works on; or who has to end first. */
export type OpenedRecord =
  | { readonly interval: DataInterval; readonly openedAt: Date }
  | { readonly waitsFor: readonly LeaseHolder[] };

export interface CloseRequest {
  readonly pipeline: string;
  readonly runId: string;
  readonly workflowId: string;
  readonly status: Exclude<RunStatus, 'running'>;
  readonly steps: readonly StepRecord[];
  readonly published: number;
  readonly message?: string | undefined;
  readonly quality?: string | undefined;
  readonly reports?: Readonly<Record<string, string>> | undefined;
  readonly lost?: boolean | undefined;
}

/** Records of older versions lack some. */
type OpenedDetail = Pick<RunRecord, 'interval' | 'registryVersion'> &
  Partial<Pick<RunRecord, 'code' | 'args' | 'views' | 'tags' | 'trigger' | 'retryOf' | 'leaseScope' | 'sendsLineage'>>;

interface EventRow {
  readonly run_id: string;
  readonly workflow_id: string;
  readonly pipeline: string;
  readonly recorded_at: Date;
  readonly event: 'opened' | 'closed';
  readonly detail: string;
}

/** The record of all runs, in the lake: what was opened, and how it was closed. Only ever appended to. */
export class Runs {
  readonly backfills: Backfills;
  readonly #lake: Lake;

  constructor(lake: Lake) {
    this.#lake = lake;
    this.backfills = new Backfills(lake);
  }

  /**
   * Computes the run's interval, takes the lease on it and writes the run's record; the same run may be opened again.
   * @throws FencedError when another run that is still alive works on an overlapping interval.
   */
  async open(request: OpenRequest, isRunning: (holder: LeaseHolder) => Promise<boolean>): Promise<OpenedRecord> {
    const {
      pipeline,
      runId,
      workflowId,
      registryVersion,
      code,
      args = {},
      views = [],
      trigger = 'manual',
      retryOf,
      leaseScope,
      sendsLineage,
    } = request;
    const known = await this.find(runId);
    if (known !== undefined) {
      return { interval: parseInterval(known.interval.start, known.interval.end), openedAt: new Date(known.openedAt) };
    }
    const interval =
      request.interval === undefined
        ? intervalAt(pipeline.schedule, pipeline.startAt, new Date(request.nominalTime))
        : parseInterval(request.interval.start, request.interval.end);
    if (leaseScope !== undefined) await makeLease(this.#lake, { pipeline: pipeline.name, scope: leaseScope });
    const waitsFor = await takeLease(
      this.#lake,
      { pipeline: pipeline.name, scope: leaseScope },
      { runId, workflowId, interval },
      isRunning,
      activeRunsLimit(this.#lake, pipeline, trigger),
    );
    if (waitsFor.length > 0) return { waitsFor };
    const openedAt = new Date();
    const detail: OpenedDetail = {
      interval: { start: interval.start.toISOString(), end: interval.end.toISOString() },
      registryVersion,
      code,
      args,
      views,
      tags: pipeline.tags ?? [],
      trigger,
      retryOf,
      leaseScope,
      sendsLineage,
    };
    await appendEvent(this.#lake, { pipeline: pipeline.name, runId, workflowId, event: 'opened', detail });
    return { interval, openedAt };
  }

  /**
   * Writes how the run ended and gives its interval free, in one transaction; a completed one is announced to the pipelines that
   * run after it. Closing twice keeps the first ending.
   */
  async close({ pipeline, runId, workflowId, ...detail }: CloseRequest): Promise<void> {
    const known = await this.find(runId);
    if (known !== undefined && known.status !== 'running') return;
    await appendEvent(this.#lake, { pipeline, runId, workflowId, event: 'closed', detail }, async (session) => {
      await releaseLease(session, this.#lake, { pipeline, scope: known?.leaseScope }, runId);
      if (detail.status === 'completed') await announce(session, this.#lake, { runId, pipeline });
    });
  }

  /**
   * Closes a run whose workflow ended without it: terminated, or timed out by the server.
   * @param says how Temporal says that it ended, e.g. `TERMINATED`.
   * @returns the record, which is `lost` unless the run has closed it by itself.
   */
  async closeLost(
    { runId, workflowId, pipeline }: Pick<RunRecord, 'runId' | 'workflowId' | 'pipeline'>,
    says: string,
  ): Promise<RunRecord | undefined> {
    const status = says === 'CANCELLED' ? 'cancelled' : 'failed';
    const message = `its workflow ended without it: Temporal says ${says}`;
    await this.close({ runId, workflowId, pipeline, status, steps: [], published: 0, message, lost: true });
    return this.find(runId);
  }

  /** The newest runs first. */
  async list(filter: RunFilter = {}): Promise<RunRecord[]> {
    return this.#read(await findRunIds(this.#lake, filter));
  }

  /** The newest run of every pipeline that ever ran. */
  async latest(): Promise<RunRecord[]> {
    return this.#read(await latestRunIds(this.#lake));
  }

  /** Runs that did this one again, the oldest first. */
  async retriesOf(runId: string): Promise<string[]> {
    return retryIds(this.#lake, runId);
  }

  /** Where the oldest data interval that a pipeline ran for begins. */
  async firstStart(pipeline: string): Promise<Date | undefined> {
    return firstStart(this.#lake, pipeline);
  }

  async find(runId: string): Promise<RunRecord | undefined> {
    return (await this.#read([runId]))[0];
  }

  /** The newest run of a workflow. */
  async ofWorkflow(workflowId: string): Promise<RunRecord | undefined> {
    const found = await this.#lake.one<{ run_id: string }>(
      `SELECT run_id FROM ${this.#lake.system('run_events')} WHERE event = 'opened' AND workflow_id = $1
       ORDER BY recorded_at DESC, run_id LIMIT 1`,
      [workflowId],
    );
    return found === undefined ? undefined : this.find(found.run_id);
  }

  /** @param idOrWorkflow a run id, the beginning of one (at least 4 characters), a workflow id, or a pipeline: its newest run. */
  async show(idOrWorkflow: string): Promise<RunRecord> {
    const exact = await this.find(idOrWorkflow);
    if (exact !== undefined) return exact;
    const [newest] = await this.list({ pipeline: idOrWorkflow, limit: 1 });
    if (newest !== undefined) return newest;
    const found = await this.#lake.all<{ run_id: string }>(
      `SELECT DISTINCT run_id FROM ${this.#lake.system('run_events')}
       WHERE event = 'opened' AND (workflow_id = $1 OR (length($1) >= 4 AND starts_with(run_id, $1))) ORDER BY run_id LIMIT 6`,
      [idOrWorkflow],
    );
    if (found.length > 1) {
      const ids = found.map((row) => row.run_id);
      throw new DefinitionError(`"${idOrWorkflow}" fits several runs`, {
        mend: `give more of the id: ${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ', …' : ''}`,
      });
    }
    const [record] = await this.#read(found.map((row) => row.run_id));
    if (record === undefined) {
      throw new DefinitionError(`there is no run "${idOrWorkflow}"`, { mend: '`asof runs` lists them' });
    }
    return record;
  }

  async #read(runIds: readonly string[]): Promise<RunRecord[]> {
    if (runIds.length === 0) return [];
    const wanted = runIds.map((_, i) => `$${i + 1}`).join(', ');
    const rows = await this.#lake.all<EventRow>(
      `SELECT * FROM ${this.#lake.system('run_events')} WHERE run_id IN (${wanted}) ORDER BY recorded_at`,
      [...runIds],
    );
    return runIds.flatMap((runId) => {
      const opened = rows.find((row) => row.run_id === runId && row.event === 'opened');
      return opened === undefined
        ? []
        : [
            recordOf(
              opened,
              rows.find((row) => row.run_id === runId && row.event === 'closed'),
            ),
          ];
    });
  }
}

function recordOf(opened: EventRow, closed: EventRow | undefined): RunRecord {
  const { interval, registryVersion, ...rest } = JSON.parse(opened.detail) as OpenedDetail;
  const end = closed === undefined ? undefined : (JSON.parse(closed.detail) as Omit<CloseRequest, 'pipeline'>);
  return {
    runId: opened.run_id,
    workflowId: opened.workflow_id,
    pipeline: opened.pipeline,
    status: end?.status ?? 'running',
    openedAt: opened.recorded_at.toISOString(),
    closedAt: closed?.recorded_at.toISOString(),
    interval,
    registryVersion,
    code: rest.code,
    trigger: rest.trigger ?? 'manual',
    retryOf: rest.retryOf,
    leaseScope: rest.leaseScope,
    sendsLineage: rest.sendsLineage,
    lost: end?.lost,
    args: rest.args ?? {},
    views: rest.views ?? [],
    tags: rest.tags ?? [],
    steps: end?.steps ?? [],
    published: end?.published ?? 0,
    message: end?.message,
    quality: end?.quality,
    reports: end?.reports ?? {},
  };
}
