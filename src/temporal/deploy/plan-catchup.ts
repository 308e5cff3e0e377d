import {
  type Client,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { type FeatureStore, intervalStatuses, type Pipeline } from '../../index.js';
import { scheduleId } from '../schedule-id.js';
import { type PlannedStep, step } from './deploy-step.js';
import { desiredAction } from './desired-action.js';
import type { ServerSchedule } from './server-schedule.js';

/** Looked at at once. */
const pageMs = 400 * 86_400_000;

/**
 * What lies between `startAt` and the schedule's creation, as far as no run has completed it: the server runs nothing of that time
 * by itself, and one backfill of its own would be more than a schedule can hold. Of a paused pipeline it waits.
 */
export async function planCatchup(
  client: Client,
  store: FeatureStore,
  pipeline: Pipeline,
  found: ServerSchedule | undefined,
): Promise<PlannedStep[]> {
  const { name, catchup, startAt } = pipeline;
  if (!catchup || startAt === undefined || found?.paused === true) return [];
  const id = scheduleId(store.project, `catchup/${name}`);
  const from = new Date(startAt);
  const to = found?.createdAt ?? new Date();
  if (from >= to || !(await hasMissing(store, name, from, to))) return [];
  if (await isRunning(client, id)) return [step(name, 'none', id, { notes: ['catching up'] })];
  return [
    step(name, 'catch up', id, {
      notes: [`intervals from ${from.toISOString()} that no run has completed`],
      perform: () => startCatchup(client, store.project, pipeline, { id, from, to: found?.createdAt ?? new Date() }),
    }),
  ];
}

async function hasMissing(store: FeatureStore, pipeline: string, from: Date, to: Date): Promise<boolean> {
  let start = from;
  while (start < to) {
    const end = new Date(Math.min(to.getTime(), start.getTime() + pageMs));
    const statuses = await intervalStatuses(store, pipeline, { from: start, to: end });
    if (statuses.some(({ isThere, status }) => !isThere && status !== 'running')) return true;
    if (end >= to) return false;
    // An interval that reaches over the page's end is looked at with the next.
    start = statuses.at(-1)?.end ?? end;
  }
  return false;
}

async function isRunning(client: Client, workflowId: string): Promise<boolean> {
  try {
    return (await client.workflow.getHandle(workflowId).describe()).status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** The durable workflow that `asof backfill` starts too; of two at once there is one. */
async function startCatchup(
  client: Client,
  project: string,
  pipeline: Pipeline,
  { id, from, to }: { id: string; from: Date; to: Date },
): Promise<void> {
  const { taskQueue, typedSearchAttributes } = desiredAction(project, pipeline);
  await client.workflow.start('backfill', {
    ...{ workflowId: id, taskQueue, typedSearchAttributes, staticSummary: `Catches ${pipeline.name} up` },
    args: [
      {
        ...{ pipeline: pipeline.name, from: from.toISOString(), to: to.toISOString(), only: 'missing' },
        ...{ parallel: pipeline.maxActiveRuns ?? 1, reverse: false, trigger: 'catchup' },
      },
    ],
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  });
}
