import { ScheduleAlreadyRunning } from '@temporalio/client';
import { checkArgs, DefinitionError, type FeatureStore, StoreUnavailableError } from '../../index.js';
import { checkWorkflows } from '../../project-code/index.js';
import { grpcCode, isUnavailable } from '../connection-error.js';
import type { DeployStep, PlannedStep } from './deploy-step.js';
import { desiredSchedule } from './desired-schedule.js';
import { type DeployRequest, planDeploy } from './plan-deploy.js';

/** How often it looks again whether all is as defined: another deploy, or a hand, may have come between. */
const roundsMax = 4;
/** What a server may answer when a schedule was changed since it was read; others just leave the change out. */
const failedPrecondition = 9;

/**
 * Everything that can be found wrong without a look at the server, so that nothing is half deployed.
 * @returns the version of the registry.
 * @throws DefinitionError for definitions that are not applied, a workflow that is not exported, arguments that don't fit.
 */
export async function checkDeploy(store: FeatureStore): Promise<number> {
  const version = await store.requireApplied();
  await checkWorkflows(store.repo);
  for (const pipeline of store.repo.pipelines.values()) {
    if (pipeline.schedule.type !== 'manual') checkArgs(pipeline);
    if (pipeline.schedule.type === 'every' || pipeline.schedule.type === 'cron')
      desiredSchedule(store.project, pipeline);
  }
  return version;
}

/**
 * Makes the server run the pipelines as they are defined, and looks whether it does. Deploying again changes nothing.
 * @returns what was done and what was left.
 * @throws StoreUnavailableError when the server stops answering, with what was done; deploying again finishes it. DefinitionError
 * when other definitions are applied meanwhile.
 */
export async function deploy(
  request: DeployRequest,
  onStep: (step: DeployStep) => void = () => {},
): Promise<DeployStep[]> {
  const version = await checkDeploy(request.store);
  const done: DeployStep[] = [];
  for (let round = 1; round <= roundsMax; round++) {
    const planned = await planDeploy(request).catch((error: unknown) => {
      throw interrupted(error, done);
    });
    const todo = planned.filter(({ perform }) => perform !== undefined);
    if (todo.length === 0) return [...done, ...planned.filter(({ id }) => !done.some((step) => step.id === id))];
    for (const step of todo) {
      if ((await request.store.requireApplied()) !== version) throw overtaken(done);
      if (!(await perform(step, done))) continue;
      const { perform: _, ...made } = step;
      if (!done.some(({ id }) => id === made.id)) done.push(made);
      onStep(made);
    }
  }
  throw new StoreUnavailableError(`the schedules were changed by somebody else all the while; done: ${named(done)}`, {
    mend: 'run `asof deploy` again',
  });
}

/** @returns false when somebody was quicker: then it is planned anew. */
async function perform({ perform }: PlannedStep, done: readonly DeployStep[]): Promise<boolean> {
  try {
    await perform?.();
    return true;
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning || grpcCode(error) === failedPrecondition) return false;
    throw interrupted(error, done);
  }
}

function interrupted(error: unknown, done: readonly DeployStep[]): unknown {
  if (!isUnavailable(error)) return error;
  return new StoreUnavailableError(`Temporal stopped answering in the middle of the deploy; done: ${named(done)}`, {
    mend: 'run `asof deploy` again when it is back: it does what is left',
    cause: error,
  });
}

const overtaken = (done: readonly DeployStep[]): DefinitionError =>
  new DefinitionError(`other definitions were applied meanwhile; done with the former ones: ${named(done)}`, {
    mend: 'run `asof deploy` again',
  });

const named = (done: readonly DeployStep[]): string =>
  done.map(({ action, id }) => `${action} ${id}`).join(', ') || 'nothing';
