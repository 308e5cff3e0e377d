import { CancellationScope, log, ParentClosePolicy, startChild } from '@temporalio/workflow';
import type { RunEvent } from '../../src/index.js';
import type { deliverNotifications } from '../deliver-notifications.js';

export type { RunEvent };

/** The beginning of a failure's message says what to look at; the rest is in the lake. */
const messageMax = 1_000;
const reportsMax = 10;

/**
 * Tells those whom the pipeline's definition names, by a workflow of its own that outlives the run. Returns once that has begun,
 * and never fails: a run does not fail because nobody could be told. Goes on when the run is cancelled.
 */
export async function tell(event: RunEvent): Promise<void> {
  try {
    await CancellationScope.nonCancellable(() =>
      startChild<typeof deliverNotifications>('deliverNotifications', {
        // Runs of one workflow id follow each other; the beginnings of their own ids are the time, and much the same.
        workflowId: `${event.workflowId}/notify-${event.event}/${event.runId.slice(-12)}`,
        args: [small(event)],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `${event.pipeline}: tells of ${event.event}`,
      }),
    );
  } catch (error) {
    log.warn('nobody is told of the run', { event: event.event, reason: String(error) });
  }
}

function small(event: RunEvent): RunEvent {
  const { message, reports } = event;
  return {
    ...event,
    ...(message === undefined ? {} : { message: message.slice(0, messageMax) }),
    ...(reports === undefined ? {} : { reports: Object.fromEntries(Object.entries(reports).slice(0, reportsMax)) }),
  };
}
