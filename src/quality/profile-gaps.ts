import { id, type Session, type StatementOptions } from '../lake/index.js';
import { isoOfMicros } from './profile-distribution.js';
import type { Range } from './profile-range.js';
import { profileLimits, type TimeGap } from './profile-types.js';
import { type FileColumn, micros } from './value-json.js';

/**
 * The longest time without a value in a time column. Only the first and last value of many equal spans are kept, so memory is
 * bounded; a gap at least as long as a span lies between two of those, and a shorter one is not told.
 */
export async function largestGap(
  session: Session,
  file: string,
  { name, type }: FileColumn,
  { low, high }: Range,
  options: StatementOptions,
): Promise<TimeGap | undefined> {
  if (low === null || high === null || low === high) return undefined;
  const span = BigInt(high) - BigInt(low) + 1n;
  const width = (span + BigInt(profileLimits.gapSpans) - 1n) / BigInt(profileLimits.gapSpans);
  const whole = span < 2n ** 63n ? 'BIGINT' : 'HUGEINT';
  const row = await session.one<{ from_us: bigint; to_us: bigint }>(
    `WITH spans AS (
       SELECT (v - (${low})::${whole}) // ${width}::${whole} AS span, min(v) AS first, max(v) AS last
       FROM (SELECT (${micros(`s.${id(name)}`, type)})::${whole} AS v FROM read_parquet($1) AS s) WHERE v IS NOT NULL GROUP BY 1),
     gaps AS (SELECT last AS from_us, lead(first) OVER (ORDER BY span) AS to_us FROM spans)
     SELECT from_us, to_us FROM gaps WHERE to_us IS NOT NULL ORDER BY to_us - from_us DESC, from_us LIMIT 1`,
    [file],
    options,
  );
  if (row === undefined) return undefined;
  const gap = row.to_us - row.from_us;
  if (gap < width) return undefined;
  return { seconds: Number(gap) / 1e6, from: isoOfMicros(row.from_us), to: isoOfMicros(row.to_us) };
}
