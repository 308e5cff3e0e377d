import { activityInfo, getClient, log } from '@temporalio/activity';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { type Dispatch, dueDispatches, recordDispatch } from '../src/index.js';
import type { ActivityDeps } from './lib/deps.js';

const pipelineAttribute = defineSearchAttributeKey('AsofPipeline', SearchAttributeType.KEYWORD);

/**
 * Starts the pipelines that are due because of what others published, once for what was published: what the run that asks
 * published, and what was missed before.
 * @returns the workflows that were started.
 */
export async function startDependents({ store }: ActivityDeps, _: { readonly runId?: string }): Promise<string[]> {
  await store.requireApplied();
  const started: string[] = [];
  for (const dispatch of await dueDispatches(store.lake, store.repo.pipelines)) {
    const workflowId = workflowIdOf(store.project, dispatch);
    if (await start(dispatch, workflowId)) started.push(workflowId);
    await recordDispatch(store.lake, dispatch, workflowId);
  }
  return started;
}

const workflowIdOf = (project: string, { pipeline, interval, id }: Dispatch): string =>
  `${project}/${pipeline.name}-${interval.start.toISOString()}-${interval.end.toISOString()}-${id}`;

/** @returns whether it was not started before. */
async function start({ pipeline, interval, upstreamRun }: Dispatch, workflowId: string): Promise<boolean> {
  const { start, end } = interval;
  const input = {
    pipeline: pipeline.name,
    trigger: 'after',
    interval: { start: start.toISOString(), end: end.toISOString() },
  };
  try {
    await getClient().workflow.start(pipeline.workflow, {
      taskQueue: activityInfo().taskQueue,
      workflowId,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      args: [input],
      staticSummary: pipeline.description ?? pipeline.name,
      staticDetails: `after run ${upstreamRun}`,
      typedSearchAttributes: [{ key: pipelineAttribute, value: pipeline.name }],
    });
    log.info('started after another', { pipeline: pipeline.name, upstreamRun });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}
