import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { FeatureStore, Pipeline } from '../../index.js';
import { scheduleId } from '../schedule-id.js';
import { type PlannedStep, step } from './deploy-step.js';
import { desiredAction } from './desired-action.js';

const scheduledAttribute = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);

/** A run due at `startAt` itself would have no time before it to work on. */
const firstSecondMs = 1_000;

/**
 * The one run of a pipeline of once(). It is a workflow of a fixed id, no schedule: the server forgets idle schedules after a week,
 * and a forgotten one would run again. The lake remembers the run for longer than the server.
 */
export async function planOnce(client: Client, store: FeatureStore, pipeline: Pipeline): Promise<PlannedStep> {
  const { name } = pipeline;
  const id = `${scheduleId(store.project, name)}/once`;
  const known = await knownState(client, store, id);
  if (known !== undefined) return step(name, 'none', id, { notes: [known] });
  const startAt = Date.parse(pipeline.startAt ?? '') + firstSecondMs;
  const isLater = startAt > Date.now();
  return step(name, 'start', id, {
    notes: [isLater ? `once, on ${new Date(startAt).toISOString()}` : 'once, now'],
    perform: () => startOnce(client, store.project, pipeline, id, isLater ? startAt : undefined),
  });
}

async function startOnce(
  client: Client,
  project: string,
  pipeline: Pipeline,
  workflowId: string,
  startAt: number | undefined,
): Promise<void> {
  const { workflowType, taskQueue, staticSummary, typedSearchAttributes } = desiredAction(project, pipeline);
  const later =
    startAt === undefined
      ? { typedSearchAttributes }
      : {
          startDelay: Math.max(0, startAt - Date.now()),
          // The workflow takes it for when it was due; it is started now, and waits.
          typedSearchAttributes: typedSearchAttributes.updateCopy([
            { key: scheduledAttribute, value: new Date(startAt) },
          ]),
        };
  try {
    await client.workflow.start(workflowType, {
      ...{ workflowId, taskQueue, args: [{ pipeline: pipeline.name, trigger: 'once' }] },
      ...(staticSummary === undefined ? {} : { staticSummary }),
      ...later,
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
    });
  } catch (error) {
    // Another deploy was quicker.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** What is known of the run; `undefined`: there was none. */
async function knownState(client: Client, store: FeatureStore, workflowId: string): Promise<string | undefined> {
  const recorded = await store.runs.ofWorkflow(workflowId);
  if (recorded !== undefined) return `ran once: ${recorded.status}; \`asof run ${recorded.pipeline}\` runs it again`;
  try {
    const { status } = await client.workflow.getHandle(workflowId).describe();
    return `was started once: ${status.name.toLowerCase()}`;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
