import { Context } from '@temporalio/activity';
import type { Retries } from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';
import { whileBeating } from './lib/heartbeat.js';
import { asFailure } from './lib/resumable-step.js';
import { logRefusal } from './lib/step-log.js';
import { measureFailure, measureStep } from './lib/step-metrics.js';

export type { ActivityDeps } from './lib/deps.js';
export type { StepReply } from './lib/resumable-step.js';

/** A worker finds the files of this folder by itself; here workflows learn what they have. */
type Files = typeof import('./check-freshness.js') &
  typeof import('./clean.js') &
  typeof import('./close-backfill.js') &
  typeof import('./close-lost-run.js') &
  typeof import('./close-run.js') &
  typeof import('./consume-stream.js') &
  typeof import('./event-totals.js') &
  typeof import('./explore-and-validate.js') &
  typeof import('./find-lost-runs.js') &
  typeof import('./ingest.js') &
  typeof import('./maintain-lake.js') &
  typeof import('./materialize.js') &
  typeof import('./next-intervals.js') &
  typeof import('./notification-targets.js') &
  typeof import('./notify.js') &
  typeof import('./open-backfill.js') &
  typeof import('./open-run.js') &
  typeof import('./publish.js') &
  typeof import('./send-lineage.js') &
  typeof import('./start-dependents.js') &
  typeof import('./verify.js');

type Bind<F> = F extends (deps: ActivityDeps, input: infer I) => Promise<infer R> ? (input: I) => Promise<R> : never;
/** The activities as workflows call them. */
export type Activities = { [K in keyof Files]: Bind<Files[K]> };

/** A function that a file of `activities/` exports. */
export type ActivityFunction = (deps: ActivityDeps, input: never) => Promise<unknown>;

export interface NamedActivity {
  readonly name: string;
  readonly call: ActivityFunction;
  /** The project's own: its failures are counted where it does not count them itself, the built-in ones know better. */
  readonly own: boolean;
}

/** How often an activity of a project's own may fail that is no step and was not called with a run's retries. */
const attemptsMax = 3;

/** Binds activities to a store. They beat while they work, and their errors become failures whose type Temporal can tell apart. */
export function createActivities(
  deps: ActivityDeps,
  activities: readonly NamedActivity[],
): Record<string, (input: never) => Promise<unknown>> {
  const bound = activities.map(({ name, call, own }) => [
    name,
    async (input: never) => {
      try {
        const answer = await whileBeating(() => call(deps, input));
        measureStep(input, answer);
        return answer;
      } catch (error) {
        const known = error instanceof Error && ['ApplicationFailure', 'CancelledFailure'].includes(error.name);
        if (!known) logRefusal(deps, input, error);
        const failure = known ? error : asFailure(error, own && isLastAttempt(input));
        measureFailure(input, failure);
        throw failure;
      }
    },
  ]);
  return Object.fromEntries(bound);
}

function isLastAttempt(input: unknown): boolean {
  const { retries } = (input ?? {}) as { retries?: Retries };
  return Context.current().info.attempt >= (retries?.attempts ?? attemptsMax);
}
