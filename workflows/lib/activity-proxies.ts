import {
  ActivityCancellationType,
  type ActivityInterfaceFor,
  type ActivityOptions,
  proxyActivities,
} from '@temporalio/workflow';
import type { Activities, StepReply } from '../../activities/index.js';

export type { StepReply };

/** Failures no retry can help; the names are wire contract (src/errors.ts). */
const nonRetryableErrorTypes = ['DefinitionError', 'DataError', 'FencedError'];

const bookkeeping: ActivityOptions = {
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '10s',
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '20s', nonRetryableErrorTypes },
};

/** Short bookkeeping in the lake; it may wait for other writers. */
export const {
  closeRun,
  findLostRuns,
  closeLostRun,
  eventTotals,
  notificationTargets,
  startDependents,
  nextIntervals,
  closeBackfill,
} = proxyActivities<Activities>(bookkeeping);

/** Cancelling waits for these: what was opened meanwhile has a record to close and an interval to give free. */
export const { openRun, openBackfill } = proxyActivities<Activities>({
  ...bookkeeping,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

/** What activities are to a workflow: their deps are the worker's. */
export type Proxied<A> = {
  [K in keyof A as A[K] extends (deps: never, input: never) => Promise<unknown> ? K : never]: A[K] extends (
    deps: never,
    input: infer I,
  ) => Promise<infer R>
    ? (input: I) => Promise<R>
    : never;
};

/**
 * Steps that may take hours. Temporal retries without limit, because a lost worker is no failure of the step; the step counts its
 * own failures and makes its last one final. A lost worker shows by its missing heartbeat. Cancelling waits for the step, which
 * may still have something to hand in.
 */
const stepOptions: ActivityOptions = {
  startToCloseTimeout: '12 hours',
  scheduleToCloseTimeout: '7 days',
  heartbeatTimeout: '10s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s', nonRetryableErrorTypes },
};

export const steps = proxyActivities<Activities>(stepOptions);

/**
 * The steps of a project's own, called like the built-in ones: `proxySteps<typeof import('../activities/score-drivers.js')>()`.
 * @param options what differs from how the built-in steps are called, e.g. `startToCloseTimeout`.
 */
export const proxySteps = <A>(options: ActivityOptions = {}): ActivityInterfaceFor<Proxied<A>> =>
  proxyActivities<Proxied<A>>({ ...stepOptions, ...options });

/**
 * One message to one receiver, or event of lineage: some seconds, tried again for a day. The first waits are short, for who only starts anew; a receiver
 * may ask for longer ones.
 */
export const { notify, sendLineage } = proxyActivities<Activities>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '24 hours',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10 minutes', nonRetryableErrorTypes },
});
