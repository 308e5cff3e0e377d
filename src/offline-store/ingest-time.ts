let last = 0n;

/**
 * The ingest time of one publication or micro-batch, in microseconds since 1970; never the same twice in one process, so that
 * rows of two batches never tie.
 * @param after a time of another process that this one must not come before, whatever the clocks say.
 */
export function ingestTimeUs(after = 0n): bigint {
  const now = BigInt(Math.trunc((performance.timeOrigin + performance.now()) * 1_000));
  const floor = after > last ? after : last;
  last = now > floor ? now : floor + 1n;
  return last;
}
