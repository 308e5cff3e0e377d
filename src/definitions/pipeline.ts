import type { z } from 'zod';
import { DefinitionError } from '../errors.js';
import { type BuiltinWorkflow, type builtinArgs, builtinSchema } from './builtin-args.js';
import {
  checkFields,
  checkMeta,
  checkName,
  type Definition,
  define,
  label,
  type Meta,
  metaFields,
} from './definition.js';
import { type Duration, parseDuration, parsePositiveDuration } from './duration.js';
import { checkNotifications, type Notification } from './notification.js';
import { checkArgs, checkGivenArgs } from './pipeline-args.js';
import { checkTimezone, inZone, manual, type Schedule } from './schedule.js';
import { parseUtc } from './utc-time.js';

/** Values that cross to a workflow: plain JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface Retries {
  /** How often a step may fail before the run does; lost workers and deploys don't count. */
  readonly attempts: number;
  readonly delayMs: number;
}

/**
 * What happens when a run is due while one before it is still at work: `skip` leaves it out, `queue` runs it afterwards, `allow`
 * runs both (up to `maxActiveRuns`), `cancel` cancels the one before. Default: `skip`, with `catchup` `queue`.
 */
export type Overlap = 'skip' | 'queue' | 'allow' | 'cancel';

/** By when a run should have ended; when it has not, people are told, and it goes on. */
export interface Deadline {
  readonly withinMs: number;
  /** Counted from when the run was due, or from when it began. */
  readonly after: 'scheduled' | 'started';
  readonly notify: readonly Notification[];
}

/** A workflow plus how it runs. */
export interface Pipeline extends Definition<'pipeline'> {
  /** The exported name of the workflow function. */
  readonly workflow: string;
  readonly args: Readonly<Record<string, Json>>;
  /** What the arguments must be; workflows that come with asof have one of their own. */
  readonly argsSchema: z.ZodType | undefined;
  readonly schedule: Schedule;
  /** Start of the first data interval (ISO). */
  readonly startAt: string | undefined;
  /** No interval ends after it (ISO). */
  readonly endAt: string | undefined;
  /** Whether intervals since `startAt` that have no run are run when the pipeline is deployed. */
  readonly catchup: boolean;
  readonly overlap: Overlap;
  /** How many runs may be at work at once, those of backfills apart; `undefined` = no limit. */
  readonly maxActiveRuns: number | undefined;
  readonly retries: Retries;
  /** A run that takes longer is stopped and fails; `undefined` = no limit. */
  readonly timeoutMs: number | undefined;
  readonly deadline: Deadline | undefined;
  readonly onFailure: readonly Notification[];
  readonly onSuccess: readonly Notification[];
}

const scheduleTypes: readonly unknown[] = ['manual', 'once', 'every', 'cron', 'after'];
const overlaps: readonly unknown[] = ['skip', 'queue', 'allow', 'cancel'];

/** Arguments travel as JSON: a Date, a bigint, NaN or undefined would arrive as something else. */
function checkJson(where: string, field: string, value: unknown): void {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return;
  const plain =
    typeof value === 'object' && (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype);
  if (plain) {
    for (const [key, item] of Object.entries(value as object)) {
      checkJson(where, Array.isArray(value) ? `${field}[${key}]` : `${field}.${key}`, item);
    }
    return;
  }
  const what = value instanceof Date ? 'a Date' : typeof value === 'object' ? 'an object of a class' : String(value);
  throw new DefinitionError(`${field} is ${what}, which is not JSON`, {
    where,
    mend: 'use strings, numbers, booleans, null, and lists or objects of them; dates as ISO strings',
  });
}

type ArgsOf<W extends string, S> = S extends z.ZodType
  ? z.input<S>
  : W extends BuiltinWorkflow
    ? Partial<z.input<(typeof builtinArgs)[W]>>
    : Record<string, Json>;

const fields = [
  ...metaFields,
  ...[
    'workflow',
    'args',
    'argsSchema',
    'schedule',
    'timezone',
    'startAt',
    'endAt',
    'catchup',
    'overlap',
    'maxActiveRuns',
  ],
  ...['retries', 'timeout', 'deadline', 'onFailure', 'onSuccess'],
];

/**
 * @param argsSchema a zod object that checks the arguments when the definitions are loaded and when a run starts; for workflows
 * that come with asof it is theirs.
 * @throws DefinitionError for a bad name, time, zone or duration, arguments that don't fit or are no JSON.
 */
