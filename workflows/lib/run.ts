import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  ContinueAsNew,
  defineQuery,
  isCancellation,
  log,
  patched,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { EventType, Json, Retries, StepRecord } from '../../src/index.js';
import { closeRun, type StepReply } from './activity-proxies.js';
import type { OpenedRun, PipelineInput, RunProgress, RunSummary } from './contract.js';
import { startDue } from './dependents.js';
import { endEvent } from './lineage-reporter.js';
import { type RunEvent, tell } from './notify.js';
import { report } from './report.js';
import { openWhenFree, watchDeadline, withinTime } from './run-limits.js';
import { pipelineAttributes, qualityAttribute } from './search-attributes.js';

type Args = Readonly<Record<string, Json>>;

export interface RunOptions {
  /** The run has no end of its own: its interval is open, and it has neither timeout nor deadline. */
  readonly openEnded?: boolean;
}

type Body<A> = (run: PipelineRun<A>) => Promise<void>;

export const progressQuery = defineQuery<RunProgress>('progress');

/** What the body of a pipeline works with: the opened run, and how its steps are called and told of. */
export interface PipelineRun<A = Args> extends Omit<OpenedRun, 'args'> {
  /** Checked by the schema of the pipeline, with its defaults. */
  readonly args: A;
  readonly runId: string;
  /** What every step is called with, besides `resume` and its own input. */
  readonly target: { readonly runId: string; readonly pipeline: string; readonly retries: Retries };
  /**
   * Calls a step until it is done: a worker that shuts down hands a step back with its cursor, and the next one goes on from it.
   * @param label what people read, e.g. `clean driver_stats`.
   * @param view which the step works on.
   */
  step<R extends { rowsIn: number; rowsOut: number; reusedFrom?: string | undefined; snapshot?: number | undefined }>(
    label: string,
    call: (resume: unknown) => Promise<StepReply<R>>,
    view?: string,
  ): Promise<R>;
  /** Adds a step that was not called through `step`. */
  record(step: StepRecord): void;
  /** Free text below the steps in the Web UI and in the progress query. */
  detail(text: string): void;
  published: number;
  quality: string | undefined;
  readonly reports: Record<string, string>;
}

/**
 * The frame of every pipeline: opens the run (interval, lease, record), shows its progress, and closes it however it ends. `body`
 * says which steps there are. `A` is what the schema of the pipeline's arguments gives.
 */
