import type { Command } from 'commander';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { lineageMermaid } from './lineage-mermaid.js';
import { lineageTree } from './lineage-tree.js';
import { atMostOne, countOption, timeOption } from './option-values.js';
import { printJson } from './output.js';

interface Given {
  readonly last: string;
  readonly snapshot?: string;
  readonly at?: string;
  readonly mermaid?: boolean;
}

export function registerLineage(program: Command): void {
  describeCommand(
    program
      .command('lineage')
      .argument(
        '<name>',
        'a view, view:feature, service, training set, source, or a run (its id or the beginning of it)',
      )
      .option('--last <n>', 'how many publications of each view, the newest', '5')
      .option('--snapshot <n>', 'as the lake was at this snapshot: what it had come from by then')
      .option('--at <time>', 'the same at a time, e.g. 2024-01-01T00:00:00Z')
      .option('--mermaid', 'print a Mermaid flowchart, for Markdown'),
    `asof lineage driver_stats
asof lineage driver_stats:conv_rate
asof lineage driver_ranking --mermaid
asof lineage driver_stats --at 2024-01-01 --json`,
  ).action(action(lineage));
}

async function lineage(options: GlobalOptions, name: string, given: Given): Promise<undefined> {
  atMostOne({ '--snapshot': given.snapshot, '--at': given.at });
  atMostOne({ '--json': options.json, '--mermaid': given.mermaid });
  const last = countOption('--last', given.last);
  const asOfSnapshot = countOption('--snapshot', given.snapshot);
  const asOfTime = timeOption('--at', given.at);
  const { lineageOf } = await import('../index.js');
  const graph = await withStore(options, (store) => lineageOf(store, { name, last, asOfSnapshot, asOfTime }));
  if (options.json) printJson(graph);
  else if (given.mermaid === true) console.log(lineageMermaid(graph));
  else console.log(lineageTree(graph, process.stdout.columns ?? 80).join('\n'));
}
