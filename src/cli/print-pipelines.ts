import { scheduleInWords } from '../definitions/schedule-words.js';
import type { Pipeline, ViewFreshness } from '../index.js';
import type { ScheduleState } from '../temporal/index.js';
import { clock, roughly } from './clock.js';
import type { ShownRun } from './lost-runs.js';
import { plural, seconds } from './output.js';

/** What is known of a pipeline. */
export interface PipelineStatus {
  readonly pipeline: Pipeline;
  /** On the server. */
  readonly schedule: ScheduleState | undefined;
  /** `undefined` = no server answers. */
  readonly isDeployed: boolean | undefined;
  /** ISO times: the server's, or by the definition where there is no schedule. */
  readonly next: readonly string[];
  readonly lastRun: ShownRun | undefined;
  /** How new its views are; a text = why that is not known. */
  readonly data: readonly ViewFreshness[] | string;
}

/** The same for machines. */
export function statusJson({ pipeline, schedule, isDeployed, next, lastRun, data }: PipelineStatus) {
  const { name, description, owner, tags = [], workflow } = pipeline;
  return {
    ...{ name, description, owner, tags, workflow },
    schedule: { inWords: scheduleInWords(pipeline.schedule), ...pipeline.schedule },
    deployed: isDeployed,
    paused: schedule?.paused ?? false,
    reason: schedule?.paused === true ? schedule.note : undefined,
    next,
    nextFrom: schedule === undefined ? 'definition' : 'server',
    lastRun: lastRun && runJson(lastRun),
    ...(typeof data === 'string' ? { dataUnknown: data } : { data }),
  };
}

function runJson({ runId, workflowId, status, openedAt, closedAt, published, quality, message, note, url }: ShownRun) {
  const tookMs = closedAt === undefined ? undefined : Date.parse(closedAt) - Date.parse(openedAt);
  return { runId, workflowId, status, openedAt, closedAt, tookMs, published, quality, message, note, url };
}

export function printPipelines(statuses: readonly PipelineStatus[], now: Date): void {
  if (statuses.length === 0) {
    console.log('There are no pipelines: export one from the feature repository.');
    return;
  }
  console.log(statuses.map((status) => linesOf(status, now).join('\n')).join('\n\n'));
  if (statuses.some(({ isDeployed }) => isDeployed === undefined)) {
    console.log('\nTemporal is not running or does not answer: what is deployed and paused is not known.');
  }
}

function linesOf({ pipeline, schedule, isDeployed, next, lastRun, data }: PipelineStatus, now: Date): string[] {
  const isTimed = pipeline.schedule.type === 'every' || pipeline.schedule.type === 'cron';
  const state = schedule?.paused === true ? `PAUSED: ${schedule.note ?? 'without a reason'}` : undefined;
  const isEnded = pipeline.endAt !== undefined && Date.parse(pipeline.endAt) <= now.getTime();
  const ended = isEnded ? `ended ${clock(pipeline.endAt ?? '')}` : undefined;
  const deployed = isTimed && isDeployed === false ? (ended ?? 'not deployed') : undefined;
  const head = [`${pipeline.name}  ${scheduleInWords(pipeline.schedule)}`, state, deployed];
  const lines = [head.filter((part) => part !== undefined).join('  ')];
  if (isTimed || next.length > 0) lines.push(`  next      ${nextText(pipeline, next)}`);
  lines.push(`  last run  ${lastRun === undefined ? 'never' : lastRunText(lastRun, now)}`);
  if (typeof data === 'string') return [...lines, `  data      not known: ${data}`];
  const width = Math.max(...data.map(({ view }) => view.length));
  data.forEach((view, index) => {
    lines.push(`${index === 0 ? '  data      ' : '            '}${view.view.padEnd(width)}  ${ageText(view, now)}`);
  });
  return lines;
}

/** The day once, then the times of that day: `2024-01-01 00:00 06:00 12:00, 2024-01-02 00:00`. */
function nextText({ schedule }: Pipeline, next: readonly string[]): string {
  if (next.length === 0) return 'never again';
  const zone = schedule.type === 'cron' ? schedule.timezone : undefined;
  const byDay = new Map<string, string[]>();
  for (const time of next) {
    const [day = '', hour = ''] = clock(time, zone).split(' ');
    byDay.set(day, [...(byDay.get(day) ?? []), hour]);
  }
  const days = [...byDay.keys()];
  const shared = days.every((day) => day.slice(0, 4) === days[0]?.slice(0, 4));
  return [...byDay].map(([day, hours], i) => `${i > 0 && shared ? day.slice(5) : day} ${hours.join(' ')}`).join(', ');
}

function lastRunText({ runId, status, note, openedAt, closedAt, published }: ShownRun, now: Date): string {
  const why = note === undefined ? '' : ` (${note})`;
  const since = `${clock(openedAt)}, ${roughly(now.getTime() - Date.parse(openedAt))} ago`;
  const took = closedAt === undefined ? '' : `, took ${seconds(Date.parse(closedAt) - Date.parse(openedAt))}`;
  const rows = status === 'completed' ? `, ${plural(published, 'row')}` : '';
  return `${status}${why} ${since}${took}${rows}  ${runId.slice(0, 13)}`;
}

function ageText({ verdict, promiseMs, lake }: ViewFreshness, now: Date): string {
  const event = lake.newestEvent === null ? 'no rows' : `newest event ${clock(lake.newestEvent)}`;
  const ago = lake.lastWritten && `written ${roughly(now.getTime() - Date.parse(lake.lastWritten))} ago`;
  const promise =
    promiseMs === null ? null : `${verdict === 'stale' ? 'STALE' : verdict} (promised: ${roughly(promiseMs)})`;
  return [event, ago, promise].filter((part) => part !== null).join(', ');
}
