import type { Command } from 'commander';
import { registerSearchAttributes } from '../temporal/index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { printJson } from './output.js';
import { withTemporal } from './temporal-location.js';
import { ensureExtensions } from './tools.js';

export function registerDeploy(program: Command): void {
  describeCommand(
    program.command('deploy').description('make Temporal ready for the pipelines: registers their search attributes'),
    'asof deploy',
  ).action(action(deploy));
}

/** Does nothing that is done already. */
async function deploy(options: GlobalOptions): Promise<undefined> {
  await ensureExtensions(options);
  await withStore(options, async (store) => {
    await withTemporal(store.repo.stateDir, async (client, { address, namespace }) => {
      const searchAttributes = await registerSearchAttributes(client);
      const schedules = { deployed: false };
      if (options.json) {
        printJson({ address, namespace, searchAttributes, schedules });
        return;
      }
      console.log(`Temporal at ${address}, namespace ${namespace}`);
      const { added, found } = searchAttributes;
      if (added.length > 0) console.log(`search attributes added: ${added.join(', ')}`);
      if (found.length > 0) console.log(`search attributes found: ${found.join(', ')}`);
      console.log('Schedules are not deployed yet: start pipelines with `asof run`.');
    });
  });
}
