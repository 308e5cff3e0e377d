import type { Pipeline, Setting } from '../definitions/index.js';

/** What people are told of. */
export type RunEventName = 'failed' | 'succeeded' | 'deadline_missed';

/** Something that happened to a run, small enough for workflow histories, and without secrets. Times are ISO strings. */
export interface RunEvent {
  readonly pipeline: string;
  readonly runId: string;
  readonly workflowId: string;
  readonly event: RunEventName;
  readonly interval?: { readonly start: string; readonly end: string } | undefined;
  /** Why it failed. */
  readonly message?: string | undefined;
  /** Rows newly written. */
  readonly published?: number | undefined;
  readonly quality?: string | undefined;
  /** Report files, by view. */
  readonly reports?: Readonly<Record<string, string>> | undefined;
  readonly startedAt?: string | undefined;
  /** By when it should have ended. */
  readonly dueAt?: string | undefined;
}

/** One notification of a pipeline, by its place in the definition. */
export interface NotificationTarget {
  readonly event: RunEventName;
  /** Which of the event's list. */
  readonly index: number;
  /** For people, e.g. `onFailure[0], slack SLACK_URL`; an address that is written down is not shown. */
  readonly label: string;
}

export const runEventNames: readonly RunEventName[] = ['failed', 'succeeded', 'deadline_missed'];

/** Where a pipeline's definition says who is told. */
export const listNames = {
  failed: 'onFailure',
  succeeded: 'onSuccess',
  deadline_missed: 'deadline.notify',
} as const satisfies Record<RunEventName, string>;

export const notificationsOf = (pipeline: Pipeline, event: RunEventName) =>
  ({
    failed: pipeline.onFailure,
    succeeded: pipeline.onSuccess,
    deadline_missed: pipeline.deadline?.notify ?? [],
  })[event];

/** Whom a pipeline tells of an event. */
export const notificationTargets = (pipeline: Pipeline, event: RunEventName): NotificationTarget[] =>
  notificationsOf(pipeline, event).map(({ type, url }, index) => ({
    event,
    index,
    label: `${listNames[event]}[${index}], ${type}${variable(url)}`,
  }));

/** The events a pipeline tells anybody of: for others nothing needs to be started. */
export const eventsTold = (pipeline: Pipeline): RunEventName[] =>
  runEventNames.filter((event) => notificationsOf(pipeline, event).length > 0);

const variable = (url: Setting): string => (typeof url === 'string' ? '' : ` ${url.env}`);
