import type { SliceReport } from '../../src/index.js';
import { measure } from './metrics.js';

/** What every activity is called with and answers, as far as it is measured. */
interface Measured {
  readonly view?: unknown;
}
interface Answer {
  readonly result?: { readonly rowsIn?: unknown; readonly rowsOut?: unknown };
}

const viewOf = (input: unknown): string => {
  const { view } = (typeof input === 'object' ? (input ?? {}) : {}) as Measured;
  return typeof view === 'string' ? view : '';
};

/** Rows of a step that is done. */
export function measureStep(input: unknown, answer: unknown): void {
  const { rowsIn, rowsOut } = ((answer ?? {}) as Answer).result ?? {};
  const view = viewOf(input);
  if (typeof rowsIn === 'number') measure('asof_step_rows_in', rowsIn, { view });
  if (typeof rowsOut === 'number') measure('asof_step_rows_out', rowsOut, { view });
}

/** @param failure what Temporal is told; its type is the class of the error. */
export function measureFailure(input: unknown, failure: unknown): void {
  const { type, name } = failure as { type?: string | null; name?: string };
  if (name === 'CancelledFailure') return;
  measure('asof_step_failures', 1, { view: viewOf(input), type: type ?? 'Error' });
}

const counted = ['read', 'written', 'deadLetters', 'dropped', 'late'] as const;

/** Partitions are shown for this long after the last slice that had them, unless another slice of this worker has them by then. */
const forgetAfterMs = 60_000;
const measuredAt = new Map<string, number>();

/** Measures how far a slice of a stream is, each time it got further. */
export function streamMeter(view: string): { measure(report: SliceReport): void; close(): void } {
  const before = new Map<string, number>();
  const held = new Set<string>();
  const name = (partition: string): string => `${view} ${partition}`;
  const lag = (partition: string, records: number, seconds: number | null): void => {
    measuredAt.set(name(partition), Date.now());
    measure('asof_stream_lag_records', records, { view, partition });
    if (seconds !== null) measure('asof_stream_lag_seconds', seconds, { view, partition });
  };
  return {
    measure(report) {
      for (const outcome of counted) {
        measure('asof_stream_events', report[outcome] - (before.get(outcome) ?? 0), { view, outcome });
        before.set(outcome, report[outcome]);
      }
      for (const [partition, { next, end, lagSeconds = null }] of Object.entries(report.offsets)) {
        held.add(partition);
        lag(partition, Math.max(0, end - next), lagSeconds);
      }
      // Another worker shows it from now on; here it would stand still.
      for (const partition of held) {
        if (partition in report.offsets) continue;
        held.delete(partition);
        lag(partition, 0, 0);
      }
    },
    close() {
      const forget = (): void => {
        for (const partition of held) {
          if (Date.now() - (measuredAt.get(name(partition)) ?? 0) >= forgetAfterMs) lag(partition, 0, 0);
        }
      };
      setTimeout(forget, forgetAfterMs).unref();
    },
  };
}
