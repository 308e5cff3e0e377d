import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { type FeatureStore, FencedError, intervalStatuses, type Pipeline } from '../../index.js';
import { startBackfill } from '../backfills.js';
import { scheduleId } from '../schedule-id.js';
import { type PlannedStep, step } from './deploy-step.js';
import type { FieldChange } from './schedule-form.js';
import type { ServerSchedule } from './server-schedule.js';

/** Looked at at once. */
const pageMs = 400 * 86_400_000;

/**
 * What lies between `startAt` and the schedule's creation, as far as no run has completed it: the server runs nothing of that time
 * by itself, and one backfill of its own would be more than a schedule can hold. Of a paused pipeline it waits.
 * @param changed what the same deploy changes of the schedule.
 */
export async function planCatchup(
  client: Client,
  store: FeatureStore,
  pipeline: Pipeline,
  found: ServerSchedule | undefined,
  changed: readonly FieldChange[] = [],
): Promise<PlannedStep[]> {
  const { name, catchup, startAt } = pipeline;
  if (!catchup || startAt === undefined || found?.paused === true) return [];
  const id = scheduleId(store.project, `catchup/${name}`);
  const from = new Date(startAt);
  const to = found?.createdAt ?? new Date();
  const missing = from < to ? await countMissing(store, name, from, to) : 0;
  if (missing === 0) return [];
  if (await isRunning(client, id)) return [step(name, 'none', id, { notes: ['catching up'] })];
  return [
    step(name, 'catch up', id, {
      notes: [missingText(missing, from, to), ...(await periodNotes(store, name, { from, to, changed }))],
      perform: () => startCatchup(client, store.project, pipeline, { id, from, to: found?.createdAt ?? new Date() }),
    }),
  ];
}

/** More are not counted. */
const countedMost = 10_000;

const missingText = (missing: number, from: Date, to: Date): string => {
  const count = missing >= countedMost ? `at least ${countedMost.toLocaleString('en')}` : missing.toLocaleString('en');
  const range = `from ${from.toISOString()} to ${to.toISOString()}`;
  return missing === 1
    ? `1 interval ${range} that no run has completed`
    : `${count} intervals ${range} that no run has completed`;
};

/** Why so much is missing of what ran already: intervals of another period are others. */
async function periodNotes(
  { runs }: FeatureStore,
  pipeline: string,
  { from, to, changed }: { from: Date; to: Date; changed: readonly FieldChange[] },
): Promise<string[]> {
  const period = changed.filter(({ field, from }) => (field === 'times' || field === 'timezone') && from !== null);
  if (period.length === 0) return [];
  const [completed] = await runs.list({ pipeline, status: 'completed', from, to, limit: 1 });
  if (completed === undefined) return [];
  const change = period.map(({ field, from, to }) => `${field}: ${from} → ${to ?? '(nothing)'}`).join(', ');
  return [`because the period changes (${change}): a run counts for an interval only if its own holds all of it`];
}

/** By the intervals of the definition: a pipeline whose period has changed may have all of them to do. */
async function countMissing(store: FeatureStore, pipeline: string, from: Date, to: Date): Promise<number> {
  let start = from;
  let missing = 0;
  while (start < to) {
    const end = new Date(Math.min(to.getTime(), start.getTime() + pageMs));
    const statuses = await intervalStatuses(store, pipeline, { from: start, to: end });
    missing += statuses.filter(({ isThere, status }) => !isThere && status !== 'running').length;
    if (missing >= countedMost || end >= to) return missing;
    // An interval that reaches over the page's end is looked at with the next.
    start = statuses.at(-1)?.end ?? end;
  }
  return missing;
}

async function isRunning(client: Client, workflowId: string): Promise<boolean> {
  try {
    return (await client.workflow.getHandle(workflowId).describe()).status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** Of two deploys at once, one starts it. */
async function startCatchup(
  client: Client,
  project: string,
  { name, maxActiveRuns = 1 }: Pipeline,
  { id, from, to }: { id: string; from: Date; to: Date },
): Promise<void> {
  const range = { pipeline: name, from: from.toISOString(), to: to.toISOString() };
  try {
    const how = { only: 'missing', parallel: maxActiveRuns, reverse: false, trigger: 'catchup' } as const;
    await startBackfill(client, project, { ...range, ...how }, id);
  } catch (error) {
    if (!(error instanceof FencedError)) throw error;
  }
}
