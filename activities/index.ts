import { clean } from './clean.js';
import { closeRun } from './close-run.js';
import { consumeStream } from './consume-stream.js';
import { eventTotals } from './event-totals.js';
import { exploreAndValidate } from './explore-and-validate.js';
import { ingest } from './ingest.js';
import type { ActivityDeps } from './lib/deps.js';
import { whileBeating } from './lib/heartbeat.js';
import { asFailure } from './lib/resumable-step.js';
import { logRefusal } from './lib/step-log.js';
import { measureFailure, measureStep } from './lib/step-metrics.js';
import { materialize } from './materialize.js';
import { notificationTargets } from './notification-targets.js';
import { notify } from './notify.js';
import { openRun } from './open-run.js';
import { publish } from './publish.js';
import { startDependents } from './start-dependents.js';
import { verify } from './verify.js';

export type { ActivityDeps } from './lib/deps.js';
export type { StepReply } from './lib/resumable-step.js';

/** Bookkeeping in the lake: short, but it may wait for other writers. */
const beating =
  <I, R>(activity: (deps: ActivityDeps, input: I) => Promise<R>) =>
  (deps: ActivityDeps, input: I): Promise<R> =>
    whileBeating(() => activity(deps, input));

const activities = {
  openRun: beating(openRun),
  ingest,
  clean,
  exploreAndValidate,
  publish,
  materialize,
  consumeStream,
  verify,
  eventTotals: beating(eventTotals),
  closeRun: beating(closeRun),
  notificationTargets: beating(notificationTargets),
  notify,
  startDependents: beating(startDependents),
};

type Bound = { [K in keyof typeof activities]: Bind<(typeof activities)[K]> };
type Bind<F> = F extends (deps: ActivityDeps, input: infer I) => Promise<infer R> ? (input: I) => Promise<R> : never;
/** The activities as workflows call them. */
export type Activities = Bound;

/** The activities of asof, bound to a store. Errors become failures whose type Temporal can tell apart. */
export function createActivities(deps: ActivityDeps): Activities {
  const bound = Object.entries(activities).map(([name, activity]) => [
    name,
    async (input: never) => {
      try {
        const answer = await (activity as (deps: ActivityDeps, input: never) => Promise<unknown>)(deps, input);
        measureStep(input, answer);
        return answer;
      } catch (error) {
        const known = error instanceof Error && ['ApplicationFailure', 'CancelledFailure'].includes(error.name);
        if (!known) logRefusal(deps, input, error);
        const failure = known ? error : asFailure(error, false);
        measureFailure(input, failure);
        throw failure;
      }
    },
  ]);
  return Object.fromEntries(bound) as Activities;
}