export function pipeline<const W extends string, S extends z.ZodType | undefined = undefined>(
  def: {
    name: string;
    workflow: W;
    args?: ArgsOf<W, S>;
    argsSchema?: S;
    schedule?: Schedule;
    timezone?: string;
    startAt?: string;
    endAt?: string;
    catchup?: boolean;
    overlap?: Overlap;
    maxActiveRuns?: number;
    retries?: { attempts: number; delay: Duration };
    timeout?: Duration;
    deadline?: { within: Duration; after?: 'scheduled' | 'started'; notify: readonly Notification[] };
    onFailure?: readonly Notification[];
    onSuccess?: readonly Notification[];
  } & Meta,
): Pipeline {
  checkName('pipeline', def.name);
  const where = label('pipeline', def.name);
  checkFields(where, def, fields);
  checkMeta(where, def);
  if (!/^[A-Za-z_$][\w$]*$/.test(def.workflow ?? '')) {
    throw new DefinitionError(`workflow ${JSON.stringify(def.workflow)} is no function name`, {
      where,
      mend: "write workflow: 'dbToOfflineStore'",
    });
  }
  // Catching up after an outage, most of what is due would be skipped.
  const { overlap = def.catchup === true ? 'queue' : 'skip' } = def;
  const { schedule = manual(), timezone = 'UTC', onFailure = [], onSuccess = [], ...rest } = def;
  const args = (def.args ?? {}) as Readonly<Record<string, Json>>;
  checkJson(where, 'args', args);
  if (!scheduleTypes.includes(schedule?.type)) {
    throw new DefinitionError(`schedule ${JSON.stringify(schedule)} is no schedule`, {
      where,
      mend: "use once(), manual(), daily(), every('1 hour') or cron('0 0 1 * *')",
    });
  }
  checkTimezone(where, timezone);
  if (!overlaps.includes(overlap)) {
    throw new DefinitionError(`overlap "${String(overlap)}" is unknown`, { where, mend: `use ${overlaps.join(', ')}` });
  }
  checkNotifications(def.name, 'onFailure', onFailure);
  checkNotifications(def.name, 'onSuccess', onSuccess);
  const { argsSchema = builtinSchema(def.workflow) } = def;
  const made = { name: def.name, workflow: def.workflow, args, argsSchema };
  if (schedule.type === 'manual') checkGivenArgs(made);
  else checkArgs(made);
  const { description, owner, tags } = rest;
  return define({
    ...{ kind: 'pipeline' as const, ...made, args },
    ...(description === undefined ? {} : { description }),
    ...(owner === undefined ? {} : { owner }),
    ...(tags === undefined ? {} : { tags }),
    schedule: inZone(schedule, timezone),
    ...span(where, def),
    catchup: def.catchup ?? false,
    overlap,
    maxActiveRuns: optionalCount(where, 'maxActiveRuns', def.maxActiveRuns),
    retries: retriesOf(where, def.retries),
    timeoutMs: def.timeout === undefined ? undefined : parsePositiveDuration(where, 'timeout', def.timeout),
    deadline: deadlineOf(def.name, where, def.deadline),
    onFailure,
    onSuccess,
  });
}

function span(
  where: string,
  def: { startAt?: string; endAt?: string; catchup?: boolean; schedule?: Schedule },
): Pick<Pipeline, 'startAt' | 'endAt'> {
  const [startAt, endAt] = (['startAt', 'endAt'] as const).map((field) => {
    const text = def[field];
    if (text === undefined) return undefined;
    const time = parseUtc(text);
    if (!Number.isNaN(time.getTime())) return time;
    throw new DefinitionError(`${field} "${text}" is no date`, { where, mend: `write ${field}: '2022-01-01'` });
  });
  if (startAt !== undefined && endAt !== undefined && startAt >= endAt) {
    throw new DefinitionError(`endAt "${def.endAt}" is not after startAt "${def.startAt}"`, {
      where,
      mend: 'swap them',
    });
  }
  if (def.catchup === true && startAt === undefined && ['every', 'cron'].includes(def.schedule?.type ?? '')) {
    throw new DefinitionError('catchup has no beginning', {
      where,
      mend: "write startAt: '2022-01-01', or leave catchup out",
    });
  }
  return { startAt: startAt?.toISOString(), endAt: endAt?.toISOString() };
}

function retriesOf(
  where: string,
  { attempts = 3, delay = '20 seconds' }: { attempts?: number; delay?: Duration } = {},
): Retries {
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new DefinitionError(`retries.attempts ${attempts} is not a whole number >= 1`, {
      where,
      mend: 'write retries: { attempts: 3, … }',
    });
  }
  return { attempts, delayMs: parseDuration(where, 'retries.delay', delay) };
}

function optionalCount(where: string, field: string, count: number | undefined): number | undefined {
  if (count === undefined || (Number.isInteger(count) && count >= 1)) return count;
  throw new DefinitionError(`${field} ${count} is not a whole number >= 1`, { where, mend: `write ${field}: 1` });
}

function deadlineOf(
  name: string,
  where: string,
  deadline: { within: Duration; after?: 'scheduled' | 'started'; notify: readonly Notification[] } | undefined,
): Deadline | undefined {
  if (deadline === undefined) return undefined;
  checkFields(`${where}, deadline`, deadline, ['within', 'after', 'notify']);
  const { within, after = 'scheduled', notify } = deadline;
  if (after !== 'scheduled' && after !== 'started') {
    throw new DefinitionError(`deadline.after "${String(after)}" is unknown`, {
      where,
      mend: 'use scheduled or started',
    });
  }
  checkNotifications(name, 'deadline.notify', notify);
  return { withinMs: parsePositiveDuration(where, 'deadline.within', within), after, notify };
}
