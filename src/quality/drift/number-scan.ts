import { type Session, type StatementOptions, tempTable } from '../../lake/index.js';
import type { DriftBin } from '../drift-result.js';
import type { Count } from './counts.js';

/** Bins of the stability index: tenths of the reference. */
const tenths = 10;
/** Bins drawn. */
const barsMax = 20;

export interface NumberScan {
  /** max |F - G| as a whole number: times n·m. */
  readonly ksDistance: bigint;
  /** Area between the two cumulated shares, in scaled units. */
  readonly wasserstein: number;
  /** Of the reference (divided by n), in scaled units; 0 when it is constant. */
  readonly deviation: number;
}

/**
 * SQL that adds to {@link countedValues} the value as a number (`x`, divided by `scale`), the next one, and the cumulated counts.
 * @param scale a power of two near the largest number: divides without loss, and lets squares of the largest doubles fit.
 */
export const cumulated = (counted: string, scale: number): string =>
  `SELECT v, v::DOUBLE / '${scale}'::DOUBLE AS x, c, r, lead(v) OVER (ORDER BY v)::DOUBLE / '${scale}'::DOUBLE AS next_x,
     (sum(c) OVER below)::BIGINT AS c_to, (sum(r) OVER below)::BIGINT AS r_to
   FROM (${counted}) WINDOW below AS (ORDER BY v ROWS UNBOUNDED PRECEDING)`;

/** All that the distances need, in one pass over a table made of {@link cumulated}. */
export async function scanNumbers(
  session: Session,
  table: string,
  { current, reference }: Count,
  options: StatementOptions,
): Promise<NumberScan> {
  const row = await session.one<Record<string, unknown>>(
    `WITH centre AS (SELECT fsum(r * x) / ${reference} AS mean FROM ${tempTable(table)})
     SELECT max(abs(c_to::HUGEINT * ${reference} - r_to::HUGEINT * ${current}))::VARCHAR AS distance,
       fsum(abs(c_to / ${current} - r_to / ${reference}) * (next_x - x)) AS area,
       count(*) FILTER (r > 0) AS reference_values,
       sqrt(fsum(r * (x - mean) ** 2) / ${reference}) AS deviation
     FROM ${tempTable(table)}, centre`,
    [],
    options,
  );
  return {
    ksDistance: BigInt(String(row?.['distance'] ?? 0)),
    wasserstein: Number(row?.['area'] ?? 0),
    deviation: Number(row?.['reference_values'] ?? 0) < 2 ? 0 : Number(row?.['deviation'] ?? 0),
  };
}

/**
 * Counts per tenth of the reference: a value's bin is how many of its nine inner deciles (`numpy.quantile(…, 'inverted_cdf')`) lie
 * below it. Deciles that are equal make one bin.
 */
export async function countTenths(
  session: Session,
  table: string,
  { reference }: Count,
  options: StatementOptions,
): Promise<Count[]> {
  const rows = await session.all<{ c: bigint; r: bigint }>(
    `SELECT sum(c)::BIGINT AS c, sum(r)::BIGINT AS r FROM ${tempTable(table)}
     GROUP BY least(${tenths - 1}, (r_to - r) * ${tenths} // ${reference})`,
    [],
    options,
  );
  return rows.map(({ c, r }) => ({ current: Number(c), reference: Number(r) }));
}

/**
 * Shares in bins of equal width. Where single values lie far out, the inner 98% are cut in bins, and the first and last reach as far
 * as there are values.
 */
export async function countBars(
  session: Session,
  table: string,
  total: Count,
  show: (x: number) => number | string,
  options: StatementOptions,
): Promise<DriftBin[]> {
  const share = `((c_to / ${total.current} + r_to / ${total.reference}) / 2)`;
  const range = await session.one<Record<'low' | 'high' | 'inner_low' | 'inner_high', number>>(
    `SELECT min(x) AS low, max(x) AS high, min(x) FILTER (${share} >= 0.01) AS inner_low, min(x) FILTER (${share} >= 0.99) AS inner_high
     FROM ${tempTable(table)}`,
    [],
    options,
  );
  if (range === undefined) return [];
  const { low, high } = range;
  const farOut = high - low > 3 * (range.inner_high - range.inner_low) && range.inner_high > range.inner_low;
  const from = farOut ? range.inner_low : low;
  const to = farOut ? range.inner_high : high;
  if (!(to > from)) return [];
  const place = `floor((x - '${from}'::DOUBLE) / '${to - from}'::DOUBLE * ${barsMax})`;
  const rows = await session.all<{ bin: number; c: bigint; r: bigint }>(
    `SELECT greatest(0, least(${barsMax - 1}, ${place}))::INTEGER AS bin, sum(c)::BIGINT AS c, sum(r)::BIGINT AS r
     FROM ${tempTable(table)} GROUP BY 1`,
    [],
    options,
  );
  const found = new Map(rows.map(({ bin, c, r }) => [bin, { current: Number(c), reference: Number(r) }]));
  const edge = (bin: number): number =>
    bin === 0 ? low : bin === barsMax ? high : from + (to - from) * (bin / barsMax);
  return Array.from({ length: barsMax }, (_, bin) => ({
    from: show(edge(bin)),
    to: show(edge(bin + 1)),
    current: (found.get(bin)?.current ?? 0) / total.current,
    reference: (found.get(bin)?.reference ?? 0) / total.reference,
  }));
}
