import type { EventCounts, PartitionLag, SliceReport, StepRecord } from '../../src/index.js';

/** What a run did so far. */
export type StreamCounts = EventCounts & Pick<SliceReport, 'online' | 'offsets'>;

/** What a slice reports at its end and, now and then, while it is at work: totals are those of the view. */
export type SliceNews = SliceReport & { readonly totals: EventCounts };

export const nothing: StreamCounts = {
  read: 0,
  written: 0,
  deadLetters: 0,
  dropped: 0,
  late: 0,
  online: { written: 0, stale: 0 },
  offsets: {},
};

/** Adds what a slice did that is over. */
export function addSlice(counts: StreamCounts, slice: SliceNews, baseline: EventCounts): StreamCounts {
  const { online } = counts;
  return {
    ...hearOf(counts, slice, baseline),
    online: { written: online.written + slice.online.written, stale: online.stale + slice.online.stale },
  };
}

/**
 * Where the stream is by the news of one of its consumers. Totals are read back from the lake, so what a killed consumer committed
 * is counted too; news of several consumers arrive in any order, and what was read only grows.
 * @param baseline what the view had read before this run.
 */
export function hearOf(
  counts: StreamCounts,
  { totals, offsets }: Pick<SliceNews, 'totals' | 'offsets'>,
  baseline: EventCounts,
): StreamCounts {
  const most = (name: keyof EventCounts): number => Math.max(counts[name], totals[name] - baseline[name]);
  return {
    read: most('read'),
    written: most('written'),
    deadLetters: most('deadLetters'),
    dropped: most('dropped'),
    late: most('late'),
    online: counts.online,
    offsets: { ...counts.offsets, ...offsets },
  };
}

export const stepOf = (view: string, counts: StreamCounts, attempts: number, durationMs: number): StepRecord => ({
  name: `consume ${view}`,
  attempts,
  rowsIn: counts.read,
  rowsOut: counts.written,
  durationMs,
});

/** For the Web UI. */
export function describeStream(status: string, counts: StreamCounts): string {
  const { read, written, deadLetters, dropped, late, offsets } = counts;
  const rows = Object.entries(offsets).map(
    ([partition, lag]) =>
      `| ${partition} | ${lag.next} | ${lag.end} | ${Math.max(0, lag.end - lag.next)} | ${seconds(lag)} |`,
  );
  return [
    `**${status}**: ${read} read, ${written} written, ${deadLetters} dead letters, ${dropped} dropped, ${late} late`,
    '',
    '| partition | next offset | end | behind | seconds behind |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

const seconds = ({ lagSeconds }: PartitionLag): string =>
  lagSeconds === undefined || lagSeconds === null ? '' : lagSeconds.toFixed(1);
