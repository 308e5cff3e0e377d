import { type Client, WorkflowFailedError, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  DefinitionError,
  type Json,
  type Pipeline,
  type RetryOf,
  type RunTrigger,
  StoreUnavailableError,
} from '../index.js';
import { isUnavailable } from './connection-error.js';
import { taskQueue } from './task-queue.js';

const pipelineAttribute = defineSearchAttributeKey('AsofPipeline', SearchAttributeType.KEYWORD);

export interface StartRequest {
  readonly project: string;
  readonly pipeline: Pipeline;
  readonly args?: Readonly<Record<string, Json>> | undefined;
  readonly interval?: { readonly start: string; readonly end: string } | undefined;
  /** Default: `<project>/<pipeline>/<now>`. One that is given is never used twice. */
  readonly workflowId?: string | undefined;
  /** Default: by hand. */
  readonly trigger?: RunTrigger | undefined;
  readonly retryOf?: RetryOf | undefined;
}

export interface StartedRun {
  readonly workflowId: string;
  readonly runId: string;
  readonly handle: WorkflowHandle;
}

/** Starts a pipeline by hand. */
export async function startPipeline(client: Client, request: StartRequest): Promise<StartedRun> {
  const { project, pipeline, args = {}, interval, trigger, retryOf } = request;
  const workflowId = request.workflowId ?? `${project}/${pipeline.name}/${new Date().toISOString()}`;
  const handle = await client.workflow.start(pipeline.workflow, {
    taskQueue: taskQueue(project),
    workflowId,
    args: [{ pipeline: pipeline.name, args, interval, trigger, retryOf }],
    ...(request.workflowId === undefined ? {} : { workflowIdReusePolicy: 'REJECT_DUPLICATE' as const }),
    staticSummary: pipeline.description ?? pipeline.name,
    // The workflow sets the others once it knows them; this one makes it findable from the first moment.
    typedSearchAttributes: [{ key: pipelineAttribute, value: pipeline.name }],
  });
  return { workflowId, runId: handle.firstExecutionRunId, handle };
}

/** A worker asks for work at least this often; who has not for longer is gone. */
const pollsWithinSeconds = 70;

const taskQueueTypes = { workflows: 1, activities: 2 } as const;

/** Whether anybody serves the project's pipelines. */
export const hasWorker = async (client: Client, project: string): Promise<boolean> =>
  (await workersOf(client, project, 'workflows')).length > 0;

/** The identities of the workers that lately asked for a project's work of a kind. */
export async function workersOf(
  client: Client,
  project: string,
  kind: keyof typeof taskQueueTypes,
): Promise<readonly string[]> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: taskQueue(project) },
    taskQueueType: taskQueueTypes[kind],
  });
  const recently = Date.now() / 1_000 - pollsWithinSeconds;
  return (pollers ?? [])
    .filter(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) > recently)
    .map(({ identity }) => identity ?? '');
}

/** Why a workflow ended badly, without the layers around it. */
export function failureReason(error: unknown): string {
  if (error instanceof WorkflowFailedError || (error instanceof Error && error.cause instanceof Error)) {
    return error.cause === undefined ? error.message : failureReason(error.cause);
  }
  return error instanceof Error ? error.message : String(error);
}

/** The handle of the running stream pipeline of a name. @throws DefinitionError when none runs. */
export async function runningPipeline(client: Client, project: string, pipeline: string): Promise<WorkflowHandle> {
  const query = `AsofPipeline = "${pipeline}" AND ExecutionStatus = "Running" AND TaskQueue = "${taskQueue(project)}"`;
  for await (const { workflowId } of client.workflow.list({ query, pageSize: 1 }))
    return client.workflow.getHandle(workflowId);
  throw new DefinitionError(`pipeline "${pipeline}" is not running`, {
    mend: `start it with \`asof run ${pipeline}\``,
  });
}

/** Errors of the service as those of asof; whatever has nothing to do with it stays as it is. */
export function asAsofError(error: unknown): unknown {
  if (error instanceof WorkflowNotFoundError) {
    return new DefinitionError('Temporal does not know this workflow', {
      mend: 'its history may have expired; `asof runs` reads what the lake keeps',
    });
  }
  if (isUnavailable(error)) {
    return new StoreUnavailableError('Temporal stopped answering', {
      mend: 'see that it runs (`asof up` starts an embedded one), then repeat the command; runs go on where they were',
      cause: error,
    });
  }
  return error;
}
