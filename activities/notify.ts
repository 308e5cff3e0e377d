import { Context } from '@temporalio/activity';
import { deliver, type NotificationTarget, pipelineNamed, type RunEvent } from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';
import { asFailure } from './lib/resumable-step.js';

export interface NotifyInput {
  readonly event: RunEvent;
  /** When it happened, ISO. */
  readonly at: string;
  readonly target: NotificationTarget;
}

/** Sends one message to one receiver; addresses and secrets are read here, so that no history has them. */
export async function notify(
  deps: ActivityDeps,
  { event, at, target }: NotifyInput,
): Promise<{ status: number; attempts: number }> {
  const { cancellationSignal, info } = Context.current();
  const { store, shutdown, runUrl } = deps;
  const pipeline = pipelineNamed(deps.store.repo.pipelines, event.pipeline);
  const { owner, tags = [] } = pipeline;
  const url = runUrl?.(event.workflowId, event.runId);
  const result = await deliver({
    pipeline,
    target,
    notice: { ...event, project: store.project, owner, tags, at, url, test: false },
    environment: process.env,
    signal: AbortSignal.any([cancellationSignal, shutdown]),
  });
  if (!result.delivered) throw asFailure(result.error, false, { delayMs: result.retryAfterMs });
  return { status: result.status, attempts: info.attempt };
}
