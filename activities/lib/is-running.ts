import { getClient } from '@temporalio/activity';
import { type WorkflowExecutionDescription, WorkflowNotFoundError } from '@temporalio/client';
import type { LeaseHolder } from '../../src/index.js';

/** A workflow by its id and its first execution: one that was continued as new is still known by that. */
type Identity = Pick<LeaseHolder, 'workflowId' | 'runId'>;

/**
 * What the server says of a run or a backfill, as it is now; `undefined` = it does not know it (any more). Its workflow's id may have
 * been given to a later one.
 */
export async function describeWorkflow({
  workflowId,
  runId,
}: Identity): Promise<WorkflowExecutionDescription | undefined> {
  const { workflow } = getClient();
  try {
    const latest = await workflow.getHandle(workflowId).describe();
    if ((latest.raw.workflowExecutionInfo?.firstRunId || runId) === runId) return latest;
    return await workflow.getHandle(workflowId, runId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** Whether a run or a backfill is still alive; one the server has forgotten is not. */
export const isRunning = async (holder: Identity): Promise<boolean> =>
  (await describeWorkflow(holder))?.status.name === 'RUNNING';
