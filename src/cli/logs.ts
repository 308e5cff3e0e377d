import type { Command } from 'commander';
import { DefinitionError, type FeatureStore, type LogFilter, type LogLevel, type RunLogLine } from '../index.js';
import { fits, logLevels } from '../run-logs/index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { exitCodes } from './exit-code.js';
import { interruptSignal } from './interrupt.js';
import { countOption } from './option-values.js';
import { printJson } from './output.js';
import { LogPrinter, printLog } from './print-log.js';
import { endOf } from './run-end.js';

interface Given {
  readonly step?: string;
  readonly level?: string;
  readonly last?: string;
  readonly follow?: boolean;
}

export function registerLogs(program: Command): void {
  describeCommand(
    program
      .command('logs')
      .argument('<run>', 'run id, the beginning of one, workflow id, or pipeline: its newest run')
      .option('--step <step>', 'only of a step, a view, or both: clean, driver_stats, "clean driver_stats"')
      .option('--level <level>', `only lines at least so grave: ${logLevels.join(', ')}`)
      .option('--last <n>', 'only the last so many')
      .option('--follow', 'go on with new lines until the run ends; with --json one object for each line'),
    'asof logs 0198a6f2-1af5\nasof logs 0198a6f2-1af5 --step "clean driver_stats" --level warn --follow',
  ).action(action(logs));
}

async function logs(options: GlobalOptions, id: string, given: Given): Promise<number> {
  const filter = { step: given.step?.trim(), level: levelOption(given.level) };
  const limit = countOption('--last', given.last);
  return withStore(options, async (store) => {
    const runId = await runOf(store, id);
    if (given.follow === true) return follow(store, runId, filter, limit, options);
    const lines = store.logs.read(runId, { ...filter, limit });
    const note = lines.length === 0 ? await whyNone(store, runId) : undefined;
    if (options.json) printJson({ runId, lines, note });
    else printLog(lines);
    if (!options.json && note !== undefined) console.log(note);
    return exitCodes.ok;
  });
}

/** A run that was refused has no record, but may have said why in its log. */
async function runOf(store: FeatureStore, id: string): Promise<string> {
  try {
    return (await store.runs.show(id)).runId;
  } catch (error) {
    if (/^[A-Za-z0-9_-]+$/.test(id) && store.logs.has(id)) return id;
    throw error;
  }
}

const lookEveryMs = 400;
/** Whether a run has ended is asked less often: it costs a look into the lake, and one at Temporal. */
const looksPerEnd = 5;

async function follow(
  store: FeatureStore,
  runId: string,
  filter: LogFilter,
  limit: number | undefined,
  { json }: GlobalOptions,
): Promise<number> {
  const signal = interruptSignal();
  const reader = store.logs.follow(runId);
  const printer = new LogPrinter();
  const print = (lines: readonly RunLogLine[]): void => {
    for (const line of lines) console.log(json ? JSON.stringify(line) : printer.text(line));
  };
  const before = reader.next().filter(fits(filter));
  print(limit === undefined ? before : before.slice(Math.max(0, before.length - limit)));
  for (let look = 0; !signal.aborted; look += 1) {
    // The lines a run ends with are read after it is known to have ended.
    const hasEnded = look % looksPerEnd === 0 && (await endOf(store, runId)) !== undefined;
    print(reader.next().filter(fits(filter)));
    if (hasEnded) return exitCodes.ok;
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
  return exitCodes.interrupted;
}

async function whyNone(store: FeatureStore, runId: string): Promise<string> {
  if (store.logs.has(runId)) return 'no line of the log fits; leave --step and --level out to see all of it';
  if ((await endOf(store, runId)) === undefined)
    return 'the run has logged nothing yet: no worker has begun a step of it';
  return 'the run has no log: it has expired, or the run is from before there were logs';
}

function levelOption(level: string | undefined): LogLevel | undefined {
  const known = logLevels.find((name) => name === level);
  if (known !== undefined || level === undefined) return known;
  throw new DefinitionError(`--level "${level}" is unknown`, { mend: `use ${logLevels.join(', ')}` });
}
