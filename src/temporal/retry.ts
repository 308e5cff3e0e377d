import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { DefinitionError, type Pipeline, type RunRecord } from '../index.js';
import { type StartedRun, startPipeline } from './pipelines.js';

export interface RetryRequest {
  readonly project: string;
  readonly pipeline: Pipeline;
  /** The run to do again. */
  readonly run: Pick<RunRecord, 'runId' | 'workflowId' | 'args' | 'interval'>;
  /** The step from which on; default: the first that was not completed. */
  readonly from?: string | undefined;
}

/**
 * Starts a run that ended once more, with its interval and arguments. Its workflow is called like the one before, with a number.
 * @throws DefinitionError when a retry of it is at work.
 */
export async function startRetry(client: Client, { project, pipeline, run, from }: RetryRequest): Promise<StartedRun> {
  const { runId, args, interval } = run;
  const [base, before] = partsOf(run.workflowId);
  for (let count = before + 1; ; count += 1) {
    const workflowId = `${base}/retry-${count}`;
    try {
      return await startPipeline(client, {
        ...{ project, pipeline, args, interval, workflowId },
        trigger: 'retry',
        retryOf: { runId, from },
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      const { status } = await client.workflow.getHandle(workflowId).describe();
      if (status.name !== 'RUNNING') continue;
      throw new DefinitionError(`run ${runId} is being retried by workflow ${workflowId}`, {
        mend: `wait for it, or stop it by \`asof cancel ${workflowId}\``,
      });
    }
  }
}

/** What all retries of a workflow have in common, and how many there were up to this one. */
function partsOf(workflowId: string): [string, number] {
  const [, base = workflowId, count = '0'] = /^(.*)\/retry-(\d+)$/.exec(workflowId) ?? [];
  return [base, Number(count)];
}
