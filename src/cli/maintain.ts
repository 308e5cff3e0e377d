import type { Command } from 'commander';
import type { UpkeepReport } from '../index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { interruptSignal } from './interrupt.js';
import { plural, printJson, printTable, seconds } from './output.js';
import { runTask } from './progress.js';

interface Given {
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

export function registerMaintain(program: Command): void {
  describeCommand(
    program
      .command('maintain')
      .option('--dry-run', 'only say what would be done')
      .option('--force', 'also when it is not due'),
    'asof maintain --dry-run\nasof maintain --force',
  ).action(action(maintain));
}

async function maintain(options: GlobalOptions, { dryRun = false, force = false }: Given): Promise<undefined> {
  const signal = interruptSignal();
  await withStore(options, async (store) => {
    const look = await store.upkeep.look();
    if (look.due === undefined && !force && !dryRun) {
      if (options.json) return printJson({ maintained: false, ...look });
      const { snapshots, files, smallFiles } = look.counts;
      console.log(
        `Nothing is due: ${plural(look.newSnapshots, 'new snapshot')} of ${snapshots}, ${plural(smallFiles, 'small file')} of ${files}. --force does it all the same.`,
      );
      return;
    }
    const report = await runTask(dryRun ? 'look at the lake' : 'maintain the lake', options, (update) =>
      store.upkeep.maintain({
        dryRun,
        signal,
        onProgress: ({ step, number, of }) => update(`${step} (${number} of ${of})`),
      }),
    );
    if (options.json) printJson({ maintained: !dryRun, due: look.due, ...report });
    else print(report, dryRun);
  });
}

function print(report: UpkeepReport, dryRun: boolean): void {
  const { before, after, kept, notes, tookMs } = report;
  if (!dryRun) {
    const names = { snapshots: 'snapshots', files: 'files', smallFiles: 'small files', bytes: 'bytes' } as const;
    const more = { inlinedRows: 'rows in the catalog', replacedFiles: 'replaced files on disk' } as const;
    printTable(
      Object.entries({ ...names, ...more }).map(([field, what]) => ({
        what,
        before: before[field as keyof typeof before].toLocaleString('en'),
        after: after[field as keyof typeof after].toLocaleString('en'),
      })),
    );
  }
  const done = [
    [report.expiredSnapshots, 'snapshot', 'expired'],
    [report.flushedRows, 'row', 'moved from the catalog to files'],
    [report.rewrittenFiles, 'file', 'with deleted rows written anew'],
    [report.mergedFiles, 'file', 'merged'],
    [report.removedFiles, 'replaced file', 'removed'],
    [report.removedOrphans, 'orphaned file', 'removed'],
    [report.removedRunFiles, 'staging folder, log or report', 'of old runs removed'],
    [report.removedRecords, 'old record', 'removed'],
  ] as const;
  const lines = done.filter(([count]) => count > 0).map(([count, noun, what]) => `${plural(count, noun)} ${what}`);
  if (lines.length === 0) console.log(dryRun ? 'There is nothing to do.' : 'There was nothing to do.');
  for (const line of lines) console.log(dryRun ? `would be done: ${line}` : line);
  const reasons = Object.entries(kept).map(([reason, count]) => `${count} ${reason}`);
  if (reasons.length > 0) console.log(`snapshots kept: ${reasons.join(', ')}`);
  for (const note of notes) console.log(`left undone: ${note}`);
  if (!dryRun) console.log(`took ${seconds(tookMs)}`);
}
