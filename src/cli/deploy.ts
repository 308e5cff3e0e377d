import type { Command } from 'commander';
import {
  checkDeploy,
  type DeployStep,
  deploy as deployPipelines,
  missingSearchAttributes,
  planDeploy,
  registerSearchAttributes,
} from '../temporal/index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { exitCodes } from './exit-code.js';
import { printJson } from './output.js';
import { deploySummary, printDeployStep } from './print-deploy.js';
import { withTemporal } from './temporal-location.js';

interface DeployOptions {
  readonly plan?: boolean;
  readonly force?: boolean;
}

export function registerDeploy(program: Command): void {
  describeCommand(
    program
      .command('deploy')
      .description('make Temporal run the pipelines as defined: search attributes, schedules, what runs once')
      .option('--plan', 'only show what would change')
      .option('--force', 'also overwrite what was changed on the server by hand'),
    'asof deploy --plan\nasof deploy',
  ).action(action(deploy));
}

/** Does nothing that is done already. */
async function deploy(options: GlobalOptions, { plan = false, force = false }: DeployOptions): Promise<number> {
  return withStore(options, async (store) => {
    // Before anything is written: nothing is to be half deployed.
    await checkDeploy(store);
    return withTemporal(store.repo.stateDir, async (client, { address, namespace }) => {
      const searchAttributes = plan
        ? { missing: await missingSearchAttributes(client) }
        : await registerSearchAttributes(client);
      if (!options.json) printAttributes(address, namespace, searchAttributes);
      const request = { client, store, force };
      const steps: readonly DeployStep[] = plan
        ? await planDeploy(request)
        : await deployPipelines(request, options.json ? undefined : printDeployStep);
      if (options.json) printJson({ address, namespace, searchAttributes, planned: plan, steps });
      else {
        // Those that changed something were printed as they were done.
        for (const step of steps) if (plan || step.action === 'none') printDeployStep(step);
        console.log(deploySummary(steps, plan));
      }
      return !plan && steps.some(({ left }) => left) ? exitCodes.definition : exitCodes.ok;
    });
  });
}

function printAttributes(
  address: string,
  namespace: string,
  attributes: { added?: readonly string[]; found?: readonly string[]; missing?: readonly string[] },
): void {
  console.log(`Temporal at ${address}, namespace ${namespace}`);
  for (const [what, names] of Object.entries(attributes))
    if (names.length > 0) console.log(`search attributes ${what}: ${names.join(', ')}`);
}
