import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { Activities, StepReply } from '../../activities/index.js';

export type { StepReply };

/** Failures no retry can help; the names are wire contract (src/errors.ts). */
const nonRetryableErrorTypes = ['DefinitionError', 'DataError', 'FencedError'];

/** Short bookkeeping in the lake; it may wait for other writers. */
export const { openRun, closeRun, eventTotals } = proxyActivities<Activities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '10s',
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '20s', nonRetryableErrorTypes },
});

/**
 * Steps that may take hours. Temporal retries without limit, because a lost worker is no failure of the step; the step counts its
 * own failures and makes its last one final. A lost worker shows by its missing heartbeat. Cancelling waits for the step, which
 * may still have something to hand in.
 */
export const steps = proxyActivities<Activities>({
  startToCloseTimeout: '12 hours',
  scheduleToCloseTimeout: '7 days',
  heartbeatTimeout: '10s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s', nonRetryableErrorTypes },
});
