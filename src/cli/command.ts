import type { Command } from 'commander';
import type { FeatureStore } from '../index.js';
import { exitCodeOf, exitCodes } from './exit-code.js';
import { printError } from './output.js';
import { ensureExtensions } from './tools.js';

/** Options every command takes. */
export interface GlobalOptions {
  readonly repo: string;
  readonly json: boolean;
}

/** The global options of a command, wherever they stand on the command line. */
export const globals = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>();

/** Adds --repo and --json, and an example below the help. */
export function describeCommand(command: Command, example: string): Command {
  return command
    .option('--repo <dir>', 'the folder with your definitions', 'feature_repo')
    .option('--json', 'print one JSON object, for machines', false)
    .addHelpText('after', exampleText(example));
}

/** What `--help` of a command ends with. @param example one command a line. */
export const exampleText = (example: string): string => `\nExample:\n  $ ${example.split('\n').join('\n  $ ')}`;

/** Runs a command's work; errors are printed for people and become the exit code. */
export function action<A extends unknown[]>(
  work: (options: GlobalOptions, ...args: A) => Promise<number | undefined>,
): (...args: [...A, Command]) => Promise<void> {
  return async (...all) => {
    const command = all.at(-1) as Command;
    const options = globals(command);
    try {
      process.exitCode = (await work(options, ...(all.slice(0, -1) as A))) ?? exitCodes.ok;
    } catch (error) {
      printError(error, options.json);
      process.exitCode = exitCodeOf(error);
    }
  };
}

/** Opens the store of --repo for the time of `work`; what the lake needs is fetched first where it is missing. */
export async function withStore<T>(options: GlobalOptions, work: (store: FeatureStore) => Promise<T>): Promise<T> {
  await ensureExtensions(options);
  // Loaded here: help and mistakes on the command line need no database.
  const { openFeatureStore } = await import('../index.js');
  const store = await openFeatureStore(options.repo);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
