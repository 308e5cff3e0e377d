import { getClient } from '@temporalio/activity';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { IsRunning, LeaseHolder } from '../../src/index.js';

/**
 * Whether a run or a backfill is still alive; one the server has forgotten is not. Its workflow's id may have been given to a later
 * one, and one that was continued as new is known by its first execution.
 */
export const isRunningBy =
  (client: Pick<Client, 'workflow'>): IsRunning =>
  async ({ workflowId, runId }) => {
    try {
      const { status, raw } = await client.workflow.getHandle(workflowId).describe();
      const first = raw.workflowExecutionInfo?.firstRunId ?? '';
      return status.name === 'RUNNING' && (first === '' || first === runId);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  };

/** The same inside an activity. */
export const isRunning = (holder: LeaseHolder): Promise<boolean> => isRunningBy(getClient())(holder);
