import path from 'node:path';
import type { Command } from 'commander';
import type { HistoricalOptions, HistoricalOutput, HistoricalResult } from '../index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { type FeatureOptions, requestedFeatures, withFeatureOptions } from './feature-options.js';
import { interruptSignal } from './interrupt.js';
import { atMostOne, countOption, timeOption } from './option-values.js';
import { plural, printJson, printTable } from './output.js';
import { runTask } from './progress.js';

interface Given extends FeatureOptions {
  readonly entities: string;
  readonly out?: string;
  readonly table?: string;
  readonly createdCutoff?: boolean;
  readonly asOfSnapshot?: string;
  readonly asOfTime?: string;
  readonly saveAs?: string;
  readonly entityTimestamp?: string;
}

/** More rows than people read; all are in the answer to --json and in files. */
const rowsShown = 50;
/** Rows that go elsewhere are in the answer to --json as well, unless there are more than this. */
const rowsBesideFileMax = 10_000;

export function registerGetHistoricalFeatures(program: Command): void {
  const command = program
    .command('get-historical-features')
    .requiredOption('--entities <path|SQL>', 'entity rows: a CSV, Parquet or NDJSON file, or one SELECT over the lake');
  describeCommand(
    withFeatureOptions(command)
      .option(
        '--out <file>',
        'write the rows to this .parquet or .csv file instead; --json prints up to 10,000 as well',
      )
      .option('--table <name>', 'write the rows to a new table of the lake instead; --json as with --out')
      .option('--created-cutoff', "only rows made by the entity row's time count")
      .option('--as-of-snapshot <n>', 'read the lake as it was at this snapshot')
      .option('--as-of-time <time>', 'read the lake as it was at this time, e.g. 2024-01-01T00:00:00Z')
      .option('--save-as <name>', 'with --out: note the answer in `asof training-sets`, so that it can be made again')
      .option('--entity-timestamp <column>', 'the column with the time; default event_timestamp, else the only one'),
    `asof get-historical-features --entities data/driver_orders.csv --features driver_stats:conv_rate,driver_stats:acc_rate
asof get-historical-features --entities data/driver_orders.csv --service driver_ranking --out training.parquet`,
  ).action(action(getHistoricalFeatures));
}

async function getHistoricalFeatures(options: GlobalOptions, given: Given): Promise<undefined> {
  const output = outputOf(given);
  const asOfSnapshot = countOption('--as-of-snapshot', given.asOfSnapshot);
  const asOfTime = timeOption('--as-of-time', given.asOfTime);
  const { createdCutoff, entityTimestamp, fullFeatureNames, saveAs } = given;
  const signal = interruptSignal();
  const result = await withStore(options, async (store) => {
    const features = requestedFeatures(store, given);
    const settings: HistoricalOptions = {
      fullFeatureNames,
      signal,
      ...(createdCutoff === undefined ? {} : { createdCutoff }),
      ...(asOfSnapshot === undefined ? {} : { asOfSnapshot }),
      ...(entityTimestamp === undefined ? {} : { entityTimestamp }),
    };
    const moment = asOfTime === undefined ? {} : { asOfTime };
    const written = await runTask('features as of each entity row', options, (update) =>
      store.writeHistoricalFeatures(features, given.entities, output, {
        ...settings,
        ...moment,
        ...(saveAs === undefined ? {} : { saveAs }),
        onProgress: ({ step, rows }) => update(rows === undefined ? step : `${step}: ${plural(rows, 'row')}`),
      }),
    );
    if (!options.json || written.rows !== undefined || written.rowCount > rowsBesideFileMax) return written;
    // The same question at the same snapshot has the same answer.
    const again = { ...settings, asOfSnapshot: written.snapshot };
    return { ...written, rows: await store.getHistoricalFeatures(features, given.entities, again) };
  });
  if (options.json) printJson(result);
  else print(result);
}

function outputOf({ out, table }: Given): HistoricalOutput {
  atMostOne({ '--out': out, '--table': table });
  if (out !== undefined) return { type: 'file', path: path.resolve(out) };
  return table === undefined ? { type: 'rows' } : { type: 'table', table };
}

function print({ rows, rowCount, file, table, snapshot }: HistoricalResult): void {
  if (rows === undefined) {
    const place = file === undefined ? `table ${table}` : path.relative('', file);
    console.log(`${plural(rowCount, 'row')} written to ${place}, as of snapshot ${snapshot}.`);
    return;
  }
  printTable(rows.slice(0, rowsShown));
  const more = rowCount > rowsShown ? ` (${rowsShown} shown; --out <file> keeps all)` : '';
  console.log(`${plural(rowCount, 'row')}, as of snapshot ${snapshot}${more}.`);
}
