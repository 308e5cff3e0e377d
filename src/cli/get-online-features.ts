import type { Command } from 'commander';
import { resolveRequest } from '../feature-request.js';
import type { FeatureStore, OnlineFeatures } from '../index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { type FeatureOptions, requestedFeatures, withFeatureOptions } from './feature-options.js';
import { parseKey } from './key-option.js';
import { formatCell, printJson, printTable } from './output.js';

interface Given extends FeatureOptions {
  readonly key: readonly string[];
}

export function registerGetOnlineFeatures(program: Command): void {
  const command = program
    .command('get-online-features')
    .requiredOption(
      '--key <name=value>',
      'join keys of one entity, comma-separated if several; again for each further entity',
      (key: string, keys: readonly string[] = []) => [...keys, key],
    );
  describeCommand(
    withFeatureOptions(command),
    `asof get-online-features --service driver_ranking --key driver_id=1001 --key driver_id=1002
asof get-online-features --features driver_stats:conv_rate --key driver_id=1001 --json`,
  ).action(action(getOnlineFeatures));
}

async function getOnlineFeatures(options: GlobalOptions, given: Given): Promise<undefined> {
  const found = await withStore(options, (store) => read(store, given));
  if (options.json) printJson(found);
  else printTable(tableRows(found));
}

async function read(store: FeatureStore, given: Given): Promise<OnlineFeatures> {
  const request = requestedFeatures(store, given);
  const naming = { fullFeatureNames: given.fullFeatureNames };
  const selections = resolveRequest(request, store.repo, await store.state(), naming);
  const joinKeys = Object.assign({}, ...selections.map(({ table }) => table.joinKeys));
  const keys = given.key.map((text) => parseKey(text, joinKeys));
  return store.getOnlineFeaturesDetailed(request, keys, naming);
}

/** Where there is no value, why; and the event time, once for all features where they have it in common. */
function tableRows({ rows, statuses, eventTimestamps }: OnlineFeatures): Record<string, unknown>[] {
  return rows.map((row, index) => {
    const status = statuses[index] ?? {};
    const shown = Object.entries(row).map(([name, value]) => [
      name,
      value === null && status[name] !== undefined && status[name] !== 'PRESENT' ? whyNot[status[name]] : value,
    ]);
    const times = new Set(Object.values(eventTimestamps[index] ?? {}).map((time) => formatCell(time)));
    return { ...Object.fromEntries(shown), event_timestamp: [...times].join(', ') };
  });
}

const whyNot = { NOT_FOUND: '(not found)', OUTSIDE_MAX_AGE: '(too old)', NULL_VALUE: '(null)', PRESENT: '' } as const;
