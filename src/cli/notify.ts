import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { DefinitionError } from '../errors.js';
import type { FeatureRepo } from '../feature-repo/index.js';
import {
  type Notice,
  type NotificationTarget,
  type Pipeline,
  type Posted,
  pipelineNamed,
  type RunEventName,
} from '../index.js';
import { action, describeCommand, exampleText, type GlobalOptions } from './command.js';
import { exitCodeOf, exitCodes } from './exit-code.js';
import { Interrupted, interruptSignal } from './interrupt.js';
import { printError, printJson, printTable, seconds } from './output.js';
import { runTask } from './progress.js';

export function registerNotify(program: Command): void {
  const notify = program
    .command('notify')
    .description('try the notifications of a pipeline: who is told of its runs, and whether it arrives')
    .addHelpText('after', exampleText('asof notify test db_to_offline_store'));
  describeCommand(
    notify
      .command('test')
      .description('send a message, marked as a test, to everybody whom a pipeline tells of its runs')
      .argument('<pipeline>')
      .option('--event <name>', 'only those told of it: failed, succeeded or deadline_missed; default: all'),
    'asof notify test db_to_offline_store\nasof notify test db_to_offline_store --event failed',
  ).action(action(test));
}

interface Outcome {
  readonly target: NotificationTarget;
  readonly posted: Posted;
  readonly tookMs: number;
}

async function test(options: GlobalOptions, name: string, given: { event?: string }): Promise<number> {
  const asof = await import('../index.js');
  const { loadFeatureRepo } = await import('../feature-repo/index.js');
  const events = eventsOf(asof.runEventNames, given.event);
  const repo = await loadFeatureRepo(options.repo, { asof });
  const pipeline = pipelineNamed(repo.pipelines, name);
  const targets = events.flatMap((event) => asof.notificationTargets(pipeline, event));
  if (targets.length === 0) throw nobody(name, given.event);

  const signal = interruptSignal();
  const run = randomUUID();
  const outcomes = await runTask(`messages of ${name}`, options, () =>
    Promise.all(
      targets.map(async (target): Promise<Outcome> => {
        const began = Date.now();
        const notice = sample(repo, pipeline, target.event, run);
        const posted = await asof.deliver({ pipeline, target, notice, environment: process.env, signal });
        return { target, posted, tookMs: Date.now() - began };
      }),
    ),
  );
  if (signal.aborted) throw new Interrupted();
  if (options.json) printJson({ pipeline: name, told: outcomes.map(asJson) });
  else print(outcomes);
  return worst(outcomes);
}

function eventsOf(known: readonly RunEventName[], given: string | undefined): readonly RunEventName[] {
  if (given === undefined) return known;
  const found = known.filter((name) => name === given);
  if (found.length > 0) return found;
  throw new DefinitionError(`--event ${JSON.stringify(given)} is unknown`, { mend: `use ${known.join(', ')}` });
}

const nobody = (name: string, event: string | undefined): DefinitionError =>
  new DefinitionError(`pipeline "${name}" tells nobody${event === undefined ? '' : ` of ${event}`}`, {
    mend: "write onFailure: [slack(env('SLACK_URL'))], onSuccess or deadline: { …, notify } in its definition",
  });

/** What a run would have said, without one. */
function sample({ config }: FeatureRepo, pipeline: Pipeline, event: RunEventName, run: string): Notice {
  const at = new Date().toISOString();
  const { owner, tags = [] } = pipeline;
  return {
    ...{ event, at, test: true, project: config.project, pipeline: pipeline.name, owner, tags, url: undefined },
    runId: `test-${run}`,
    workflowId: `${config.project}/${pipeline.name}/test`,
    message: 'a test of asof notify: no run is behind it',
    startedAt: at,
    ...(event === 'deadline_missed' ? { dueAt: at } : {}),
  };
}

const asJson = ({ target, posted, tookMs }: Outcome) => ({
  ...{ event: target.event, target: target.label, delivered: posted.delivered, tookMs },
  ...(posted.delivered
    ? { status: posted.status, host: posted.host }
    : { error: { type: posted.error.name, message: posted.error.message, mend: posted.error.mend } }),
});

function print(outcomes: readonly Outcome[]): void {
  printTable(
    outcomes.map(({ target, posted, tookMs }) => ({
      target: target.label,
      host: posted.delivered ? posted.host : undefined,
      result: posted.delivered ? `told (${posted.status})` : 'not told',
      took: seconds(tookMs),
    })),
  );
  for (const { posted } of outcomes) if (!posted.delivered) printError(posted.error, false);
}

/** What must be mended comes before what may mend itself. */
function worst(outcomes: readonly Outcome[]): number {
  const codes = outcomes.map(({ posted }) => (posted.delivered ? exitCodes.ok : exitCodeOf(posted.error)));
  return codes.find((code) => code === exitCodes.definition) ?? Math.max(...codes);
}
