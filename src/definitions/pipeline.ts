import { DefinitionError } from '../errors.js';
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
import { type Duration, parseDuration } from './duration.js';
import { parseUtc } from './utc-time.js';

/** When a pipeline runs, as data. Times are UTC unless a zone is given. */
export type Schedule =
  | { readonly type: 'manual' }
  | { readonly type: 'once' }
  | { readonly type: 'every'; readonly everyMs: number }
  | { readonly type: 'cron'; readonly expression: string; readonly timezone: string };

/** Only when somebody starts it. */
export const manual = (): Schedule => Object.freeze({ type: 'manual' });
/** One run over all there is. */
export const once = (): Schedule => Object.freeze({ type: 'once' });
/** Intervals of one length, aligned to 1970-01-01T00:00Z. */
export function every(duration: Duration): Schedule {
  const everyMs = parseDuration('every()', 'duration', duration);
  if (everyMs < 1_000)
    throw new DefinitionError(`every('${duration}') is shorter than a second`, { mend: "write e.g. every('1 hour')" });
  return Object.freeze({ type: 'every', everyMs });
}
/** A cron expression of five fields. */
export function cron(expression: string, { timezone = 'UTC' }: { timezone?: string } = {}): Schedule {
  if (!/^\S+( \S+){4}$/.test(expression)) {
    throw new DefinitionError(`cron expression "${expression}" does not have five fields`, {
      mend: "write e.g. cron('0 0 1 * *')",
    });
  }
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    throw new DefinitionError(`timezone "${timezone}" is unknown`, {
      where: `cron('${expression}')`,
      mend: "use a name such as 'Asia/Ho_Chi_Minh'",
    });
  }
  return Object.freeze({ type: 'cron', expression, timezone });
}
export const hourly = (): Schedule => every('1 hour');
export const daily = (): Schedule => every('1 day');

/** Values that cross to a workflow: plain JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface Retries {
  /** How often a step may fail before the run does; lost workers and deploys don't count. */
  readonly attempts: number;
  readonly delayMs: number;
}

/** A workflow plus how it runs. */
export interface Pipeline extends Definition<'pipeline'> {
  /** The exported name of the workflow function. */
  readonly workflow: string;
  readonly args: Readonly<Record<string, Json>>;
  readonly schedule: Schedule;
  /** Start of the first data interval. */
  readonly startAt: string | undefined;
  readonly catchup: boolean;
  readonly retries: Retries;
}

const scheduleTypes: readonly unknown[] = ['manual', 'once', 'every', 'cron'];

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

/** @throws DefinitionError for a bad name, date, duration or argument that is not JSON. */
export function pipeline(
  def: {
    name: string;
    workflow: string;
    args?: Record<string, Json>;
    schedule?: Schedule;
    startAt?: string;
    catchup?: boolean;
    retries?: { attempts: number; delay: Duration };
  } & Meta,
): Pipeline {
  checkName('pipeline', def.name);
  const where = label('pipeline', def.name);
  checkFields(where, def, [...metaFields, 'workflow', 'args', 'schedule', 'startAt', 'catchup', 'retries']);
  checkMeta(where, def);
  if (!/^[A-Za-z_$][\w$]*$/.test(def.workflow ?? '')) {
    throw new DefinitionError(`workflow ${JSON.stringify(def.workflow)} is no function name`, {
      where,
      mend: "write workflow: 'dbToOfflineStore'",
    });
  }
  const startAt = def.startAt === undefined ? undefined : parseUtc(def.startAt);
  if (startAt !== undefined && Number.isNaN(startAt.getTime())) {
    throw new DefinitionError(`startAt "${def.startAt}" is no date`, { where, mend: "write startAt: '2022-01-01'" });
  }
  checkJson(where, 'args', def.args ?? {});
  if (def.schedule !== undefined && !scheduleTypes.includes(def.schedule?.type)) {
    throw new DefinitionError(`schedule ${JSON.stringify(def.schedule)} is no schedule`, {
      where,
      mend: "use once(), manual(), daily(), every('1 hour') or cron('0 0 1 * *')",
    });
  }
  const { attempts = 3, delay = '20 seconds' } = def.retries ?? {};
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new DefinitionError(`retries.attempts ${attempts} is not a whole number >= 1`, {
      where,
      mend: 'write retries: { attempts: 3, … }',
    });
  }
  return define({
    ...def,
    kind: 'pipeline',
    args: def.args ?? {},
    schedule: def.schedule ?? manual(),
    startAt: startAt?.toISOString(),
    catchup: def.catchup ?? false,
    retries: { attempts, delayMs: parseDuration(where, 'retries.delay', delay) },
  });
}
