import type { Client } from '@temporalio/client';
import { type FeatureStore, isPeriodic, type Pipeline } from '../../index.js';
import { scheduleId } from '../schedule-id.js';
import { type PlannedStep, step } from './deploy-step.js';
import { planCatchup } from './plan-catchup.js';
import { planOnce } from './plan-once.js';
import { planRemoval, planSchedule, type ScheduleRequest } from './plan-schedule.js';
import { findSchedule, listedIds } from './server-schedule.js';

export interface DeployRequest {
  readonly client: Client;
  readonly store: FeatureStore;
  /** Whether to overwrite what was changed by hand, and to take over schedules asof did not make. */
  readonly force: boolean;
}

/** What has to be done so that the server runs the pipelines as they are defined. Changes nothing. */
export async function planDeploy({ client, store, force }: DeployRequest): Promise<PlannedStep[]> {
  const { project, repo } = store;
  const request = { client, project, force };
  const steps: PlannedStep[] = [];
  for (const pipeline of repo.pipelines.values()) steps.push(...(await planPipeline(request, store, pipeline)));
  for (const id of await listedIds(client, project)) {
    const name = id.slice(scheduleId(project, '').length);
    if (repo.pipelines.has(name)) continue;
    const found = await findSchedule(client, project, id);
    // What is listed may be gone, and what bears our name may be somebody else's.
    if (found?.isOurs === true) steps.push(planRemoval(request, name, found, 'no definition has this pipeline'));
  }
  return steps;
}

async function planPipeline(request: ScheduleRequest, store: FeatureStore, pipeline: Pipeline): Promise<PlannedStep[]> {
  const { client, project } = request;
  const id = scheduleId(project, pipeline.name);
  const found = await findSchedule(client, project, id);
  const reason = withoutSchedule(pipeline);
  if (reason === undefined) {
    const planned = planSchedule(request, pipeline, found);
    return [planned, ...(planned.left ? [] : await planCatchup(client, store, pipeline, found, planned.fields))];
  }
  const removal = found === undefined ? [] : [planRemoval(request, pipeline.name, found, reason)];
  if (pipeline.schedule.type === 'once') return [...removal, await planOnce(client, store, pipeline)];
  const catchup = isPeriodic(pipeline.schedule) ? await planCatchup(client, store, pipeline, found) : [];
  return removal.length + catchup.length > 0
    ? [...removal, ...catchup]
    : [step(pipeline.name, 'none', id, { notes: [reason] })];
}

/** Why a pipeline has no schedule on the server; `undefined`: it has one. */
function withoutSchedule({ schedule, endAt }: Pipeline): string | undefined {
  switch (schedule.type) {
    case 'manual':
      return 'started by hand';
    case 'once':
      return 'runs once';
    case 'after':
      return `runs after ${schedule.pipelines.join(', ')}`;
    default:
      return endAt !== undefined && Date.parse(endAt) < Date.now() ? `ended on ${endAt}` : undefined;
  }
}
