import type { Command } from 'commander';
import { type FeatureStore, type Pipeline, pipelineNamed } from '../index.js';
import { nextTimes } from '../runs/index.js';
import { connectClient, type ScheduleState, scheduleState } from '../temporal/index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { withTemporalNews } from './lost-runs.js';
import { printJson } from './output.js';
import { freshnessOf, pipelineViews } from './pipeline-data.js';
import { type PipelineStatus, printPipelines, statusJson } from './print-pipelines.js';
import { findTemporal } from './temporal-location.js';

export function registerPipelines(program: Command): void {
  describeCommand(
    program
      .command('pipelines')
      .description('all pipelines: when they run next, how the last run went, how fresh their data is')
      .argument('[pipeline]', 'only this one'),
    'asof pipelines\nasof pipelines verify_online_offline --json',
  ).action(action(list));
}

const nextRuns = 5;

async function list(options: GlobalOptions, name: string | undefined): Promise<undefined> {
  await withStore(options, async (store) => {
    const pipelines =
      name === undefined ? [...store.repo.pipelines.values()] : [pipelineNamed(store.repo.pipelines, name)];
    const schedules = await schedulesOf(store, pipelines);
    const latest = (await store.runs.latest()).filter(({ pipeline }) => pipelines.some((one) => one.name === pipeline));
    const lastRuns = new Map((await withTemporalNews(store, latest)).map((run) => [run.pipeline, run]));
    const fresh = await freshnessOf(store, pipelines.flatMap(pipelineViews));
    const now = new Date();
    const statuses = pipelines.map((pipeline): PipelineStatus => {
      const schedule = schedules?.get(pipeline.name);
      return {
        pipeline,
        schedule,
        isDeployed: schedules === undefined ? undefined : schedule !== undefined,
        next: schedule?.next.slice(0, nextRuns) ?? nextTimes(pipeline, now, nextRuns).map((time) => time.toISOString()),
        lastRun: lastRuns.get(pipeline.name),
        data: typeof fresh === 'string' ? fresh : pipelineViews(pipeline).flatMap((view) => fresh.get(view) ?? []),
      };
    });
    if (options.json) printJson({ temporal: schedules !== undefined, pipelines: statuses.map(statusJson) });
    else printPipelines(statuses, now);
  });
}

/** The schedules on the server by pipeline; `undefined` without a server that answers: the definitions say the rest. */
async function schedulesOf(
  { repo, project }: FeatureStore,
  pipelines: readonly Pipeline[],
): Promise<ReadonlyMap<string, ScheduleState> | undefined> {
  const service = await findTemporal(repo.stateDir);
  if (service === undefined) return undefined;
  try {
    const client = await connectClient(service);
    try {
      const found = await Promise.all(pipelines.map(({ name }) => scheduleState(client, project, name)));
      return new Map(
        found.flatMap((state, index) => (state === undefined ? [] : [[(pipelines[index] as Pipeline).name, state]])),
      );
    } finally {
      await client.connection.close();
    }
  } catch {
    return undefined;
  }
}
