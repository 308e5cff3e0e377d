import { Command, CommanderError } from 'commander';
import { asofVersion } from '../version.js';
import { exitCodes } from './exit-code.js';
import { printError } from './output.js';
import { usageError } from './usage-error.js';

interface Entry {
  readonly name: string;
  readonly about: string;
  /** Loads the command's file, which only happens when that command is meant: help and mistakes need no engine. */
  readonly load: () => Promise<(program: Command) => void>;
}

/** In the order of the help: the story first, then what each command is about. */
const entries: readonly Entry[] = [
  {
    name: 'demo',
    about: 'everything asof is for, once, on the sample data',
    load: async () => (await import('./demo.js')).registerDemo,
  },
  {
    name: 'up',
    about: 'run Temporal (if none is given) and a worker for the pipelines, until Ctrl-C',
    load: async () => (await import('./up.js')).registerUp,
  },
  {
    name: 'worker',
    about: 'serve the pipelines on a Temporal that runs already, until Ctrl-C; start as many as you like',
    load: async () => (await import('./worker.js')).registerWorker,
  },
  {
    name: 'deploy',
    about: 'make Temporal run the pipelines as defined: search attributes, schedules, what runs once',
    load: async () => (await import('./deploy.js')).registerDeploy,
  },
  {
    name: 'codec-server',
    about: 'let the Web UI and the CLI of Temporal show encrypted payloads to those who may see them',
    load: async () => (await import('./codec-server.js')).registerCodecServer,
  },
  {
    name: 'services',
    about: 'run Redis, Kafka and Postgres of this machine for this project, until Ctrl-C',
    load: async () => (await import('./services.js')).registerServices,
  },
  {
    name: 'doctor',
    about: 'what asof needs on this machine: what was found where, and how to mend what is missing',
    load: async () => (await import('./doctor.js')).registerDoctor,
  },
  {
    name: 'plan',
    about: 'show what `apply` would change, and what would break',
    load: async () => (await import('./plan.js')).registerPlan,
  },
  {
    name: 'apply',
    about: 'make the registry and the tables what the definitions say',
    load: async () => (await import('./apply.js')).registerApply,
  },
  {
    name: 'list',
    about: 'list what is applied: entities, sources, feature views, feature services, pipelines',
    load: async () => (await import('./list.js')).registerList,
  },
  {
    name: 'describe',
    about: 'one applied object: its fields, its table, its versions',
    load: async () => (await import('./describe.js')).registerDescribe,
  },
  {
    name: 'lineage',
    about: 'where a view, feature, service, training set or run comes from, and where it goes',
    load: async () => (await import('./lineage.js')).registerLineage,
  },
  {
    name: 'pipelines',
    about: 'all pipelines: when they run next, how the last run went, how fresh their data is',
    load: async () => (await import('./pipelines.js')).registerPipelines,
  },
  {
    name: 'run',
    about: 'start a pipeline by hand; `asof up` must be running',
    load: async () => (await import('./run.js')).registerRun,
  },
  {
    name: 'backfill',
    about: 'run a pipeline for intervals of the past, several at once',
    load: async () => (await import('./backfill.js')).registerBackfill,
  },
  {
    name: 'cancel',
    about: 'end a run before it is done',
    load: async () => (await import('./cancel.js')).registerCancel,
  },
  {
    name: 'pause',
    about: 'keep the schedule of a pipeline from starting runs',
    load: async () => (await import('./pause.js')).registerPause,
  },
  {
    name: 'unpause',
    about: 'let the schedule of a pipeline start runs again',
    load: async () => (await import('./pause.js')).registerUnpause,
  },
  {
    name: 'runs',
    about: 'list runs of pipelines, the newest first',
    load: async () => (await import('./runs.js')).registerRuns,
  },
  {
    name: 'report',
    about: 'what was found in the data of a run: its page, and what it says in short',
    load: async () => (await import('./report.js')).registerReport,
  },
  {
    name: 'intervals',
    about: 'which intervals of a pipeline are done, and which are not',
    load: async () => (await import('./intervals.js')).registerIntervals,
  },
  {
    name: 'notify',
    about: 'try the notifications of a pipeline: who is told of its runs, and whether it arrives',
    load: async () => (await import('./notify.js')).registerNotify,
  },
  {
    name: 'retry',
    about: 'do a failed run again, from the step that failed',
    load: async () => (await import('./retry.js')).registerRetry,
  },
  {
    name: 'logs',
    about: 'what the steps of a run said while they were at work',
    load: async () => (await import('./logs.js')).registerLogs,
  },
  {
    name: 'quarantine',
    about: 'rows that quarantine rules set aside: look at them, put them into the history after all, or let them go',
    load: async () => (await import('./quarantine.js')).registerQuarantine,
  },
  {
    name: 'stream',
    about: 'send events to a stream, watch and steer its pipeline',
    load: async () => (await import('./stream.js')).registerStream,
  },
  {
    name: 'push',
    about: 'put rows into both stores now',
    load: async () => (await import('./push.js')).registerPush,
  },
  {
    name: 'pii',
    about: 'personal data: the hash of a value, and the key that hashes are made with',
    load: async () => (await import('./pii.js')).registerPii,
  },
  {
    name: 'materialize',
    about: 'bring the newest row of every entity into the online store',
    load: async () => (await import('./materialize.js')).registerMaterialize,
  },
  {
    name: 'verify',
    about: 'check that what is online is what the lake says, key by key',
    load: async () => (await import('./verify.js')).registerVerify,
  },
  {
    name: 'maintain',
    about: 'keep the lake small: merge files, expire snapshots nobody needs, remove what is left over',
    load: async () => (await import('./maintain.js')).registerMaintain,
  },
  {
    name: 'quality',
    about: "what became of a view's expectations, run by run: since when a rule fails",
    load: async () => (await import('./quality.js')).registerQuality,
  },
  {
    name: 'forget',
    about: 'remove an entity from everywhere: history, online stores, reports, files; and prove it',
    load: async () => (await import('./forget.js')).registerForget,
  },
  {
    name: 'training-sets',
    about: 'saved training sets: list them, or let one go with the snapshot it can be made again from',
    load: async () => (await import('./training-sets.js')).registerTrainingSets,
  },
  {
    name: 'freshness',
    about: 'how old the newest event of each view is, in the lake and online, against what it promises',
    load: async () => (await import('./freshness.js')).registerFreshness,
  },
  {
    name: 'get-historical-features',
    about: 'features as of the time of each entity row, for training',
    load: async () => (await import('./get-historical-features.js')).registerGetHistoricalFeatures,
  },
  {
    name: 'get-online-features',
    about: 'features as of now, for serving',
    load: async () => (await import('./get-online-features.js')).registerGetOnlineFeatures,
  },
  {
    name: 'teardown',
    about: "remove this project's tables, rows, event logs and registry",
    load: async () => (await import('./teardown.js')).registerTeardown,
  },
];

