import { type Client, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import type { Pipeline } from '../index.js';
import { taskQueue } from './task-queue.js';

/** A run as it is known in the lake and on the server. */
export interface RunIdentity {
  readonly workflowId: string;
  /** Of its first execution: a run that continues as new keeps it. */
  readonly runId: string;
}

/** What the server says of a run, e.g. `RUNNING` or `TERMINATED`; `undefined` = it does not know it (any more). */
export async function temporalStatus(client: Client, run: RunIdentity): Promise<string | undefined> {
  try {
    const first = await client.workflow.getHandle(run.workflowId, run.runId).describe();
    if (first.status.name !== 'CONTINUED_AS_NEW') return first.status.name;
    return (await runHandle(client, run).describe()).status.name;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** Steers this run, and no other that has its workflow id. */
export const runHandle = (client: Client, { workflowId, runId }: RunIdentity): WorkflowHandle =>
  client.workflow.getHandle(workflowId, undefined, { firstExecutionRunId: runId });

/** The runs of a pipeline at work, the oldest first; the server may take a second to list one. */
export async function runsAtWork(
  client: Client,
  project: string,
  { name, workflow }: Pick<Pipeline, 'name' | 'workflow'>,
): Promise<RunIdentity[]> {
  // What a run starts beside itself, such as notifications, is not the run.
  const query = [
    `AsofPipeline = "${name}"`,
    `WorkflowType = "${workflow}"`,
    'ExecutionStatus = "Running"',
    `TaskQueue = "${taskQueue(project)}"`,
  ].join(' AND ');
  const found: (RunIdentity & { startTime: Date })[] = [];
  for await (const { workflowId, runId, startTime, raw } of client.workflow.list({ query })) {
    found.push({ workflowId, runId: raw.firstRunId || runId, startTime });
  }
  return found.sort((a, b) => a.startTime.getTime() - b.startTime.getTime());
}
