import { getClient } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import { DefinitionError, type Json, type LeaseHolder, type Pipeline } from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';
import { findPipeline } from './lib/find-pipeline.js';

export interface OpenRunInput {
  readonly pipeline: string;
  readonly runId: string;
  readonly workflowId: string;
  /** ISO time. */
  readonly nominalTime: string;
  readonly interval?: { readonly start: string; readonly end: string } | undefined;
  readonly args: Readonly<Record<string, Json>>;
  /** Arguments the workflow understands. */
  readonly accepts: readonly string[];
  /** The run has no end of its own: its interval is open. */
  readonly openEnded: boolean;
}

const endOfTime = '9999-12-31T00:00:00.000Z';

/** Checks that the loaded definitions are the applied ones, computes the interval, takes its lease and writes the run's record. */
export async function openRun({ store }: ActivityDeps, input: OpenRunInput) {
  const registryVersion = await store.requireApplied();
  const pipeline = findPipeline({ store }, input.pipeline);
  const args = { ...pipeline.args, ...input.args };
  checkArgs(pipeline, args, input.accepts);
  if (args['consumers'] !== undefined) store.steps.checkConsumers(args['consumers']);
  const views = viewsOf(args);
  for (const view of views) await store.view(view);
  const start = pipeline.startAt ?? new Date(0).toISOString();
  const open = input.openEnded ? { start, end: endOfTime } : undefined;
  const interval = await store.runs.open(
    {
      pipeline,
      runId: input.runId,
      workflowId: input.workflowId,
      nominalTime: input.nominalTime,
      interval: input.interval ?? open,
      registryVersion,
    },
    isRunning,
  );
  return {
    args,
    views,
    interval: { start: interval.start.toISOString(), end: interval.end.toISOString() },
    retries: pipeline.retries,
    tags: [...(pipeline.tags ?? [])],
  };
}

function checkArgs({ name, workflow }: Pipeline, args: Record<string, unknown>, accepts: readonly string[]): void {
  const unknown = Object.keys(args).find((arg) => !accepts.includes(arg));
  if (unknown !== undefined) {
    throw new DefinitionError(`argument "${unknown}" is unknown to the workflow ${workflow}`, {
      where: `pipeline "${name}"`,
      mend: `it takes ${accepts.join(', ')}`,
    });
  }
  const needed = accepts.includes('view') ? 'view' : 'views';
  if (viewsOf(args).length === 0) {
    throw new DefinitionError(`argument "${needed}" is missing or not a name`, {
      where: `pipeline "${name}"`,
      mend: needed === 'view' ? `write args: { view: 'my_view' }` : `write args: { views: ['my_view'] }`,
    });
  }
}

function viewsOf({ view, views }: Readonly<Record<string, unknown>>): string[] {
  const named = view === undefined ? views : [view];
  return Array.isArray(named) ? named.filter((name): name is string => typeof name === 'string') : [];
}

/** Whether the run in the way is still alive; a workflow the server has forgotten is not. */
async function isRunning({ workflowId }: LeaseHolder): Promise<boolean> {
  try {
    const { status } = await getClient().workflow.getHandle(workflowId).describe();
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
