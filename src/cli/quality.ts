import type { Command } from 'commander';
import { DefinitionError, type FeatureStore, type QualityHistory, qualityHistory } from '../index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { countOption, timeOption } from './option-values.js';
import { isColoured, plural, printJson } from './output.js';
import { drawQuality, runText } from './quality-grid.js';

interface Given {
  readonly from?: string;
  readonly to?: string;
  readonly last?: string;
}

/** Runs that fit beside the expectations, and at most. */
const runsShown = 20;
const runsMost = 1_000;

export function registerQuality(program: Command): void {
  describeCommand(
    program
      .command('quality')
      .description("what became of a view's expectations, run by run: since when a rule fails")
      .argument('<view>', 'its name in the feature repository')
      .option('--from <time>', 'runs whose interval reaches beyond this time (ISO)')
      .option('--to <time>', 'runs whose interval begins before this time (ISO)')
      .option('--last <n>', `the newest so many runs; default: ${runsShown}`),
    'asof quality driver_stats\nasof quality driver_stats --from 2024-01-01 --to 2024-02-01 --last 31 --json',
  )
    .addHelpText('after', '\nExample rows of a run: asof runs show <run>. Results are kept as long as the run is.')
    .action(action(quality));
}

async function quality(options: GlobalOptions, view: string, given: Given): Promise<undefined> {
  const from = timeOption('--from', given.from);
  const to = timeOption('--to', given.to);
  if (from !== undefined && to !== undefined && from >= to) {
    throw new DefinitionError(`--from ${given.from} is not before --to ${given.to}`, { mend: 'swap them' });
  }
  const last = countOption('--last', given.last) ?? runsShown;
  if (last < 1 || last > runsMost) {
    throw new DefinitionError(`--last ${last} is no number of runs`, { mend: `use 1 to ${runsMost}` });
  }
  await withStore(options, async (store) => {
    checkView(store, view);
    const history = await qualityHistory(store, view, { from, to, last });
    if (options.json) printJson(history);
    else print(store, history);
  });
}

function checkView({ repo }: FeatureStore, view: string): void {
  if (repo.views.has(view)) return;
  throw new DefinitionError(`there is no view "${view}"`, {
    mend: `use one of ${[...repo.views.keys()].join(', ') || 'the views, once there are any'}`,
  });
}

function print({ repo }: FeatureStore, history: QualityHistory): void {
  const { view, runs, hasOlder } = history;
  const [first, last] = [runs[0], runs.at(-1)];
  if (first === undefined || last === undefined) {
    const expects = (repo.views.get(view)?.expect.length ?? 0) > 0;
    console.log(
      expects
        ? `No run of ${view} was judged in that time, or its records are gone.`
        : `${view} expects nothing of its rows: add rules with expect: […] in its definition.`,
    );
    return;
  }
  const span = first === last ? runText(first) : `${runText(first)} to ${runText(last)}`;
  console.log(`${view}: ${plural(runs.length, 'run')}, the newest on the right; ${span} (UTC)`);
  for (const line of drawQuality(history, { coloured: isColoured() })) console.log(line);
  if (hasOlder) console.log('Older runs: --last, --to');
}
