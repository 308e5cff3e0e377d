import type { Client } from '@temporalio/client';
import type { Pipeline } from '../../index.js';
import { scheduleId } from '../schedule-id.js';
import { type PlannedStep, step } from './deploy-step.js';
import { type DesiredSchedule, desiredSchedule } from './desired-schedule.js';
import { changesBetween, type FieldChange, formOf } from './schedule-form.js';
import { createSchedule, removeSchedule, replaceSchedule, type ServerSchedule } from './server-schedule.js';

export interface ScheduleRequest {
  readonly client: Client;
  readonly project: string;
  readonly force: boolean;
}

/** What has to be done for the schedule of a pipeline that has intervals to come. */
export function planSchedule(
  request: ScheduleRequest,
  pipeline: Pipeline,
  found: ServerSchedule | undefined,
): PlannedStep {
  const { client, project, force } = request;
  const id = scheduleId(project, pipeline.name);
  const desired = desiredSchedule(project, pipeline);
  const form = formOf(desired);
  if (found === undefined) {
    const perform = (): Promise<void> => createSchedule(client, project, id, desired);
    return step(pipeline.name, 'add', id, { fields: changesBetween(undefined, form), perform });
  }
  const fields = changesBetween(found.form, form);
  const replace = { fields, perform: () => replaceSchedule(client, project, found, desired) };
  const notes = pauseNotes(found);
  if (!found.isOurs) {
    const note = 'a schedule of this id is there that asof did not make';
    return force
      ? step(pipeline.name, 'change', id, { ...replace, notes: [...notes, note] })
      : step(pipeline.name, 'none', id, { fields, left: true, notes: [...notes, `${note}; --force takes it over`] });
  }
  const drift = driftOf(found, fields);
  if (fields.length === 0) return unchanged(request, pipeline.name, found, desired, notes);
  if (drift.length === 0 || force) return step(pipeline.name, 'change', id, { ...replace, drift, notes });
  return step(pipeline.name, 'none', id, {
    ...{ fields, drift, left: true },
    notes: [...notes, 'changed on the server by hand; --force makes it what the definition says'],
  });
}

/** Where somebody made it by hand what the definition says now, that is kept as deployed; else its next change would seem theirs. */
function unchanged(
  { client, project }: ScheduleRequest,
  pipeline: string,
  found: ServerSchedule,
  desired: DesiredSchedule,
  notes: readonly string[],
): PlannedStep {
  const isKnown = found.deployed !== undefined && changesBetween(found.deployed, found.form).length === 0;
  if (isKnown) return step(pipeline, 'none', found.id, { notes });
  return step(pipeline, 'change', found.id, {
    notes: [...notes, 'as defined already, by hand; kept as deployed'],
    perform: () => replaceSchedule(client, project, found, desired),
  });
}

/** A schedule no definition has any more, or whose pipeline is no longer started by the clock. */
export function planRemoval(
  { client }: ScheduleRequest,
  pipeline: string,
  found: ServerSchedule,
  reason: string,
): PlannedStep {
  if (!found.isOurs)
    return step(pipeline, 'none', found.id, {
      notes: [`${reason}; a schedule of this id is there that asof did not make`],
    });
  return step(pipeline, 'remove', found.id, { notes: [reason], perform: () => removeSchedule(client, found.id) });
}

/** Of what differs from the definition: what is not as it was deployed. */
function driftOf({ deployed, form }: ServerSchedule, fields: readonly FieldChange[]): FieldChange[] {
  if (deployed === undefined) return [...fields].map(({ field, from }) => ({ field, from: null, to: from }));
  const differing = new Set(fields.map(({ field }) => field));
  return changesBetween(deployed, form).filter(({ field }) => differing.has(field));
}

const pauseNotes = ({ paused, note }: ServerSchedule): string[] =>
  paused ? [`paused${note === undefined ? '' : `: ${note}`}; stays so`] : [];
