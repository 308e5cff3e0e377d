import type { Command } from 'commander';
import { DefinitionError, describeError } from '../errors.js';
import type { MaterializeMode, MaterializeProgress, MaterializeResult } from '../index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { interruptSignal } from './interrupt.js';
import { type GivenWindows, isWindowed, materializeWindows } from './materialize-windows.js';
import { atMostOne, listOption, timeOption } from './option-values.js';
import { printJson, printTable, seconds } from './output.js';
import { printableLines } from './printable.js';
import { rate, runTasks } from './progress.js';

interface Given extends GivenWindows {
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
      .option('--end <time>', 'rows later than this stay history; default: now')
      .option('--from <time>', 'with --to: window by window, as a backfill by the workers; `asof up` must be running')
      .option('--to <time>', 'end of the last window')
      .option('--every <time>', "length of a window; default '1 day'")
      .option('--only <which>', 'windows that are missing (not completed yet), failed, or all; default all')
      .option('--parallel <n>', 'windows at once')
      .option('--reverse', 'the newest windows first')
      .option('--dry-run', 'show the windows, start nothing')
      .option('--wait', 'show the progress of the windows and wait for their end'),
    [
      'asof materialize',
      'asof materialize --views driver_stats --start 2021-07-01 --end 2021-07-31T23:59:59Z',
      "asof materialize --from 2021-07-01 --to 2021-08-01 --every '1 day' --parallel 2 --wait",
    ].join('\n'),
  ).action(action(materialize));
}

async function materialize(options: GlobalOptions, given: Given): Promise<number | undefined> {
  if (isWindowed(given)) {
    const { start, end, full } = given;
    atMostOne({ '--from': 'given', '--start': start });
    atMostOne({ '--from': 'given', '--end': end });
    atMostOne({ '--from': 'given', '--full': full });
    return materializeWindows(options, given);
  }
  const mode = modeOf(given);
  const end = timeOption('--end', given.end);
  const asked = given.views === undefined ? undefined : listOption('--views', given.views);
  const signal = interruptSignal();
  const { tellMaterialize } = await import('../index.js');
  const warnings: string[] = [];
  const warn = (error: unknown): void => void warnings.push(describeError(error));
  const results = await withStore(options, async (store) => {
    return runTasks(
      store.onlineViews(asked).map((view) => ({
        title: view,
        run: async (update) => {
          const startedAt = Date.now();
          const speed = rate(startedAt);
          const onProgress = (_: string, { rowsDone, rows }: MaterializeProgress) =>
            update(speed(rowsDone, rows, 'keys'));
          let tookMs = 0;
          const bring = async (): Promise<MaterializeResult> => {
            const [result] = await store.materialize({ views: [view], mode, end, signal, onProgress });
            tookMs = Date.now() - startedAt;
            return result as MaterializeResult;
          };
          return { ...(await tellMaterialize(store, view, bring, { warn, signal })), tookMs };
        },
      })),
      options,
    );
  }).finally(() => {
    // Below what shows the progress.
    for (const warning of warnings) console.error(`asof: ${printableLines(warning)}`);
  });
  if (options.json) {
    printJson({ views: results });
    return undefined;
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
  return undefined;
}

function modeOf({ full, start, end }: Given): MaterializeMode {
  atMostOne({ '--full': full, '--start': start });
  const [from, to] = [timeOption('--start', start), timeOption('--end', end)];
  if (from === undefined) return { type: full === true ? 'full' : 'incremental' };
  if (to === undefined) throw new DefinitionError('a window needs both --start and --end', { mend: 'add --end' });
  if (from <= to) return { type: 'window', start: from, end: to };
  throw new DefinitionError(`--start ${start} lies after --end ${end}`, { mend: 'swap them' });
}
