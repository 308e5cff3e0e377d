import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Command } from 'commander';
import { AsofError, DefinitionError } from '../errors.js';
import { shownPath } from '../lake/index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { interruptSignal } from './interrupt.js';
import { splitJsonArray } from './json-array.js';
import { atMostOne } from './option-values.js';
import { plural, printJson } from './output.js';
import { runTask } from './progress.js';

interface Given {
  readonly file?: string;
  readonly rows?: string;
}

const endings = ['.parquet', '.csv', '.tsv', '.ndjson', '.jsonl'];

export function registerPush(program: Command): void {
  describeCommand(
    program
      .command('push')
      .argument('<view>', 'the feature view')
      .option('--file <path>', `rows in a file (${endings.join(', ')}), with the columns of the view's source`)
      .option('--rows <json>', 'rows as a JSON array of objects'),
    `asof push driver_stats --file data/driver_stats.parquet
asof push driver_stats --rows '[{"driver_id": 1001, "datetime": "2021-08-01T10:00:00Z", "conv_rate": 0.5, …}]'`,
  ).action(action(push));
}

async function push(options: GlobalOptions, view: string, given: Given): Promise<undefined> {
  const signal = interruptSignal();
  const rows = rowsOf(given);
  const id = randomUUID();
  const result = await withStore(options, (store) =>
    runTask(`push to ${view}`, options, () =>
      store.steps.push(view, rows, id, { signal }).catch((error: unknown) => {
        // People know the rows by the option they gave them with, not by our file.
        const file = path.join(store.lake.sharedDirectory, 'staging', `push-${id}`, view, 'rows.ndjson');
        throw renamed(error, [file, shownPath(store.repo.projectRoot, file)], '--rows');
      }),
    ),
  );
  if (options.json) {
    printJson({ view, ...result });
    return;
  }
  const { published, alreadyThere, duplicates, online } = result;
  const known = [
    ...(alreadyThere > 0 ? [`${alreadyThere.toLocaleString('en')} were there already`] : []),
    ...(duplicates > 0 ? [`${plural(duplicates, 'duplicate')} left out`] : []),
  ];
  console.log(`${plural(published, 'row')} written to the offline store${known.map((text) => `, ${text}`).join('')}.`);
  console.log(`${plural(online.written, 'key')} written to the online store.`);
}

/** The file, or the rows of the command line. */
function rowsOf({ file, rows }: Given): string | string[] {
  atMostOne({ '--file': file, '--rows': rows });
  if (file !== undefined) {
    if (endings.includes(path.extname(file).toLowerCase())) return path.resolve(file);
    throw new DefinitionError(`can't tell the format of "${file}"`, {
      where: '--file',
      mend: `give a file ending in ${endings.join(', ')}`,
    });
  }
  if (rows === undefined) throw new DefinitionError('no rows are given', { mend: 'give --file or --rows' });
  return splitJsonArray('--rows', rows);
}

function renamed(error: unknown, from: readonly string[], to: string): unknown {
  if (!(error instanceof AsofError)) return error;
  const rename = (text: string | undefined): string | undefined =>
    from.reduce((told, name) => told?.replaceAll(name, to), text);
  return Object.assign(error, {
    message: rename(error.message),
    where: rename(error.where),
    mend: rename(error.mend),
  });
}
