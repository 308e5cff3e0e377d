import type { Command } from 'commander';
import {
  checkFrom,
  DefinitionError,
  type FeatureStore,
  pipelineNamed,
  type RunRecord,
  stepTitles,
  type TakeOver,
} from '../index.js';
import { checkWorkflows, startRetry } from '../temporal/index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { endOf } from './run-end.js';
import { requireWorker, tellOfStarted } from './started-run.js';
import { withTemporal } from './temporal-location.js';

interface Given {
  readonly from?: string;
  readonly wait?: boolean;
  readonly force?: boolean;
}

export function registerRetry(program: Command): void {
  describeCommand(
    program
      .command('retry')
      .argument('<run>', 'run id, the beginning of one, workflow id, or pipeline: its newest run')
      .option('--from <step>', 'do this step and those after it anew; default: what was not completed')
      .option('--force', 'also when a later run has completed its interval')
      .option('--wait', 'show its progress and wait for its end'),
    'asof retry 0198a6f2-1af5 --wait\nasof retry 0198a6f2-1af5 --from ingest\nasof retry 0198a6f2-1af5 --from "clean driver_stats"',
  ).action(action(retry));
}

async function retry(
  options: GlobalOptions,
  id: string,
  { from, wait = false, force = false }: Given,
): Promise<number> {
  return withStore(options, async (store) => {
    const run = await store.runs.show(id);
    const pipeline = pipelineNamed(store.repo.pipelines, run.pipeline);
    await requireEnded(store, run);
    requireFrom(run, from);
    await store.requireApplied();
    await checkWorkflows({ projectRoot: store.repo.projectRoot, pipelines: new Map([[pipeline.name, pipeline]]) });
    const plan = await planOf(store, run, from);
    if (!force) await requireUndone(store, run);
    return withTemporal(store.repo.stateDir, async (client, service) => {
      await requireWorker(client, store.project);
      const started = await startRetry(client, { project: store.project, pipeline, run, from });
      if (!options.json) for (const line of plan.flatMap(describe)) console.log(line);
      const also = { retryOf: run.runId, takenOver: plan.map(({ view, reused, why }) => ({ view, reused, why })) };
      return tellOfStarted(store, service, started, {
        title: `retry ${pipeline.name}`,
        wait,
        json: options.json,
        also,
      });
    });
  });
}

async function requireEnded(store: FeatureStore, run: RunRecord): Promise<void> {
  if ((await endOf(store, run.runId)) !== undefined) return;
  throw new DefinitionError(`run ${run.runId} is at work`, {
    mend: `wait for its end, or stop it by \`asof cancel ${run.runId}\``,
  });
}

function requireFrom({ runId, status, pipeline, interval }: RunRecord, from: string | undefined): void {
  if (status !== 'completed' || from !== undefined) return;
  throw new DefinitionError(`run ${runId} completed; there is nothing to retry`, {
    mend: `--from <step> does it again from there; \`asof run ${pipeline} --start ${interval.start} --end ${interval.end}\` starts a run of its own`,
  });
}

/** @throws DefinitionError when a later run has done what this one did not. */
async function requireUndone(store: FeatureStore, run: RunRecord): Promise<void> {
  if (run.status === 'completed') return;
  const { start, end } = run.interval;
  const { pipeline } = run;
  const times = { from: new Date(start), to: new Date(end) };
  const completed = await store.runs.list({ pipeline, status: 'completed', ...times, limit: Number.MAX_SAFE_INTEGER });
  const later = completed.find(
    ({ openedAt, interval, views, args }) =>
      openedAt > run.openedAt &&
      interval.start <= start &&
      interval.end >= end &&
      run.views.every((view) => views.includes(view)) &&
      JSON.stringify(args) === JSON.stringify(run.args),
  );
  if (later === undefined) return;
  throw new DefinitionError(`run ${later.runId} has completed the interval of run ${run.runId} since`, {
    mend: 'there is nothing to retry; --force does it again all the same',
  });
}

/** What will be taken over. @throws DefinitionError when the run has no such step to go on from. */
async function planOf(store: FeatureStore, { runId, views, pipeline }: RunRecord, from: string | undefined) {
  if (from !== undefined) {
    const { workflow } = pipelineNamed(store.repo.pipelines, pipeline);
    const known = await store.steps.takeOver({ runId }, views);
    if (workflow !== 'dbToOfflineStore' && !known.some(({ isKept }) => isKept)) {
      throw new DefinitionError(`a run of the workflow ${workflow} keeps nothing to go on from`, {
        where: `run ${runId}`,
        mend: 'leave --from out: it starts over, with the same interval and arguments',
      });
    }
    checkFrom(from, views);
  }
  return store.steps.takeOver({ runId, from }, views);
}

function describe({ view, reused, why }: TakeOver): string[] {
  const taken = reused.map((step) => stepTitles[step]).join(', ');
  return [
    ...(reused.length === 0 ? [] : [`${view}: ${taken} ${reused.length === 1 ? 'is' : 'are'} taken over`]),
    ...(why === undefined ? [] : [`${view}: ${reused.length === 0 ? 'all' : 'the rest'} is done anew: ${why}`]),
  ];
}
