import type { Command } from 'commander';
import type { StreamState } from '../../workflows/stream-to-stores.js';
import { DefinitionError, type FeatureStore, pipelineNamed } from '../index.js';
import { runningPipeline } from '../temporal/index.js';
import { action, describeCommand, exampleText, type GlobalOptions, withStore } from './command.js';
import { interruptSignal } from './interrupt.js';
import { plural, printJson, printTable } from './output.js';
import { rate as describeRate, runTask } from './progress.js';
import { withTemporal } from './temporal-location.js';
import { ensureExtensions } from './tools.js';

export function registerStream(program: Command): void {
  const stream = program
    .command('stream')
    .description('send events to a stream, watch and steer its pipeline')
    .addHelpText('after', exampleText('asof stream status stream_to_stores'));
  describeCommand(
    stream
      .command('produce')
      .description("replay recorded events into a stream view's topic")
      .argument('<view>', 'the stream feature view')
      .requiredOption('--file <parquet>', 'the recorded events')
      .option('--rate <n>', 'events a second; 0 = as fast as possible', '100')
      .option('--loop', 'endlessly, each round shifted by whole weeks')
      .option('--limit <n>', 'stop after so many events')
      .option('--until-now', 'shift all times so that the last event of the first round is now'),
    'asof stream produce driver_stats_stream --file data/driver_stats_stream.parquet --rate 50 --loop',
  ).action(action(produce));
  describeCommand(
    stream
      .command('dead-letters')
      .description('events of a view that could not be used, with the reason')
      .argument('<view>')
      .option('--limit <n>', 'at most so many', '20'),
    'asof stream dead-letters driver_stats_stream',
  ).action(action(deadLetters));
  for (const [name, description] of [
    ['status', 'how far a running stream pipeline is'],
    ['pause', 'stop reading after the batch at work; what was read is committed'],
    ['resume', 'go on reading'],
    ['stop', 'end the pipeline after the batch at work'],
  ] as const) {
    describeCommand(
      stream.command(name).description(description).argument('<pipeline>'),
      `asof stream ${name} stream_to_stores`,
    ).action(action((options, pipeline: string) => steer(options, pipeline, name)));
  }
}

interface ProduceOptions {
  readonly file: string;
  readonly rate: string;
  readonly loop?: boolean;
  readonly limit?: string;
  readonly untilNow?: boolean;
}

async function produce(options: GlobalOptions, view: string, given: ProduceOptions): Promise<undefined> {
  const rate = numberOption('--rate', given.rate);
  const limit = given.limit === undefined ? undefined : numberOption('--limit', given.limit);
  await ensureExtensions(options);
  await withStore(options, async (store) => {
    const signal = interruptSignal();
    const tell = describeRate(Date.now());
    const { sent, topic } = await runTask(`events to ${view}`, options, async (update) => {
      let sentSoFar = 0;
      try {
        return await store.steps.replayStream(view, {
          file: given.file,
          rate,
          loop: given.loop,
          limit,
          endAt: given.untilNow === true ? new Date() : undefined,
          signal,
          onProgress: ({ sent }) => {
            sentSoFar = sent;
            update(tell(sent, limit, 'events'));
          },
        });
      } catch (error) {
        if (!signal.aborted) throw error;
        return { sent: sentSoFar, topic: view };
      }
    });
    if (options.json) printJson({ topic, sent });
    else console.log(`${plural(sent, 'event')} sent to topic ${topic}.`);
  });
}

async function deadLetters(options: GlobalOptions, view: string, { limit }: { limit: string }): Promise<undefined> {
  await ensureExtensions(options);
  await withStore(options, async (store) => {
    const letters = await store.steps.deadLetters(view, numberOption('--limit', limit));
    if (options.json) printJson({ deadLetters: letters });
    else printTable(letters.map(({ topic, ...letter }) => letter));
  });
}

type Steering = 'status' | 'pause' | 'resume' | 'stop';

async function steer(options: GlobalOptions, pipeline: string, what: Steering): Promise<undefined> {
  await withStore(options, async (store: FeatureStore) => {
    pipelineNamed(store.repo.pipelines, pipeline);
    await withTemporal(store.repo.stateDir, async (client) => {
      const handle = await runningPipeline(client, store.project, pipeline);
      if (what !== 'status') await handle.signal(what);
      const state = await handle.query<StreamState>('stream');
      if (options.json) {
        printJson({ workflowId: handle.workflowId, ...state });
        return;
      }
      const { status, counts } = state;
      const { read, written, deadLetters: dead, dropped, late } = counts;
      console.log(
        `${pipeline}: ${status}; ${read} read, ${written} written, ${dead} dead letters, ${dropped} dropped, ${late} late`,
      );
      printTable(
        Object.entries(counts.offsets).map(([partition, { next, end, lagSeconds }]) => ({
          partition,
          next,
          end,
          behind: Math.max(0, end - next),
          seconds_behind: lagSeconds == null ? '' : lagSeconds.toFixed(1),
        })),
      );
    });
  });
}

function numberOption(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new DefinitionError(`${name} ${JSON.stringify(text)} is no number`, { mend: `write e.g. ${name} 100` });
}
