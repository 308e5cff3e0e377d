import { getClient } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { LeaseHolder } from '../../src/index.js';

/**
 * Whether a run or a backfill is still alive; one the server has forgotten is not. Its workflow's id may have been given to a later
 * one, and one that was continued as new is known by its first execution.
 */
export async function isRunning({ workflowId, runId }: LeaseHolder): Promise<boolean> {
  try {
    const { status, raw } = await getClient().workflow.getHandle(workflowId).describe();
    const first = raw.workflowExecutionInfo?.firstRunId ?? '';
    return status.name === 'RUNNING' && (first === '' || first === runId);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
