import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { DataError, DefinitionError, type FeatureStore, type Json, pipelineNamed } from '../index.js';
import { configuredTemporal, runUrl, startPipeline } from '../temporal/index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { aborted, Interrupted, interruptSignal } from './interrupt.js';
import { plural, printJson, printTable, seconds } from './output.js';
import { printPlan } from './print-plan.js';
import { printSteps } from './print-run.js';
import { runTask } from './progress.js';
import { type Stack, startStack } from './stack.js';
import { ensureExtensions, ensureTemporal } from './tools.js';
import { type RunOutcome, waitForRun } from './wait-for-run.js';

export function registerDemo(program: Command): void {
  describeCommand(
    program.command('demo').description('everything asof is for, once, on the sample data'),
    'asof demo',
  ).action(action(demo));
}

const sample = { orders: 'data/driver_orders.csv', stream: 'data/driver_stats_stream.parquet' };
const drivers = [1001, 1002, 1003, 1004, 1005].map((driver_id) => ({ driver_id }));

/** The story in the order of a first day: apply, ingest, materialize, stream, read. */
async function demo(options: GlobalOptions): Promise<undefined> {
  checkCheckout(options);
  const signal = interruptSignal();
  const story = new Story(options);
  await story.part('Tools', async () => {
    await ensureExtensions(options);
    if (configuredTemporal() === undefined) await ensureTemporal(options);
  });
  await withStore(options, async (store) => {
    checkSample(store);
    await story.part('Definitions applied', async () => {
      const { plan, version } = await store.apply();
      if (!options.json) printPlan(plan);
      story.tell({ registryVersion: version });
    });
    const stack = await story.part('Temporal and worker', () =>
      runTask('Temporal and worker', options, (update) => startStack(store, update)),
    );
    try {
      await Promise.race([tellStory(story, store, stack, signal), rejectOn(signal)]);
    } finally {
      await stack.stop();
    }
    story.end(stack);
  });
}

async function tellStory(story: Story, store: FeatureStore, stack: Stack, signal: AbortSignal): Promise<void> {
  const run = (pipeline: string, args: Record<string, Json> = {}) => story.run(store, stack, pipeline, args, signal);
  await run('db_to_offline_store');
  await run('materialize_offline_to_online');
  const view = 'driver_stats_stream';
  await story.part(`Events sent to the stream`, async () => {
    const there = (await store.steps.topicLength(view)) > 0;
    const file = path.join(store.repo.projectRoot, sample.stream);
    const sent = there ? 0 : (await store.steps.replayStream(view, { file, rate: 0, signal })).sent;
    story.say(there ? 'The topic holds the sample already.' : `${plural(sent, 'event')} sent.`);
    story.tell({ eventsSent: sent });
  });
  await run('stream_to_stores', { untilEnd: true });

  await story.part('Features as of each order (training)', async () => {
    const features = ['conv_rate', 'acc_rate', 'avg_daily_trips'].map((feature) => `driver_stats:${feature}`);
    const rows = await store.getHistoricalFeatures(features, path.join(store.repo.projectRoot, sample.orders));
    story.show({ historicalFeatures: rows });
  });
  await story.part('Features now (serving)', async () => {
    const { rows } = await store.getOnlineFeaturesDetailed(store.service('driver_ranking_fresh'), drivers);
    story.show({ onlineFeatures: rows });
  });
}

/** Prints each part with its time; with --json collects everything for one object at the end. */
class Story {
  readonly #json: boolean;
  readonly #startedAt = Date.now();
  readonly #result: Record<string, unknown> = {};
  readonly #timings: Record<string, number> = {};
  readonly #links: string[] = [];

  constructor({ json }: GlobalOptions) {
    this.#json = json;
  }

  async part<T>(title: string, work: () => Promise<T>): Promise<T> {
    this.say(`\n▸ ${title}`);
    const startedAt = Date.now();
    const result = await work();
    this.#timings[title] = Date.now() - startedAt;
    this.say(`  ${seconds(Date.now() - startedAt)}`);
    return result;
  }

  async run(
    store: FeatureStore,
    stack: Stack,
    name: string,
    args: Record<string, Json>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.part(`Pipeline ${name}`, async () => {
      const pipeline = pipelineNamed(store.repo.pipelines, name);
      const started = await startPipeline(stack.client, { project: store.project, pipeline, args });
      const outcome: RunOutcome = await runTask(name, { json: this.#json }, (update) =>
        waitForRun(store, started, update, signal),
      );
      if (outcome.status !== 'completed') {
        throw new DataError(`pipeline ${name} ${outcome.status}: ${outcome.message}`, {
          mend: `\`asof runs show ${outcome.runId}\` tells more`,
        });
      }
      if (!this.#json) printSteps(outcome.steps);
      for (const report of new Set(Object.values(outcome.reports))) this.say(`  report: ${report}`);
      const url = runUrl(stack.service, outcome.workflowId, outcome.runId);
      if (url !== undefined) this.#links.push(`${name}: ${url}`);
      this.#result['runs'] = [...((this.#result['runs'] as unknown[]) ?? []), { pipeline: name, ...outcome, url }];
    });
  }

  show(named: Record<string, Record<string, unknown>[]>): void {
    this.tell(named);
    if (!this.#json) for (const rows of Object.values(named)) printTable(rows);
  }

  tell(facts: Record<string, unknown>): void {
    Object.assign(this.#result, facts);
  }

  say(line: string): void {
    if (!this.#json) console.log(line);
  }

  end({ ownsServer }: Stack): void {
    const tookMs = Date.now() - this.#startedAt;
    if (this.#json) {
      printJson({ ...this.#result, timingsMs: this.#timings, tookMs });
      return;
    }
    console.log(`\nDone in ${seconds(tookMs)}.`);
    if (this.#links.length > 0) {
      console.log(ownsServer ? 'In the Web UI, while `asof up` runs:' : 'In the Web UI:');
      for (const link of this.#links) console.log(`  ${link}`);
    }
    console.log('\nNext: `npx asof up` keeps Temporal and a worker running; `npx asof --help` lists the commands.');
  }
}

/** The sample's definitions are no part of the package: whoever has only that is told where they are, before anything is fetched. */
function checkCheckout({ repo }: GlobalOptions): void {
  if (existsSync(path.resolve(repo))) return;
  throw new DefinitionError('the sample that the demo runs is not here', {
    where: path.resolve(repo),
    mend: 'run the demo in a clone of asof; in a project of your own begin with docs/write-a-pipeline.md',
  });
}

function checkSample(store: FeatureStore): void {
  for (const file of Object.values(sample)) {
    if (existsSync(path.join(store.repo.projectRoot, file))) continue;
    throw new DefinitionError(`the sample file ${file} is missing`, {
      where: store.repo.projectRoot,
      mend: 'run the demo in a clone of asof, or restore the file',
    });
  }
}

const rejectOn = async (signal: AbortSignal): Promise<never> => {
  await aborted(signal);
  throw new Interrupted();
};
