import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { scheduleInWords } from '../definitions/schedule-words.js';
import { DefinitionError, type FeatureStore, type IsRunning, type Pipeline, pipelineNamed } from '../index.js';
import { statusesOf } from '../pipeline-intervals.js';
import { type IntervalStatus, intervalsBetween } from '../runs/index.js';
import { take } from '../runs/ticks.js';
import { connectClient, temporalStatus } from '../temporal/index.js';
import { clock } from './clock.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { countStates, countsText, drawIntervals, usualLength } from './interval-grid.js';
import { gridShape } from './interval-rows.js';
import { timeOption } from './option-values.js';
import { isColoured, printJson } from './output.js';
import { findTemporal } from './temporal-location.js';

interface Given {
  readonly from?: string;
  readonly to?: string;
}

export function registerIntervals(program: Command): void {
  describeCommand(
    program
      .command('intervals')
      .description('which intervals of a pipeline are done, and which are not')
      .argument('<pipeline>', 'its name in the feature repository')
      .option('--from <time>', 'intervals from this time on (ISO); default: the newest ones')
      .option('--to <time>', 'intervals up to this time (ISO); default: now'),
    'asof intervals verify_online_offline\nasof intervals verify_online_offline --from 2024-01-01 --to 2024-02-01 --json',
  ).action(action(intervals));
}

/** Rows that are shown when nobody says from when on. */
const rowsMost = 40;
/** Of a pipeline without a beginning that never ran. */
const aFew = 30;
const intervalsMost = 100_000;

async function intervals(options: GlobalOptions, name: string, given: Given): Promise<undefined> {
  const range = { from: timeOption('--from', given.from), to: timeOption('--to', given.to) ?? new Date() };
  if (range.from !== undefined && range.from >= range.to) {
    throw new DefinitionError(`--from ${given.from} is not before --to ${given.to ?? 'now'}`, { mend: 'swap them' });
  }
  await withStore(options, async (store) => {
    const pipeline = pipelineNamed(store.repo.pipelines, name);
    const { chosen, hasOlder } = await choose(store, pipeline, range);
    const found = await withIsRunning(store, (isRunning) => statusesOf(store, pipeline, chosen, isRunning));
    const gap = found.filter(({ status }) => status === 'missing');
    const mend = gap.length === 0 ? undefined : backfillOf(name, gap);
    if (options.json) {
      const shown = found.map(({ start, end, status, run }) => ({ start, end, status, runId: run?.runId }));
      printJson({ pipeline: name, counts: countStates(found), hasOlder, mend, intervals: shown });
    } else print(pipeline, found, hasOlder, mend);
  });
}

interface Range {
  readonly from: Date | undefined;
  readonly to: Date;
}

/** What was asked for; else the newest, as many as one can look at, back to the pipeline's beginning. */
async function choose(store: FeatureStore, pipeline: Pipeline, { from, to }: Range) {
  const all = (since: Date) => intervalsBetween(pipeline, since, to, { newestFirst: true });
  if (from !== undefined) {
    const chosen = take(all(from), intervalsMost + 1).reverse();
    if (chosen.length <= intervalsMost) return { chosen, hasOlder: false };
    throw new DefinitionError(`these are more than ${intervalsMost.toLocaleString('en')} intervals`, {
      mend: 'bring --from and --to nearer to each other',
    });
  }
  const beginning = pipeline.startAt === undefined ? await store.runs.firstStart(pipeline.name) : new Date(0);
  const since = beginning ?? new Date(0);
  const most = beginning === undefined ? aFew : rowsMost * gridShape(usualLength(take(all(since), 50))).slots;
  const newest = take(all(since), most + 1);
  return { chosen: newest.slice(0, most).reverse(), hasOlder: beginning !== undefined && newest.length > most };
}

/** A run that never closed may be gone: Temporal knows, where it answers. */
async function withIsRunning<T>({ repo }: FeatureStore, work: (isRunning?: IsRunning) => Promise<T>): Promise<T> {
  const service = await findTemporal(repo.stateDir);
  const client: Client | undefined = service && (await connectClient(service).catch(() => undefined));
  if (client === undefined) return work();
  try {
    return await work(async (holder) => {
      const status = await temporalStatus(client, holder).catch(() => 'RUNNING');
      return status === 'RUNNING';
    });
  } finally {
    await client.connection.close();
  }
}

function print(
  pipeline: Pipeline,
  found: readonly IntervalStatus[],
  hasOlder: boolean,
  mend: string | undefined,
): void {
  const { name, schedule, startAt } = pipeline;
  if (found.length === 0) {
    const since = startAt !== undefined && Date.parse(startAt) > Date.now() ? `; it starts at ${startAt}` : '';
    console.log(`No interval of ${name} (${scheduleInWords(schedule)}) lies in that time${since}.`);
    return;
  }
  const timezone = (schedule.type === 'cron' ? schedule.timezone : undefined) ?? 'UTC';
  console.log(`${name}: ${scheduleInWords(schedule)}; times are ${timezone}`);
  for (const line of drawIntervals(found, { timezone, coloured: isColoured() })) console.log(line.trimEnd());
  console.log(`${countsText(countStates(found))}${hasOlder ? '; older ones: --from' : ''}`);
  const missing = found.find(({ status }) => status === 'missing');
  if (missing !== undefined) {
    console.log(`first missing: ${clock(missing.start.toISOString(), timezone)}\n  → ${mend}`);
  }
}

function backfillOf(name: string, missing: readonly IntervalStatus[]): string {
  const [first, last] = [missing[0] as IntervalStatus, missing.at(-1) as IntervalStatus];
  return `asof backfill ${name} --from ${short(first.start)} --to ${short(last.end)} --only missing`;
}

const short = (time: Date): string => time.toISOString().replace('T00:00:00.000Z', '').replace('.000Z', 'Z');
