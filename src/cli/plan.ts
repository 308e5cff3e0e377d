import type { Command } from 'commander';
import type { Plan } from '../index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { plural, printJson } from './output.js';
import { printPlan } from './print-plan.js';

export function registerPlan(program: Command): void {
  describeCommand(program.command('plan'), 'asof plan').action(action(plan));
}

async function plan(options: GlobalOptions): Promise<undefined> {
  const found = await withStore(options, (store) => store.plan());
  if (options.json) {
    printJson({ version: found.version, changes: found.changes, breaking: found.breaking });
    return;
  }
  printPlan(found);
  console.log(summary(found));
}

function summary({ changes, version }: Plan): string {
  if (changes.length === 0) return `Nothing to do: version ${version} is what the definitions say.`;
  const breaking = changes.filter((change) => change.breaking.length > 0).length;
  const broken = breaking === 0 ? 'none of them breaking' : `${breaking} of them breaking`;
  const to = version === 0 ? 'nothing was applied yet' : `version ${version} is applied`;
  return `${plural(changes.length, 'change')} (${to}), ${broken}. \`asof apply\` makes them.`;
}
