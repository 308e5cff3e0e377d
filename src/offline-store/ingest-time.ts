let last = 0n;

/**
 * The ingest time of one publication or micro-batch, in microseconds since 1970; never the same twice in one process, so that
 * rows of two batches never tie.
 */
export function ingestTimeUs(): bigint {
  const now = BigInt(Math.trunc((performance.timeOrigin + performance.now()) * 1_000));
  last = now > last ? now : last + 1n;
  return last;
}
