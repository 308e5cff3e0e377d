import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { BackfillInput } from '../../workflows/lib/backfill-contract.js';
import { FencedError } from '../index.js';
import type { StartedRun } from './pipelines.js';
import { taskQueue } from './task-queue.js';

const pipelineAttribute = defineSearchAttributeKey('AsofPipeline', SearchAttributeType.KEYWORD);

/**
 * Starts a backfill; whether what it asks for can be meant is checked by the caller before, and again by its first step.
 * @param workflowId default: one of the range.
 * @throws FencedError when the same range is being backfilled already.
 */
export async function startBackfill(
  client: Client,
  project: string,
  input: BackfillInput,
  workflowId = `${project}/${input.pipeline}/backfill-${input.from}/${input.to}`,
): Promise<StartedRun> {
  const { pipeline } = input;
  try {
    const handle = await client.workflow.start('backfill', {
      taskQueue: taskQueue(project),
      workflowId,
      args: [input],
      staticSummary: `backfill of ${pipeline}`,
      typedSearchAttributes: [{ key: pipelineAttribute, value: pipeline }],
    });
    return { workflowId, runId: handle.firstExecutionRunId, handle };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new FencedError('this range is being backfilled already', {
      where: `pipeline ${pipeline}`,
      mend: `\`asof backfill status ${pipeline}\` shows it; wait for its end, or cancel it`,
    });
  }
}
