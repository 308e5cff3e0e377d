import type { Command } from 'commander';
import { DefinitionError, type Pipeline, pipelineNamed } from '../index.js';
import { type ScheduleState, setPaused } from '../temporal/index.js';
import { action, describeCommand, type GlobalOptions, withStore } from './command.js';
import { printJson } from './output.js';
import { withTemporal } from './temporal-location.js';

export function registerPause(program: Command): void {
  describeCommand(
    program
      .command('pause')
      .description('keep the schedule of a pipeline from starting runs; those at work go on')
      .argument('<pipeline>', 'its name in the feature repository')
      .option('--reason <text>', 'why, for those who find it paused'),
    "asof pause verify_online_offline --reason 'the export is late'",
  ).action(action((options, name: string, { reason }: { reason?: string }) => setTo(options, name, true, reason)));
}

export function registerUnpause(program: Command): void {
  describeCommand(
    program
      .command('unpause')
      .description('let the schedule of a pipeline start runs again')
      .argument('<pipeline>', 'its name in the feature repository'),
    'asof unpause verify_online_offline',
  ).action(action((options, name: string) => setTo(options, name, false)));
}

async function setTo(options: GlobalOptions, name: string, paused: boolean, reason?: string): Promise<undefined> {
  const text = reason?.trim();
  if (text === '') throw new DefinitionError('--reason is empty', { mend: 'leave it out, or say why' });
  await withStore(options, async (store) => {
    const pipeline = pipelineNamed(store.repo.pipelines, name);
    await withTemporal(store.repo.stateDir, async (client) => {
      const before = await setPaused(client, { project: store.project, pipeline: name, paused }, text);
      if (before === undefined) throw nothingToPause(pipeline, paused);
      const note = text ?? (before.paused === paused ? before.note : undefined);
      if (options.json) printJson({ pipeline: name, paused, changed: before.paused !== paused, reason: note });
      else console.log(paused ? pausedText(name, before, text) : unpausedText(pipeline, before));
    });
  });
}

function pausedText(name: string, before: ScheduleState, reason: string | undefined): string {
  if (!before.paused) {
    const why = reason === undefined ? '' : `: ${reason}`;
    return `Paused ${name}${why}\nRuns at work go on; \`asof unpause ${name}\` lets it start new ones.`;
  }
  if (reason === undefined || reason === before.note)
    return `${name} was paused already: ${before.note ?? 'without a reason'}`;
  return `${name} was paused already; the reason is now: ${reason}`;
}

function unpausedText({ name, schedule }: Pipeline, before: ScheduleState): string {
  if (!before.paused) return `${name} is not paused.`;
  const why = before.note === undefined ? '' : ` (it was paused: ${before.note})`;
  const missed = ['every', 'cron'].includes(schedule.type)
    ? `\nWhat was due meanwhile is not made up for: \`asof intervals ${name}\` shows what is missing.`
    : '';
  return `${name} starts runs again${why}.${missed}`;
}

function nothingToPause({ name, schedule, workflow }: Pipeline, paused: boolean): DefinitionError {
  const stream =
    workflow === 'streamToStores'
      ? `; \`asof stream ${paused ? 'pause' : 'resume'} ${name}\` steers a run at work`
      : '';
  const what = `there is nothing to ${paused ? 'pause' : 'unpause'}`;
  if (schedule.type === 'every' || schedule.type === 'cron') {
    return new DefinitionError(`pipeline "${name}" is not deployed: ${what}`, {
      mend: `\`asof deploy\` puts its schedule on the server${stream}`,
    });
  }
  const how = schedule.type === 'after' ? `runs after ${schedule.pipelines.join(', ')}` : `has no times of its own`;
  return new DefinitionError(`pipeline "${name}" ${how}: ${what}`, {
    mend: `\`asof cancel ${name}\` ends a run at work${stream}`,
  });
}