export function pipelineRun<A = Args>(input: PipelineInput, body: Body<A>): Promise<RunSummary>;
export function pipelineRun<A = Args>(input: PipelineInput, options: RunOptions, body: Body<A>): Promise<RunSummary>;
export async function pipelineRun<A>(
  input: PipelineInput,
  ...rest: [body: Body<A>] | [options: RunOptions, body: Body<A>]
): Promise<RunSummary> {
  const [options, body] = rest.length === 2 ? rest : [{}, ...rest];
  const info = workflowInfo();
  const runId = info.firstExecutionRunId;
  const identity = { pipeline: input.pipeline, runId, workflowId: info.workflowId };
  const steps: StepRecord[] = [];
  let current: string | undefined = 'open';
  let detail = '';
  const show = (): void => setCurrentDetails(describe(steps, current, detail));
  setHandler(progressQuery, () => ({ step: current, steps, detail }));

  const scheduled = info.searchAttributes['TemporalScheduledStartTime']?.[0];
  const opened = await openWhenFree({
    ...identity,
    nominalTime: (scheduled instanceof Date ? scheduled : info.startTime).toISOString(),
    interval: input.interval,
    args: input.args ?? {},
    openEnded: options.openEnded ?? false,
    trigger: input.trigger,
    retryOf: input.retryOf,
  }).catch(async (error: unknown) => {
    const failure = innerFailure(error);
    // Histories of older versions told nobody.
    if (!isFenced(failure) && tellsNobody(failure) !== true && patched('tell of refused runs'))
      await tell({ ...identity, event: 'failed', message: rootMessage(error) });
    throw failure;
  });
  upsertSearchAttributes(pipelineAttributes(input.pipeline, opened));
  const tellLineage = async (type: EventType): Promise<void> => {
    if (opened.sendsLineage === true) await report({ ...identity, parentWorkflowId: info.parent?.workflowId }, type);
  };
  await tellLineage(info.continuedFromExecutionRunId === undefined ? 'START' : 'RUNNING');
  current = undefined;

  const run: PipelineRun<A> = {
    ...opened,
    args: opened.args as A,
    runId,
    target: { runId, pipeline: input.pipeline, retries: opened.retries },
    published: 0,
    quality: undefined,
    reports: {},
    record: (step) => {
      steps.push(step);
      current = undefined;
    },
    detail: (text) => {
      detail = text;
      show();
    },
    step: async (label, call, view) => {
      current = label;
      show();
      const startedAt = Date.now();
      const record = (step: Omit<StepRecord, 'name' | 'view' | 'startedAt' | 'durationMs'>): void => {
        const durationMs = Date.now() - startedAt;
        steps.push({ name: label, view, startedAt: new Date(startedAt).toISOString(), durationMs, ...step });
        current = undefined;
        show();
      };
      try {
        let reply = await call(undefined);
        while (!reply.done) reply = await call(reply.resume);
        const { rowsIn, rowsOut, reusedFrom, snapshot } = reply.result;
        const status = reusedFrom === undefined ? undefined : 'reused';
        record({ attempts: reply.attempts, rowsIn, rowsOut, status, snapshot });
        return reply.result;
      } catch (error) {
        const status = isCancellation(error) ? 'cancelled' : 'failed';
        record({ attempts: attemptsOf(error), rowsIn: 0, rowsOut: 0, status, message: rootMessage(error) });
        throw error;
      }
    },
  };

  const close = (status: 'completed' | 'failed' | 'cancelled', message?: string): Promise<void> =>
    CancellationScope.nonCancellable(() =>
      closeRun({
        ...identity,
        status,
        message,
        steps,
        published: run.published,
        quality: run.quality,
        reports: run.reports,
      }),
    );
  const news = (): Omit<RunEvent, 'event'> => ({
    ...identity,
    interval: opened.interval,
    startedAt: info.startTime.toISOString(),
    published: run.published,
    quality: run.quality,
    reports: run.reports,
  });
  const deadline = watchDeadline(opened, (dueAt) =>
    tell({
      ...news(),
      event: 'deadline_missed',
      dueAt,
      message: current === undefined ? undefined : `now: ${current}`,
    }),
  );
  try {
    await withinTime(opened, () => body(run));
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    deadline.cancel();
    const status = isCancellation(error) ? 'cancelled' : 'failed';
    // Told first: a lake that is away may keep the record waiting.
    if (status === 'failed' && opened.tells?.includes('failed') === true)
      await tell({ ...news(), event: 'failed', message: rootMessage(error) });
    await close(status, rootMessage(error));
    await tellLineage(endEvent(status));
    throw innerFailure(error);
  }
  deadline.cancel();
  if (run.quality !== undefined) upsertSearchAttributes([{ key: qualityAttribute, value: run.quality }]);
  await close('completed');
  await tellLineage('COMPLETE');
  if (opened.hasDependents === true) await startDue(runId);
  if (opened.tells?.includes('succeeded') === true) await tell({ ...news(), event: 'succeeded' });
  current = undefined;
  show();
  log.info('run completed', { pipeline: input.pipeline, published: run.published });
  return {
    ...identity,
    status: 'completed',
    steps,
    published: run.published,
    quality: run.quality,
    reports: run.reports,
  };
}

/** How often a step was tried that failed for good; its failure tells. */
function attemptsOf(error: unknown): number {
  const details =
    error instanceof ActivityFailure && error.cause instanceof ApplicationFailure ? error.cause.details : [];
  return (details?.[0] as { attempts?: number } | undefined)?.attempts ?? 1;
}

/** What an activity failed with is what the run failed with: the layer around it only says that an activity failed. */
export const innerFailure = (error: unknown): unknown =>
  error instanceof ActivityFailure && error.cause instanceof ApplicationFailure ? error.cause : error;

/** Whether the refused open said that the pipeline names nobody to be told; older workers say nothing. */
const tellsNobody = (failure: unknown): boolean | undefined =>
  failure instanceof ApplicationFailure
    ? (failure.details?.[0] as { tellsNobody?: boolean } | undefined)?.tellsNobody
    : undefined;

const isFenced = (failure: unknown): boolean => failure instanceof ApplicationFailure && failure.type === 'FencedError';

/** The innermost message: an activity's failure only says that the activity failed. */
export function rootMessage(error: unknown): string {
  let root = error;
  while (root instanceof Error && root.cause instanceof Error) root = root.cause;
  return root instanceof Error ? root.message : String(root);
}

function describe(steps: readonly StepRecord[], current: string | undefined, detail: string): string {
  const rows = steps.map(
    ({ name, rowsIn, rowsOut, durationMs, attempts }) =>
      `| ${name} | ${rowsIn} | ${rowsOut} | ${(durationMs / 1000).toFixed(1)} s | ${attempts} |`,
  );
  const table = ['| step | rows in | rows out | took | attempts |', '|---|---|---|---|---|', ...rows];
  return [...table, '', current === undefined ? '' : `**now: ${current}**`, detail].join('\n');
}
