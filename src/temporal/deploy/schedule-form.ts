import type { ScheduleOverlapPolicy, ScheduleSpec, ScheduleSpecDescription } from '@temporalio/client';
import type { SearchAttributePair, TypedSearchAttributes } from '@temporalio/common';
import { durationInWords } from '../../index.js';
import { calendarText } from './calendar-ranges.js';

/** Everything of a schedule that is compared, field by field, as people read it; `null` where there is nothing. */
export type ScheduleForm = Readonly<Record<FormField, string | null>>;

const formFields = [
  ...(['times', 'timezone', 'first run', 'last run', 'skipped times', 'jitter'] as const),
  ...(['overlap', 'catch-up window', 'pause on failure', 'runs left'] as const),
  ...(['workflow', 'workflow id', 'task queue', 'input', 'summary', 'details', 'search attributes'] as const),
  ...(['timeouts', 'retries'] as const),
];
export type FormField = (typeof formFields)[number];

/** A field that differs. */
export interface FieldChange {
  readonly field: string;
  readonly from: string | null;
  readonly to: string | null;
}

/** The parts of a schedule that are compared: of a description by the server, and of what is sent to it. */
export interface ScheduleParts {
  readonly spec: ScheduleSpec | ScheduleSpecDescription;
  readonly action: ActionParts;
  readonly policies: {
    readonly overlap?: ScheduleOverlapPolicy;
    readonly catchupWindow: number;
    readonly pauseOnFailure: boolean;
  };
  readonly remainingActions?: number | undefined;
}

interface ActionParts {
  readonly workflowType: string;
  readonly workflowId: string;
  readonly taskQueue: string;
  readonly args?: readonly unknown[];
  readonly typedSearchAttributes?: TypedSearchAttributes | SearchAttributePair[];
  readonly staticSummary?: string;
  readonly staticDetails?: string;
  readonly retry?: object;
  readonly workflowExecutionTimeout?: unknown;
  readonly workflowRunTimeout?: unknown;
  readonly workflowTaskTimeout?: unknown;
}

/** The same schedule has the same form, whoever says it in whatever way. */
export function formOf({ spec, action, policies, remainingActions }: ScheduleParts): ScheduleForm {
  const calendars = (spec.calendars ?? []).map(calendarText);
  const intervals = (spec.intervals ?? []).map(({ every, offset }) => {
    const phase = Number(offset ?? 0);
    return `every ${durationInWords(Number(every))}${phase === 0 ? '' : `, ${durationInWords(phase)} later`}`;
  });
  const { workflowExecutionTimeout, workflowRunTimeout, workflowTaskTimeout } = action;
  const timeouts = { workflowExecutionTimeout, workflowRunTimeout, workflowTaskTimeout };
  const set = Object.entries(timeouts).filter(([, value]) => Number(value ?? 0) > 0);
  return {
    times: [...calendars, ...intervals].sort().join(' or ') || null,
    // The server's word for it, when none is given, is no word at all.
    timezone: calendars.length === 0 ? null : spec.timezone || 'UTC',
    'first run': spec.startAt?.toISOString() ?? null,
    'last run': spec.endAt?.toISOString() ?? null,
    'skipped times': (spec.skip ?? []).map(calendarText).sort().join(' or ') || null,
    jitter: Number(spec.jitter ?? 0) === 0 ? null : durationInWords(Number(spec.jitter)),
    overlap: policies.overlap ?? null,
    'catch-up window': durationInWords(policies.catchupWindow),
    'pause on failure': policies.pauseOnFailure ? 'yes' : null,
    'runs left': remainingActions === undefined ? null : String(remainingActions),
    workflow: action.workflowType,
    'workflow id': action.workflowId,
    'task queue': action.taskQueue,
    input: JSON.stringify(action.args ?? []),
    summary: action.staticSummary ?? null,
    details: action.staticDetails || null,
    'search attributes': attributesText(action.typedSearchAttributes),
    timeouts: set.length === 0 ? null : JSON.stringify(Object.fromEntries(set)),
    retries: action.retry === undefined ? null : JSON.stringify(action.retry),
  };
}

function attributesText(attributes: ActionParts['typedSearchAttributes'] = []): string | null {
  const pairs = (Array.isArray(attributes) ? attributes : attributes.getAll()).map(
    ({ key, value }) => `${key.name}: ${[value].flat().join(', ')}`,
  );
  return pairs.sort().join('; ') || null;
}

/** What leads from one to the other; none = the same. */
export const changesBetween = (from: ScheduleForm | undefined, to: ScheduleForm): FieldChange[] =>
  formFields.flatMap((field) => {
    const [old, now] = [from?.[field] ?? null, to[field]];
    return old === now ? [] : [{ field, from: old, to: now }];
  });
