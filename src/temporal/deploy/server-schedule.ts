import { randomUUID } from 'node:crypto';
import { type Client, type ScheduleDescription, ScheduleNotFoundError } from '@temporalio/client';
import {
  encodeScheduleAction,
  encodeSchedulePolicies,
  encodeScheduleSpec,
} from '@temporalio/client/lib/schedule-helpers.js';
import { scheduleId } from '../schedule-id.js';
import type { DesiredSchedule } from './desired-schedule.js';
import { formOf, type ScheduleForm } from './schedule-form.js';

/** A schedule as it stands on the server. */
export interface ServerSchedule {
  readonly id: string;
  readonly form: ScheduleForm;
  /**
   * What was deployed last; `undefined` when nobody can say any more. It lies in the memo of the action, with the schedule itself:
   * whoever deploys from wherever sees it, and it is gone when the schedule is. (The memo of a schedule can't be changed.)
   */
  readonly deployed: ScheduleForm | undefined;
  /** Whether `asof deploy` made it, for this project. */
  readonly isOurs: boolean;
  readonly paused: boolean;
  readonly note: string | undefined;
  readonly createdAt: Date;
  readonly description: ScheduleDescription;
}

interface Mark {
  readonly project?: string;
  readonly deployed?: ScheduleForm;
}

const markOf = (memo: Record<string, unknown> | undefined): Mark => (memo?.['asof'] as Mark | undefined) ?? {};

/** `undefined` = there is none of this id. */
export async function findSchedule(client: Client, project: string, id: string): Promise<ServerSchedule | undefined> {
  try {
    const description = await client.schedule.getHandle(id).describe();
    const { spec, action, policies, state, info, memo } = description;
    const mark = markOf(action.memo);
    return {
      id,
      form: formOf({ spec, action, policies, remainingActions: state.remainingActions }),
      deployed: mark.deployed,
      isOurs: markOf(memo).project === project || mark.project === project,
      paused: state.paused,
      note: state.note || undefined,
      createdAt: info.createdAt,
      description,
    };
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

/** The ids of all schedules that bear the project's prefix; the list may lag behind by a moment. */
export async function listedIds(client: Client, project: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { scheduleId: id } of client.schedule.list())
    if (id.startsWith(scheduleId(project, ''))) ids.push(id);
  return ids;
}

/** @throws ScheduleAlreadyRunning when there is one of this id. */
export async function createSchedule(
  client: Client,
  project: string,
  id: string,
  desired: DesiredSchedule,
): Promise<void> {
  const { spec, policies } = desired;
  await client.schedule.create({
    ...{ scheduleId: id, spec, policies, action: markedAction(project, desired) },
    memo: { asof: { project } },
  });
}

/**
 * Makes a schedule what is desired, unless somebody has changed it since `current` was read. Whether it is paused, and why, stays.
 * The SDK's own update would overwrite what came between.
 */
export async function replaceSchedule(
  client: Client,
  project: string,
  { id, description, paused, note }: ServerSchedule,
  desired: DesiredSchedule,
): Promise<void> {
  const { namespace, identity, loadedDataConverter } = client.options;
  const { spec, policies } = desired;
  const { conflictToken = null, schedule } = description.raw;
  const headers = schedule?.action?.startWorkflow?.header?.fields ?? {};
  await client.workflowService.updateSchedule({
    ...{ namespace, identity, scheduleId: id, conflictToken, requestId: randomUUID() },
    schedule: {
      spec: encodeScheduleSpec(spec),
      action: await encodeScheduleAction(loadedDataConverter, namespace, markedAction(project, desired), headers),
      policies: encodeSchedulePolicies(policies),
      state: { paused, notes: note ?? '' },
    },
  });
}

/** It may be gone already. */
export async function removeSchedule(client: Client, id: string): Promise<void> {
  await client.schedule
    .getHandle(id)
    .delete()
    .catch((error: unknown) => {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    });
}

const markedAction = (project: string, desired: DesiredSchedule) => ({
  ...desired.action,
  type: 'startWorkflow' as const,
  memo: { asof: { project, deployed: formOf(desired) } },
});
