import type { Command } from 'commander';
import type { FeatureStore } from '../index.js';
import { action, describeCommand, withStore } from './command.js';
import { printJson } from './output.js';
import { printPlan } from './print-plan.js';

export function registerApply(program: Command): void {
  describeCommand(
    program.command('apply').description('make the registry and the tables what the definitions say'),
    'asof apply',
  ).action(
    action(async (options) => {
      await withStore(options, async (store: FeatureStore) => {
        const { plan, version } = await store.apply();
        if (options.json) return printJson({ version, changes: plan.changes, breaking: plan.breaking });
        printPlan(plan);
        console.log(
          plan.changes.length === 0
            ? `Nothing to do: version ${version} is applied.`
            : `Applied as version ${version}.`,
        );
      });
    }),
  );
}
