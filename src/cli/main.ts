import { Command } from 'commander';
import { registerApply } from './apply.js';
import { registerDemo } from './demo.js';
import { registerRun } from './run.js';
import { registerRuns } from './runs.js';
import { registerStream } from './stream.js';
import { registerUp } from './up.js';

const program = new Command('asof')
  .description(
    'A feature store with durable data pipelines: features as of a past moment for training, as of now for serving.',
  )
  .showHelpAfterError('(asof --help lists the commands)')
  .configureHelp({ sortSubcommands: false });

for (const register of [registerStream, registerRuns, registerRun, registerUp, registerDemo, registerApply])
  register(program);

await program.parseAsync();
