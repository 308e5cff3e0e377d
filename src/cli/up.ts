import type { Command } from 'commander';
import { configuredTemporal } from '../temporal/index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { exitCodes } from './exit-code.js';
import { interruptSignal } from './interrupt.js';
import { printJson } from './output.js';
import { runTask } from './progress.js';
import { serveUntil } from './project-worker.js';
import { differenceLines, schedulesThatDiffer } from './schedule-differences.js';
import { startStack } from './stack.js';
import { ensureExtensions, ensureTemporal } from './tools.js';

export function registerUp(program: Command): void {
  describeCommand(
    program.command('up').description('run Temporal (if none is given) and a worker for the pipelines, until Ctrl-C'),
    'asof up',
  ).action(action(up));
}

async function up(options: GlobalOptions): Promise<number> {
  const signal = interruptSignal();
  await ensureExtensions(options);
  return withStore(options, async (store) => {
    if (configuredTemporal() === undefined) await ensureTemporal(options);
    await store.requireApplied();
    const stack = await runTask('Temporal and worker', options, (update) => startStack(store, update));
    const { address, uiUrl } = stack.service;
    const differing = schedulesThatDiffer(store, stack.client);
    if (options.json) {
      const { ownsServer } = stack;
      printJson({ address, uiUrl, ownsServer, pid: process.pid, schedulesThatDiffer: await differing });
    } else {
      console.log(
        `Temporal ${stack.ownsServer ? 'started' : 'joined'} at ${address}${uiUrl === undefined ? '' : `, Web UI ${uiUrl}`}`,
      );
      console.log(`A worker serves project "${store.project}". Start pipelines with \`asof run\`; Ctrl-C stops.`);
      for (const line of differenceLines(await differing)) console.log(line);
    }
    await serveUntil(signal, stack, (line) => {
      if (!options.json) console.log(line);
    });
    return exitCodes.ok;
  });
}
