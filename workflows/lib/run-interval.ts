import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure,
  ChildWorkflowFailure,
  executeChild,
  ParentClosePolicy,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import type { BackfillInput, OpenedBackfill } from './backfill-contract.js';
import type { Interval, Outcome } from './backfill-progress.js';
import type { PipelineInput } from './contract.js';
import { pipelineAttribute } from './search-attributes.js';

/**
 * Runs the pipeline's own workflow for one interval. Its id is that of the interval, so that of two runs for one, whoever starts
 * them, the second is not even started; a later one may have it again. Never throws.
 */
export async function runInterval(
  { pipeline, args: given, trigger = 'backfill', everyMs }: BackfillInput,
  { project, workflow, windowed, range }: OpenedBackfill,
  interval: Interval,
): Promise<Outcome> {
  const { start, end } = interval;
  const args = windowed ? { ...given, start, end, upTo: range.end } : given;
  const input: PipelineInput = { pipeline, interval, trigger, ...(args === undefined ? {} : { args }) };
  try {
    await executeChild(workflow, {
      workflowId: `${project}/${pipeline}-${everyMs === undefined ? '' : `${short(start)}/`}${short(end)}`,
      args: [input],
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      // A run that is not told that it ends would leave its record open.
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `${start}/${end}`,
      typedSearchAttributes: [{ key: pipelineAttribute, value: pipeline }],
    });
    return { ended: 'done' };
  } catch (error) {
    return unfinished(error);
  }
}

function unfinished(error: unknown): Outcome {
  if (error instanceof WorkflowExecutionAlreadyStartedError) {
    return { ended: 'skipped', why: `workflow ${error.workflowId} is working on it` };
  }
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  const type = cause instanceof ApplicationFailure ? cause.type : undefined;
  const why = cause instanceof Error ? cause.message : String(cause);
  return { ended: type === 'FencedError' ? 'skipped' : type === 'DefinitionError' ? 'refused' : 'failed', why };
}

/** As schedules write it. */
const short = (time: string): string => time.replace('.000Z', 'Z');
