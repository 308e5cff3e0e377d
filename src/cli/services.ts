import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { DefinitionError, describeError } from '../errors.js';
import { resolveProject } from '../feature-repo/index.js';
import { type ServiceName, serviceNames, serviceVariables, startProjectServices } from '../toolchain/services/index.js';
import { action, describeCommand, type GlobalOptions } from './command.js';
import { exitCodes } from './exit-code.js';
import { Interrupted, interruptSignal } from './interrupt.js';
import { listOption } from './option-values.js';
import { printJson } from './output.js';
import { prepareServices } from './prepare-services.js';
import { runTask } from './progress.js';

export function registerServices(program: Command): void {
  const services = describeCommand(
    program
      .command('services')
      .description('run Redis, Kafka and Postgres of this machine for this project, until Ctrl-C')
      .option('--only <names>', `some of them: ${serviceNames.join(',')}`),
    'asof services\nsource .asof/services/env    # in another terminal',
  ).action(action(run));
  describeCommand(
    services
      .command('prepare')
      .description('make the databases, topics and sample rows the services of the environment lack'),
    'asof services prepare',
  ).action(action(prepare));
}

async function run(options: GlobalOptions, { only }: { readonly only?: string }): Promise<number> {
  const names = chosen(only);
  const signal = interruptSignal();
  const { stateDir } = resolveProject(options.repo);
  mkdirSync(stateDir, { recursive: true });
  const step = <T>(title: string, work: (update: (line: string) => void) => Promise<T>) =>
    runTask(title, options, work);
  const started = await startProjectServices({ stateDir, names, step, signal });
  let ended: Error | undefined;
  try {
    // As every command will see them: definitions choose their engines by them.
    for (const name of serviceVariables) delete process.env[name];
    Object.assign(process.env, started.environment);
    const prepared = await prepareServices(options).catch(unprepared);
    if (signal.aborted) throw new Interrupted();
    const { services, envFile, notes } = started;
    if (options.json) {
      const variables = Object.keys(started.environment);
      printJson({ services, envFile, variables, notes: [...notes, ...prepared], pid: process.pid });
    } else {
      for (const [name, { port, pid }] of Object.entries(services))
        console.log(`${name} on 127.0.0.1:${port}, process ${pid}`);
      for (const line of [...notes, ...prepared]) console.log(line);
      console.log(`\nIn another terminal, for every command of asof that is to use them:`);
      console.log(`  source ${path.relative('', envFile)}`);
      console.log('Ctrl-C stops them; their data stays.');
    }
    ended = await started.watch(signal);
  } finally {
    await started.stop();
  }
  if (ended !== undefined) throw ended;
  return exitCodes.ok;
}

/** Services run also for definitions that still have to be mended. */
function unprepared(error: unknown): string[] {
  if (!(error instanceof DefinitionError)) throw error;
  return [`Not prepared: ${describeError(error)}`, 'Then run `asof services prepare`.'];
}

/** The same for services that run elsewhere, as in docker-compose.yml. */
async function prepare(options: GlobalOptions): Promise<undefined> {
  const done = await prepareServices(options);
  if (options.json) printJson({ done });
  else for (const line of done) console.log(line);
}

function chosen(only: string | undefined): readonly ServiceName[] {
  if (only === undefined) return serviceNames;
  const asked = listOption('--only', only);
  const unknown = asked.find((name) => !(serviceNames as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new DefinitionError(`--only: there is no service "${unknown}"`, {
      mend: `choose from ${serviceNames.join(', ')}`,
    });
  }
  return serviceNames.filter((name) => asked.includes(name));
}
