import { Context } from '@temporalio/activity';
import { type EventType, openLineageEvent, sendOpenLineage } from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';
import { asFailure } from './lib/resumable-step.js';

export interface SendLineageInput {
  readonly runId: string;
  readonly type: EventType;
  /** When it happened, ISO; start and end of a run are on record. */
  readonly at: string;
  readonly parentWorkflowId?: string | undefined;
}

/** Sends one OpenLineage event of a run; it is made here, of the lake's records, so that no history holds it. */
export async function sendLineage(deps: ActivityDeps, input: SendLineageInput): Promise<{ attempts: number }> {
  const { cancellationSignal, info } = Context.current();
  const { store, shutdown } = deps;
  const event = await openLineageEvent(store, input);
  const signal = AbortSignal.any([cancellationSignal, shutdown]);
  const result = await sendOpenLineage(store.repo, event, { signal });
  if (!result.delivered) throw asFailure(result.error, false, { delayMs: result.retryAfterMs });
  return { attempts: info.attempt };
}
