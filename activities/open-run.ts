import {
  checkArgs,
  codeAtWork,
  DataError,
  DefinitionError,
  dependentsOf,
  emitsOpenLineage,
  type Json,
  type LeaseScope,
  type Pipeline,
  pipelineNamed,
  type RetryOf,
  type RunTrigger,
} from '../src/index.js';
import { beginRun } from './lib/begin-run.js';
import type { ActivityDeps } from './lib/deps.js';
import { isRunning } from './lib/is-running.js';
import { asFailure } from './lib/resumable-step.js';
import { logRefusal } from './lib/step-log.js';

export interface OpenRunInput {
  readonly pipeline: string;
  readonly runId: string;
  readonly workflowId: string;
  /** ISO time. */
  readonly nominalTime: string;
  readonly interval?: { readonly start: string; readonly end: string } | undefined;
  readonly args: Readonly<Record<string, Json>>;
  /** The run has no end of its own: its interval is open, and it has neither timeout nor deadline. */
  readonly openEnded: boolean;
  readonly trigger?: RunTrigger | undefined;
  readonly retryOf?: RetryOf | undefined;
}

const endOfTime = '9999-12-31T00:00:00.000Z';

/** How long a run that has to wait for others sleeps before it asks again. */
const waitMs = 5_000;

/**
 * Checks that the loaded definitions are the applied ones, computes the interval, takes its lease and writes the run's record; or
 * tells that as many runs as may be are at work.
 */
export async function openRun(deps: ActivityDeps, input: OpenRunInput) {
  try {
    return await open(deps, input);
  } catch (error) {
    const isRefused = error instanceof DefinitionError || error instanceof DataError;
    if (!isRefused || deps.store.repo.pipelines.get(input.pipeline)?.onFailure.length !== 0) throw error;
    logRefusal(deps, input, error);
    // The run has no record that could say so.
    throw asFailure(error, true, { also: { tellsNobody: true } });
  }
}

async function open(deps: ActivityDeps, input: OpenRunInput) {
  const { store } = deps;
  const registryVersion = await store.requireApplied();
  const pipeline = pipelineNamed(store.repo.pipelines, input.pipeline);
  // What this project can do comes before what the workflow takes: its message tells more.
  const consumers = input.args['consumers'] ?? pipeline.args['consumers'];
  if (consumers !== undefined) store.steps.checkConsumers(consumers);
  const args = checkArgs(pipeline, input.args);
  const views = viewsOf(args);
  for (const view of views) await store.view(view);
  const start = pipeline.startAt ?? new Date(0).toISOString();
  const open = input.openEnded ? { start, end: endOfTime } : undefined;
  const { runId, workflowId, nominalTime, trigger, retryOf } = input;
  const interval = input.interval ?? open;
  const versions = { registryVersion, code: await codeAtWork(store.repo) };
  const run = { pipeline, runId, workflowId, nominalTime, interval, ...versions, args, views, trigger, retryOf };
  const sendsLineage = emitsOpenLineage(store.repo);
  const leaseScope = leaseScopeOf(pipeline, args);
  const opened = await store.runs.open({ ...run, leaseScope, sendsLineage }, isRunning);
  if ('waitsFor' in opened) {
    const runs = opened.waitsFor.map((holder) => holder.workflowId).join(', ');
    return { waitMs, reason: `waiting for ${runs}: not more than ${opened.waitsFor.length} may be at work at once` };
  }
  await beginRun(deps, input, { views, interval: opened.interval });
  return {
    args,
    views,
    interval: { start: opened.interval.start.toISOString(), end: opened.interval.end.toISOString() },
    retries: pipeline.retries,
    tags: [...(pipeline.tags ?? [])],
    ...(input.openEnded ? {} : timesOf(pipeline, opened.openedAt, new Date(nominalTime))),
    ...(pipeline.onFailure.length + pipeline.onSuccess.length === 0 ? {} : { tells: tellsOf(pipeline) }),
    ...(sendsLineage ? { sendsLineage } : {}),
    ...(dependentsOf(store.repo.pipelines, pipeline.name).length === 0 ? {} : { hasDependents: true }),
  };
}

function timesOf({ timeoutMs, deadline }: Pipeline, openedAt: Date, nominal: Date) {
  const since = deadline?.after === 'scheduled' ? nominal : openedAt;
  return {
    ...(timeoutMs === undefined ? {} : { timeoutAt: new Date(openedAt.getTime() + timeoutMs).toISOString() }),
    ...(deadline === undefined ? {} : { dueAt: new Date(since.getTime() + deadline.withinMs).toISOString() }),
  };
}

/** A window of event times may be brought online beside a run over what changed, whose interval reaches from the start to now. */
const leaseScopeOf = ({ workflow }: Pipeline, { start }: Readonly<Record<string, Json>>): LeaseScope | undefined =>
  workflow === 'materializeOfflineToOnline' && start !== undefined ? 'windows' : undefined;

const tellsOf = ({ onFailure, onSuccess }: Pipeline): ('failed' | 'succeeded')[] => [
  ...(onFailure.length === 0 ? [] : (['failed'] as const)),
  ...(onSuccess.length === 0 ? [] : (['succeeded'] as const)),
];

function viewsOf({ view, views }: Readonly<Record<string, unknown>>): string[] {
  const named = view === undefined ? views : [view];
  return Array.isArray(named) ? named.filter((name): name is string => typeof name === 'string') : [];
}
