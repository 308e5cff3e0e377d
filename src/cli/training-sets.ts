import type { Command } from 'commander';
import { action, describeCommand, exampleText, type GlobalOptions, withStore } from './command.js';
import { plural, printJson, printTable } from './output.js';

export function registerTrainingSets(program: Command): void {
  const sets = program.command('training-sets').addHelpText('after', exampleText('asof training-sets list'));
  describeCommand(sets.command('list').description('all saved training sets'), 'asof training-sets list').action(
    action(list),
  );
  describeCommand(
    sets
      .command('drop')
      .description('let go the snapshot of one; the rows stay where they were written')
      .argument('<name>'),
    'asof training-sets drop ranking_2024',
  ).action(action(drop));
}

async function list(options: GlobalOptions): Promise<undefined> {
  await withStore(options, async ({ trainingSets }) => {
    const found = await trainingSets.list();
    if (options.json) return printJson({ trainingSets: found });
    if (found.length === 0) {
      console.log('None is saved. `asof get-historical-features` saves one with --table, or with --out and --save-as.');
      return;
    }
    printTable(
      found.map(({ name, place, snapshot, features, rows, createdAt, expiresAt, forgottenAt }) => ({
        name,
        place,
        snapshot,
        rows: rows.toLocaleString('en'),
        features: Object.keys(features).length,
        created: createdAt.slice(0, 19).replace('T', ' '),
        expires: expiresAt?.slice(0, 10) ?? 'never',
        reproducible: forgottenAt === undefined ? 'yes' : `no longer (forgotten ${forgottenAt.slice(0, 10)})`,
      })),
    );
  });
}

async function drop(options: GlobalOptions, name: string): Promise<undefined> {
  await withStore(options, async ({ trainingSets }) => {
    const set = await trainingSets.drop(name);
    if (options.json) return printJson({ dropped: set });
    const stays = set.place.startsWith('table ') ? '' : ` ${set.place} stays.`;
    console.log(
      `Dropped ${name} (${plural(set.rows, 'row')}); snapshot ${set.snapshot} is kept for it no longer.${stays}`,
    );
  });
}