/** The program, of whose commands only the one the arguments mean can run; the others are there to be listed. */
async function makeProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('asof')
    .description(
      'A feature store with durable data pipelines: features as of a past moment for training, as of now for serving.',
    )
    .usage('<command> [options]')
    .version(asofVersion(), '-V, --version')
    .configureHelp({ sortSubcommands: false })
    .addHelpText('after', '\nEvery command has its own --help, with an example.');
  const words = args.filter((word) => !word.startsWith('-'));
  const meant = words[0] === 'help' ? words[1] : words[0];
  for (const { name, about, load } of entries) {
    if (name === meant) (await load())(program);
    const command = program.commands.find((known) => known.name() === name) ?? program.command(name);
    command.description(about);
  }
  refuseLoudly(program);
  return program;
}

/** Mistakes on the command line become errors like all others; commander would print and exit by itself. */
function refuseLoudly(command: Command): void {
  command.configureOutput({ outputError: () => undefined }).exitOverride((error) => {
    throw error.exitCode === 0 ? error : usageError(error, command);
  });
  for (const sub of command.commands) refuseLoudly(sub);
}

// Whoever reads our output may stop before its end (`asof list | head`); that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode ?? exitCodes.ok);
});

const args = process.argv.slice(2);
const program = await makeProgram(args);
try {
  if (args.length === 0) program.outputHelp();
  else await program.parseAsync(args, { from: 'user' });
} catch (error) {
  if (!(error instanceof CommanderError)) {
    printError(error, args.includes('--json'));
    process.exitCode = exitCodes.definition;
  }
}
