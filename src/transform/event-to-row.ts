import type { EventContext } from '../definitions/event-context.js';
import type { StreamFeatureView } from '../definitions/feature-view.js';
import type { Schema } from '../types.js';
import { valueChecker } from './column-values.js';
import { Refusal } from './event-fields.js';
import type { EventRecord } from './event-schema.js';
import { toMicroseconds } from './moment.js';

/** Where a row came from: the columns asof adds to it. */
export interface RowOrigin {
  /** Microseconds since 1970; one per micro-batch. */
  readonly ingestTimeUs: bigint | null;
  /** Position in the source: the last tie-break. */
  readonly position: number;
  readonly topic: string | null;
  readonly partition: number | null;
  readonly offset: number | null;
}

/** What of a stream view rows are built from. */
export type RowView = Pick<StreamFeatureView, 'name' | 'features' | 'transform'> & {
  readonly joinKeys: unknown;
  readonly source: Pick<StreamFeatureView['source'], 'timestampField' | 'createdTimestampField'>;
};

/** Of an event that came in no message. */
const noMessage: EventContext = Object.freeze({
  key: undefined,
  headers: Object.freeze({}),
  timestamp: undefined,
  partition: undefined,
  offset: undefined,
});

/**
 * Puts one event as a row at the end of `columns` (one array per column of `tableColumns(view)`, in that order; timestamps are
 * bigint microseconds).
 * @param context what the transform may ask of the event's message; absent = it came in none.
 * @returns `undefined` when the row is in, otherwise the reason why it is not, and nothing was added.
 */
export type RowBuilder = (
  event: EventRecord,
  columns: readonly unknown[][],
  origin: RowOrigin,
  context?: EventContext,
) => string | undefined;

/** Compiles the step from a decoded event to a row: the view's transform, or fields of the same names, checked against its types. */
export function rowBuilder(view: RowView): RowBuilder {
  const { transform } = view;
  const { timestampField, createdTimestampField } = view.source;
  const keys = Object.entries(view.joinKeys as Schema).map(([name, type]) => ({ name, check: valueChecker(type) }));
  const features = Object.entries(view.features).map(([name, type]) => ({ name, check: valueChecker(type) }));
  const values = new Array<unknown>(keys.length + 2 + features.length);

  return (event, columns, origin, context = noMessage) => {
    let at = 0;
    for (const { name, check } of keys) {
      const value = event[name];
      if (value == null) return `join key "${name}" is null`;
      const checked = check(value);
      if (checked instanceof Refusal) return `join key "${name}" is ${checked.reason}`;
      values[at++] = checked;
    }
    const eventTime = event[timestampField];
    if (!(eventTime instanceof Date)) return `"${timestampField}", the event's time, is null`;
    const created = createdTimestampField === undefined ? null : event[createdTimestampField];
    // Taken before the transform, which gets the event itself and may change it.
    values[at++] = toMicroseconds(eventTime);
    values[at++] = created instanceof Date ? toMicroseconds(created) : null;
    let output: unknown = event;
    if (transform !== undefined) {
      try {
        output = transform(event, context);
      } catch (error) {
        return `the transform failed: ${shortened(error)}`;
      }
      if (typeof output !== 'object' || output === null || output instanceof Promise) {
        return `the transform gave ${output instanceof Promise ? 'a promise' : output === null ? 'null' : typeof output}, not an object`;
      }
    }
    for (const { name, check } of features) {
      const value = (output as EventRecord)[name];
      if (value === undefined)
        return transform === undefined ? `field "${name}" is missing` : `the transform gave no "${name}"`;
      const checked = value === null ? null : check(value);
      if (checked instanceof Refusal) return `feature "${name}" is ${checked.reason}`;
      values[at++] = checked;
    }
    for (let column = 0; column < at; column += 1) (columns[column] as unknown[]).push(values[column]);
    (columns[at] as unknown[]).push(origin.ingestTimeUs);
    (columns[at + 1] as unknown[]).push(origin.position);
    (columns[at + 2] as unknown[]).push(origin.topic);
    (columns[at + 3] as unknown[]).push(origin.partition);
    (columns[at + 4] as unknown[]).push(origin.offset);
    return undefined;
  };
}

const shortened = (error: unknown): string => {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const line = text.split('\n')[0] ?? '';
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
};
