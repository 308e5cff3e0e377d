import type { Command } from 'commander';
import type { FeatureStore } from '../index.js';
import { objectKinds } from '../registry/spec.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { confirmed, requireAnswer } from './confirm.js';
import { exitCodes } from './exit-code.js';
import { plural, printJson } from './output.js';

export function registerTeardown(program: Command): void {
  describeCommand(
    program.command('teardown').option('--yes', 'do not ask', false),
    'asof teardown\nasof teardown --yes',
  ).action(action(teardown));
}

async function teardown(options: GlobalOptions, { yes }: { yes: boolean }): Promise<number> {
  requireAnswer('teardown removes data', { yes, json: options.json });
  return withStore(options, async (store) => {
    if (!yes && !(await asked(store))) {
      console.log('Nothing was removed.');
      return exitCodes.ok;
    }
    const { project, repo } = store;
    const { objects, tables } = await store.teardown();
    if (options.json) printJson({ project, objects, tables });
    else {
      const count = Object.values(objects).reduce((sum, each) => sum + each, 0);
      console.log(
        `Removed project "${project}" from ${repo.stateDir}: ${plural(count, 'object')}, ${plural(tables, 'table')}, its online rows and event logs.`,
      );
    }
    return exitCodes.ok;
  });
}

/** Names what goes, and asks on stderr. */
async function asked(store: FeatureStore): Promise<boolean> {
  console.error(`This removes project "${store.project}" from ${store.repo.stateDir}:`);
  for (const kind of objectKinds) {
    const entries = await store.registry.list(kind);
    if (entries.length === 0) continue;
    const names = entries.map(({ name }) => name).join(', ');
    console.error(`  ${kind.replaceAll('_', ' ')}: ${names}`);
  }
  console.error('  with all rows of their tables, runs and dead letters in the lake, all online rows, all event logs.');
  console.error('Definitions, source files and other projects stay.');
  return confirmed('Type yes to remove it: ');
}
