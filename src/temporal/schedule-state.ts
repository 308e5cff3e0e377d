import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, type ScheduleHandle, ScheduleNotFoundError } from '@temporalio/client';
import { StoreUnavailableError } from '../index.js';
import { scheduleId } from './schedule-id.js';

const lookMs = 250;
const looksAPatch = 10;
const looksMost = 40;

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
 * Pauses the schedule of a pipeline, which then starts no runs, or lets it go on; does nothing that is done already. Runs at work
 * go on either way.
 * @param note why; `undefined` keeps what is noted of a schedule that stands as wanted.
 * @returns how it stood before, or `undefined` when there is no schedule.
 */
export async function setPaused(
  client: Client,
  { project, pipeline, paused }: { readonly project: string; readonly pipeline: string; readonly paused: boolean },
  note?: string,
): Promise<ScheduleState | undefined> {
  const before = await scheduleState(client, project, pipeline);
  if (before === undefined) return undefined;
  const isWanted = (state: ScheduleState | undefined) =>
    state === undefined || (state.paused === paused && (note === undefined || !paused || state.note === note));
  const handle = handleOf(client, project, pipeline);
  const said = note ?? (paused ? 'paused with `asof pause`' : 'let go on with `asof unpause`');
  for (let round = 0, state: ScheduleState | undefined = before; !isWanted(state); round += 1) {
    // Of two patches sent in quick succession the server may lose one, whoever sent the other.
    if (round % looksAPatch === 0) await (paused ? handle.pause(said) : handle.unpause(said));
    await sleep(round === 0 ? 0 : lookMs);
    state = await scheduleState(client, project, pipeline);
    if (round < looksMost || isWanted(state)) continue;
    throw new StoreUnavailableError(`the schedule of "${pipeline}" does not become ${paused ? 'paused' : 'unpaused'}`, {
      mend: 'repeat the command',
    });
  }
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
