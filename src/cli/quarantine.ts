import type { Command } from 'commander';
import { didYouMean } from '../did-you-mean.js';
import {
  DefinitionError,
  type FeatureStore,
  type HeldRows,
  type QuarantineSelection,
  type QuarantineState,
} from '../index.js';
import { action, describeCommand, exampleText, type GlobalOptions, withStore } from './command.js';
import { confirmed, requireAnswer } from './confirm.js';
import { exitCodes } from './exit-code.js';
import { countOption, timeOption } from './option-values.js';
import { plural, printJson } from './output.js';
import { printList, printNotHeld, printReleased, printRow } from './print-quarantine.js';
import { runTask } from './progress.js';

interface Filters {
  readonly view?: string;
  readonly run?: string;
  readonly rule?: string;
  readonly since?: string;
}

interface Given extends Filters {
  readonly all?: boolean;
  readonly reason?: string;
  readonly recheck?: boolean;
  readonly yes: boolean;
}

const filtered = (command: Command): Command =>
  command
    .option('--view <name>', 'only of this view')
    .option('--run <id>', 'only those this run set aside; the beginning of an id is enough')
    .option('--rule <text>', 'only those that broke this rule; its beginning is enough, e.g. "between(a"')
    .option('--since <time>', 'only those set aside at this time (ISO) or later');

const selected = (command: Command): Command =>
  filtered(command)
    .argument('[ids...]', 'ids, or beginnings of some')
    .option('--all', 'all that is held')
    .option('--reason <text>', 'why; kept with each row')
    .option('--yes', 'do not ask', false);

export function registerQuarantine(program: Command): void {
  const quarantine = program.command('quarantine').addHelpText('after', exampleText('asof quarantine list'));
  describeCommand(
    filtered(quarantine.command('list').description('how many there are of each kind, and the newest'))
      .option('--state <state>', 'held, released, dropped or all', 'held')
      .option('--limit <n>', 'at most so many rows; the counts are of all', '20'),
    'asof quarantine list\nasof quarantine list --view driver_stats --rule notNull --json',
  ).action(action(list));
  describeCommand(
    quarantine.command('show').description('whole rows: rules, values, source, run').argument('<ids...>'),
    'asof quarantine show 3f2a9c01',
  ).action(action(show));
  describeCommand(
    selected(quarantine.command('release').description('put rows into the history as they are')).option(
      '--recheck',
      'only those that keep the rules of the view as they are now, each by itself: tolerances are of runs',
    ),
    'asof quarantine release 3f2a9c01 --reason "a real value" --yes\nasof quarantine release --view driver_stats --recheck --yes',
  )
    .addHelpText('after', '\nExits with 3 when rows stay held, else with 0. `asof materialize` brings the rows online.')
    .action(action(release));
  describeCommand(
    selected(quarantine.command('drop').description('let rows go for good')),
    'asof quarantine drop 3f2a9c01 --yes\nasof quarantine drop --run 0198a6f2-1af5 --reason "a test file" --yes',
  ).action(action(drop));
}

async function list(
  options: GlobalOptions,
  { state: asked, limit, ...filters }: Filters & { readonly state: string; readonly limit: string },
): Promise<undefined> {
  const state = stateOf(asked);
  const selection = selectionOf(filters);
  const isFiltered = Object.values(selection).some((filter) => filter !== undefined);
  const request = { ...selection, state, limit: countOption('--limit', limit) };
  await withStore(options, async ({ quarantine }) => {
    const found = await quarantine.list(request);
    if (options.json) printJson(found);
    else printList(found, state, isFiltered);
  });
}

async function show(options: GlobalOptions, ids: string[]): Promise<undefined> {
  await withStore(options, async ({ quarantine }) => {
    const rows = await quarantine.show(ids);
    if (options.json) printJson({ rows });
    else for (const row of rows) printRow(row);
  });
}

async function release(options: GlobalOptions, ids: string[], given: Given): Promise<number> {
  const { reason, recheck, yes } = given;
  const selection = chosen(ids, given);
  requireAnswer('a release puts rows into the history', { yes, json: options.json });
  return withStore(options, async (store) => {
    if (!(await agreed(store, selection, given, 'put', 'into the history'))) return exitCodes.ok;
    const done = await runTask('release', options, () => store.quarantine.release(selection, { reason, recheck }));
    if (options.json) printJson(done);
    else printReleased(done);
    const isDone = done.stillHeld.length === 0 && done.notHeld.every(({ state }) => state === 'released');
    return isDone ? exitCodes.ok : exitCodes.data;
  });
}

async function drop(options: GlobalOptions, ids: string[], given: Given): Promise<number> {
  const { reason, yes } = given;
  const selection = chosen(ids, given);
  requireAnswer('a drop removes rows', { yes, json: options.json });
  return withStore(options, async (store) => {
    if (!(await agreed(store, selection, given, 'remove', 'for good'))) return exitCodes.ok;
    const done = await runTask('drop', options, () => store.quarantine.drop(selection, { reason }));
    if (options.json) printJson(done);
    else {
      console.log(`${plural(done.dropped, 'row')} dropped.`);
      printNotHeld(done.notHeld);
    }
    return done.notHeld.every(({ state }) => state === 'dropped') ? exitCodes.ok : exitCodes.data;
  });
}

/** Says what the command is about and asks, unless --yes. */
async function agreed(
  { quarantine }: FeatureStore,
  selection: QuarantineSelection,
  { yes }: Given,
  verb: string,
  where: string,
): Promise<boolean> {
  if (yes) return true;
  const { held, views }: HeldRows = await quarantine.held(selection);
  const of = views.map(({ view, rows }) => `${view}: ${rows.toLocaleString('en')}`).join(', ');
  console.error(`This would ${verb} ${plural(held, 'row')} ${where}${held === 0 ? '' : ` (${of})`}.`);
  if (await confirmed('Type yes to do it: ')) return true;
  console.log('Nothing was done.');
  return false;
}

/** @throws DefinitionError when nothing says which rows are meant, or two things do. */
function chosen(ids: readonly string[], { all = false, ...given }: Given): QuarantineSelection {
  const filters = selectionOf(given);
  const names = Object.entries(filters).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`]));
  if (ids.length > 0 && (all || names.length > 0)) {
    throw new DefinitionError(`ids and ${all ? '--all' : names.join(', ')} can't be used together`, {
      mend: 'give ids, or what the rows have in common',
    });
  }
  if (all && names.length > 0) {
    throw new DefinitionError(`--all and ${names.join(', ')} can't be used together`, { mend: 'leave --all out' });
  }
  if (ids.length === 0 && !all && names.length === 0) {
    throw new DefinitionError('nothing says which rows are meant', {
      mend: 'give ids, --view, --run, --rule, --since, or --all; `asof quarantine list` shows what is held',
    });
  }
  return ids.length > 0 ? { ids } : filters;
}

const selectionOf = ({ view, run, rule, since }: Filters): QuarantineSelection => ({
  view,
  run,
  rule,
  since: timeOption('--since', since),
});

function stateOf(text: string): QuarantineState | undefined {
  const states = ['held', 'released', 'dropped'] as const;
  const state = states.find((known) => known === text);
  if (text === 'all' || state !== undefined) return state;
  const known = [...states, 'all'];
  throw new DefinitionError(`--state ${JSON.stringify(text)} is none`, {
    mend: `${didYouMean(text, known)}there are ${known.join(', ')}`,
  });
}
