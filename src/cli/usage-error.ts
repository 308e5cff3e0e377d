import type { Command, CommanderError } from 'commander';
import { DefinitionError } from '../errors.js';

/** A mistake on the command line, as an error with a mend. */
export function usageError({ code, message }: CommanderError, command: Command): DefinitionError {
  const called = path(command);
  if (code === 'commander.help') {
    return new DefinitionError(`${called} needs a command`, { mend: `use one of ${subcommands(command)}` });
  }
  const [first = '', ...more] = message.split('\n');
  const hint = /\(Did you mean (.+)\?\)/.exec(more.join(' '))?.[1];
  const help = `\`${called} --help\` shows ${code === 'commander.unknownCommand' ? 'the commands' : 'its arguments and options, with an example'}`;
  if (code === 'commander.unknownOption' && command.parent === null) {
    return new DefinitionError(first.replace(/^error: /, ''), {
      mend: 'options stand after the command, e.g. `asof plan --repo feature_repo`',
    });
  }
  return new DefinitionError(first.replace(/^error: /, ''), {
    mend: hint === undefined ? help : `did you mean ${hint}? ${help}`,
  });
}

/** `asof stream pause` */
const path = (command: Command): string =>
  command.parent === null ? command.name() : `${path(command.parent)} ${command.name()}`;

const subcommands = (command: Command): string => command.commands.map((sub) => sub.name()).join(', ');
