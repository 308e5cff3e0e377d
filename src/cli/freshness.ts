import type { Command } from 'commander';
import { describeStale, formatDuration, mendOfStale, type StoreFreshness, type ViewFreshness } from '../index.js';
import { clock, roughly } from './clock.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { exitCodes } from './exit-code.js';
import { listOption } from './option-values.js';
import { printColumns, printJson } from './output.js';
import { runTask } from './progress.js';

export function registerFreshness(program: Command): void {
  describeCommand(
    program.command('freshness').option('--views <names>', 'only these, comma-separated; default: all'),
    'asof freshness\nasof freshness --views driver_stats --json',
  )
    .addHelpText(
      'after',
      '\nExits with 3 when a view is older than it promises (freshness: … in its definition), else with 0.',
    )
    .action(action(freshness));
}

async function freshness(options: GlobalOptions, given: { readonly views?: string }): Promise<number> {
  const asked = given.views === undefined ? undefined : listOption('--views', given.views);
  const views = await withStore(options, async (store) => {
    await store.requireApplied();
    return runTask('freshness', options, () => store.freshness(asked));
  });
  const stale = views.filter(({ verdict }) => verdict === 'stale');
  if (options.json) printJson({ fresh: stale.length === 0, views });
  else print(views, stale);
  return stale.length === 0 ? exitCodes.ok : exitCodes.data;
}

function print(views: readonly ViewFreshness[], stale: readonly ViewFreshness[]): void {
  if (views.length === 0) {
    console.log('No view is defined.');
    return;
  }
  printColumns(
    views.map(({ view, promiseMs, lake, online }) => ({
      view,
      promised: promiseMs === null ? '·' : formatDuration(promiseMs),
      'in the lake': cell(lake),
      online: cell(online),
      'newest event': lake.newestEvent === null ? '·' : clock(lake.newestEvent),
      written: lake.lastWritten === null ? '·' : `${roughly(Date.now() - Date.parse(lake.lastWritten))} ago`,
    })),
  );
  for (const { view, online } of views)
    if (online.reason !== null && online.verdict === 'stale' && online.newestEvent === null)
      console.log(`${view}: ${online.reason}.`);
  for (const { view, lake } of views)
    if (lake.notDue > 0)
      console.log(`${view}: ${lake.notDue.toLocaleString('en')} rows are dated in the future; they don't count.`);
  for (const one of stale) console.error(`asof: view ${one.view}: ${describeStale(one)}\n  → ${mendOfStale(one)}`);
  const kept = views.filter(({ verdict }) => verdict === 'fresh').length;
  const promising = views.filter(({ promiseMs }) => promiseMs !== null).length;
  if (stale.length > 0) return;
  console.log(
    promising === 0
      ? "No view promises a freshness: write freshness: '2 hours' in its definition."
      : `${kept} of ${promising} promises are kept, none is broken.`,
  );
}

/** `2.5 hours, stale` */
function cell({ verdict, ageMs }: StoreFreshness): string {
  if (verdict === 'not judged') return 'kept offline';
  const age = ageMs === null ? 'nothing' : formatDuration(ageMs);
  return verdict === 'fresh' || verdict === 'stale' ? `${age}, ${verdict}` : age;
}
