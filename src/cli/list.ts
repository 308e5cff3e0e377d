import type { Command } from 'commander';
import type { RegistryEntry } from '../index.js';
import { objectKind, objectKinds } from '../registry/spec.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { printJson, printTable } from './output.js';

export function registerList(program: Command): void {
  describeCommand(
    program
      .command('list')
      .argument('[kind]', `one of ${objectKinds.join(', ')}; plurals will do. Without it: all kinds`),
    'asof list\nasof list feature-views --json',
  ).action(action(list));
}

async function list(options: GlobalOptions, kind: string | undefined): Promise<undefined> {
  const kinds = kind === undefined ? objectKinds : [objectKind(kind)];
  await withStore(options, async ({ registry }) => {
    const found: RegistryEntry[] = [];
    for (const one of kinds) found.push(...(await registry.list(one)));
    if (options.json) {
      printJson({ objects: found.map(summary) });
      return;
    }
    if (found.length === 0) {
      console.log(
        (await registry.state()).version === 0
          ? 'Nothing was applied yet: run `asof apply`.'
          : `No ${kind ?? 'object'} is applied.`,
      );
      return;
    }
    printTable(
      found.map((entry) => {
        const { kind: called, name, version, owner, tags, description } = summary(entry);
        return {
          kind: called,
          name,
          version,
          owner: owner ?? '',
          tags: tags.join(' '),
          description: description ?? '',
        };
      }),
    );
  });
}

function summary({ kind, name, version, appliedAt, spec }: RegistryEntry) {
  const { description, owner, tags = [] } = spec;
  return { kind, type: spec.kind, name, version, appliedAt, description, owner, tags };
}
