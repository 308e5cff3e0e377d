import type { Command } from 'commander';
import { DefinitionError } from '../errors.js';
import type { MaterializeMode, MaterializeProgress, MaterializeResult } from '../index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { interruptSignal } from './interrupt.js';
import { atMostOne, listOption, timeOption } from './option-values.js';
import { printJson, printTable, seconds } from './output.js';
import { rate, runTasks } from './progress.js';

interface Given {
  readonly views?: string;
  readonly full?: boolean;
  readonly start?: string;
  readonly end?: string;
}

export function registerMaterialize(program: Command): void {
  describeCommand(
    program
      .command('materialize')
      .option('--views <names>', 'only these, comma-separated; default: all that feed the online store')
      .option('--full', 'compute every key anew instead of those that changed since the last run')
      .option('--start <time>', 'with --end: only keys with rows in this window (both inclusive)')
      .option('--end <time>', 'rows later than this stay history; default: now'),
    'asof materialize\nasof materialize --views driver_stats --start 2021-07-01 --end 2021-07-31T23:59:59Z',
  ).action(action(materialize));
}

async function materialize(options: GlobalOptions, given: Given): Promise<undefined> {
  const mode = modeOf(given);
  const end = timeOption('--end', given.end);
  const asked = given.views === undefined ? undefined : listOption('--views', given.views);
  const signal = interruptSignal();
  const results = await withStore(options, async (store) => {
    return runTasks(
      store.onlineViews(asked).map((view) => ({
        title: view,
        run: async (update) => {
          const startedAt = Date.now();
          const speed = rate(startedAt);
          const onProgress = (_: string, { rowsDone, rows }: MaterializeProgress) =>
            update(speed(rowsDone, rows, 'keys'));
          const [result] = await store.materialize({ views: [view], mode, end, signal, onProgress });
          return { ...(result as MaterializeResult), tookMs: Date.now() - startedAt };
        },
      })),
      options,
    );
  });
  if (options.json) {
    printJson({ views: results });
    return;
  }
  printTable(
    results.map(({ view, mode: done, reason, keys, written, deleted, left, tookMs }) => ({
      view,
      mode: done,
      keys: keys.toLocaleString('en'),
      written: written.toLocaleString('en'),
      deleted,
      left,
      took: seconds(tookMs),
      why: reason ?? '',
    })),
    [
      'view',
      'mode',
      'keys',
      'written',
      'deleted',
      'left',
      'took',
      ...(results.some(({ reason }) => reason) ? ['why'] : []),
    ],
  );
}

function modeOf({ full, start, end }: Given): MaterializeMode {
  atMostOne({ '--full': full, '--start': start });
  const [from, to] = [timeOption('--start', start), timeOption('--end', end)];
  if (from === undefined) return { type: full === true ? 'full' : 'incremental' };
  if (to === undefined) throw new DefinitionError('a window needs both --start and --end', { mend: 'add --end' });
  if (from <= to) return { type: 'window', start: from, end: to };
  throw new DefinitionError(`--start ${start} lies after --end ${end}`, { mend: 'swap them' });
}
