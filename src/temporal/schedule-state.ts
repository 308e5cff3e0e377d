import { type Client, type ScheduleHandle, ScheduleNotFoundError } from '@temporalio/client';
import { scheduleId } from './schedule-id.js';

/** How the schedule of a pipeline stands on the server. Times are ISO strings. */
export interface ScheduleState {
  readonly paused: boolean;
  /** Why it is paused, or what was last said of it. */
  readonly note: string | undefined;
  readonly next: readonly string[];
}

/** `undefined` = the server has no schedule for this pipeline. */
export async function scheduleState(
  client: Client,
  project: string,
  pipeline: string,
): Promise<ScheduleState | undefined> {
  const found = await describeSchedule(handleOf(client, project, pipeline));
  if (found === undefined) return undefined;
  const { state, info } = found;
  return {
    paused: state.paused,
    note: state.note || undefined,
    next: info.nextActionTimes.map((time) => time.toISOString()),
  };
}

/**
 * Keeps the schedule of a pipeline from starting runs; those at work go on.
 * @returns how it stood before, or `undefined` when there is no schedule.
 */
export async function pauseSchedule(
  client: Client,
  project: string,
  pipeline: string,
  reason: string,
): Promise<ScheduleState | undefined> {
  const before = await scheduleState(client, project, pipeline);
  if (before !== undefined && !(before.paused && before.note === reason)) {
    await handleOf(client, project, pipeline).pause(reason);
  }
  return before;
}

/** Lets it start runs again. @returns how it stood before, or `undefined` when there is no schedule. */
export async function unpauseSchedule(
  client: Client,
  project: string,
  pipeline: string,
  note: string,
): Promise<ScheduleState | undefined> {
  const before = await scheduleState(client, project, pipeline);
  if (before?.paused === true) await handleOf(client, project, pipeline).unpause(note);
  return before;
}

const handleOf = (client: Client, project: string, pipeline: string): ScheduleHandle =>
  client.schedule.getHandle(scheduleId(project, pipeline));

async function describeSchedule(handle: ScheduleHandle) {
  try {
    return await handle.describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}
