import { metricMeter } from '@temporalio/activity';

/**
 * What asof measures besides what the SDK does, for Prometheus (`asof worker --metrics-address`). Names end in their unit;
 * counters get `_total` on the way out. docs/temporal-service.md lists them.
 */
const metrics = {
  asof_step_rows_in: { kind: 'counter', about: 'rows a step read' },
  asof_step_rows_out: { kind: 'counter', about: 'rows a step handed on or wrote' },
  asof_step_failures: { kind: 'counter', about: 'failed attempts of a step, by the class of the error' },
  asof_stream_events: { kind: 'counter', about: 'events of a stream, by what became of them' },
  asof_stream_lag_records: { kind: 'gauge', about: 'events between what was read of a partition and its end' },
  asof_stream_lag_seconds: {
    kind: 'gauge',
    about: 'age of the last event that was read of a partition, while there are more; 0 = none is behind',
  },
} as const satisfies Record<string, { kind: 'counter' | 'gauge'; about: string }>;

export type MetricName = keyof typeof metrics;

/** Few values each, or Prometheus drowns: views, partitions and kinds; never keys, runs or messages. */
export type MetricTags = Readonly<Record<string, string | number>>;

/**
 * Adds to a counter or sets a gauge; to be called from inside an activity. Costs nothing where nobody serves metrics.
 * @param tags besides those the SDK adds: activityType, taskQueue, namespace.
 */
export function measure(name: MetricName, value: number, tags: MetricTags = {}): void {
  const { kind, about } = metrics[name];
  const meter = metricMeter.withTags(tags);
  // Counters only grow, and a measurement must never be what a step fails of.
  if (kind === 'counter') meter.createCounter(name, undefined, about).add(Math.max(0, value));
  else meter.createGauge(name, 'float', undefined, about).set(value);
}
