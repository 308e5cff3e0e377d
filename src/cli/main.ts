import { Command } from 'commander';
import { registerApply } from './apply.js';

const program = new Command('asof')
  .description(
    'A feature store with durable data pipelines: features as of a past moment for training, as of now for serving.',
  )
  .showHelpAfterError('(asof --help lists the commands)')
  .configureHelp({ sortSubcommands: false });

for (const register of [registerApply]) register(program);

await program.parseAsync();
