import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AsofError, StoreUnavailableError } from '../../errors.js';
import { codeAtWork } from '../../feature-repo/index.js';
import type { RunStatus } from '../../runs/index.js';
import type { MaterializeResult } from '../../sync/index.js';
import type { LineageContext } from '../context.js';
import type { EventType } from './facets.js';
import { eventOf } from './run-event.js';
import { emitsOpenLineage, sendOpenLineage } from './target.js';
import type { ToldRun } from './told-run.js';

/** How long is waited between the tries of one event: nothing durable stands behind them. */
const waitsMs = [500, 2_000];

interface TellOptions {
  /** Hears of events that could not be sent. */
  readonly warn: (error: AsofError) => void;
  /** Ends the work: it is told as aborted then. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Brings a view online outside of a pipeline, and tells of it as a run of its own of the job `materialize.<view>`: START, then how
 * it ended. Sends nothing where no lineage is configured. Never fails because of it: an event that can't be sent after some tries is a
 * warning.
 */
export async function tellMaterialize(
  context: LineageContext,
  view: string,
  materialize: () => Promise<MaterializeResult>,
  { warn, signal }: TellOptions,
): Promise<MaterializeResult> {
  if (!emitsOpenLineage(context.repo)) return materialize();
  const run = { runId: randomUUID(), view, openedAt: new Date().toISOString() };
  // The work does not wait for it.
  const started = send(context, run, 'START');
  const end = async (type: EventType, ended: Ended): Promise<void> => {
    const sent = [await started, await send(context, { ...run, ...ended }, type)];
    const missing = sent.filter((one) => one !== undefined);
    if (missing[0] !== undefined) warn(notSent(run, missing));
  };
  const began = Date.now();
  try {
    const result = await materialize();
    await end('COMPLETE', { result, tookMs: Date.now() - began });
    return result;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    await end(signal?.aborted === true ? 'ABORT' : 'FAIL', { message, tookMs: Date.now() - began });
    throw error;
  }
}

interface Ended {
  readonly result?: MaterializeResult;
  readonly message?: string;
  readonly tookMs?: number;
}

type ByHand = Ended & { readonly runId: string; readonly view: string; readonly openedAt: string };

interface NotSent {
  readonly type: EventType;
  readonly error: AsofError;
}

/** @returns why it could not be sent. */
async function send(context: LineageContext, run: ByHand, type: EventType): Promise<NotSent | undefined> {
  try {
    const event = await eventOf(context, await recordOf(context, run, type), {
      type,
      at: run.openedAt,
      workflow: 'materializeOfflineToOnline',
      jobType: 'COMMAND',
    });
    for (let tries = 0; ; tries += 1) {
      const sent = await sendOpenLineage(context.repo, event);
      if (sent.delivered) return undefined;
      const wait = waitsMs[tries];
      if (!(sent.error instanceof StoreUnavailableError) || wait === undefined) return { type, error: sent.error };
      await sleep(wait);
    }
  } catch (error) {
    return { type, error: error instanceof AsofError ? error : new AsofError(`it can't be made: ${String(error)}`) };
  }
}

const statuses = {
  START: 'running',
  RUNNING: 'running',
  COMPLETE: 'completed',
  FAIL: 'failed',
  ABORT: 'cancelled',
} as const satisfies Record<EventType, RunStatus>;

/** What the lake would have kept of it, had it been a pipeline's. */
async function recordOf(
  context: LineageContext,
  { runId, view, openedAt, result, message, tookMs = 0 }: ByHand,
  type: EventType,
): Promise<ToldRun> {
  const { keys, written, snapshot } = result ?? {};
  const step = { name: 'materialize', view, attempts: 1, durationMs: tookMs, snapshot };
  return {
    runId,
    pipeline: `materialize.${view}`,
    status: statuses[type],
    openedAt,
    closedAt: type === 'START' ? undefined : new Date(Date.parse(openedAt) + tookMs).toISOString(),
    trigger: 'manual',
    views: [view],
    registryVersion: (await context.state()).version,
    code: await codeAtWork(context.repo),
    steps: result === undefined ? [] : [{ ...step, rowsIn: keys ?? 0, rowsOut: written ?? 0 }],
    published: 0,
    message,
  };
}

function notSent({ runId, view }: ByHand, missing: readonly NotSent[]): AsofError {
  const [first] = missing as [NotSent];
  const events = missing.map(({ type }) => type).join(' and ');
  const mend = `${first.error.mend ?? 'see that it runs'}; nothing sends ${missing.length === 1 ? 'it' : 'them'} later`;
  return new StoreUnavailableError(
    `OpenLineage was not told ${events} of run ${runId} of materialize.${view}: ${first.error.message}`,
    { mend },
  );
}
