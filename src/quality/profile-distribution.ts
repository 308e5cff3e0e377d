import { id, type Session, type StatementOptions } from '../lake/index.js';
import type { Range } from './profile-range.js';
import { type Bin, type Distribution, profileLimits } from './profile-types.js';
import { columnClass, type FileColumn, finiteNumber } from './value-json.js';

export interface DistributionOptions extends StatementOptions {
  /** Quantiles from a sketch of bounded size instead of from all values in memory. */
  readonly approximateQuantiles: boolean;
}

const none: Distribution = { mean: null, stddev: null, quantiles: null, histogram: [] };
const quantileShares = '[0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]';

/**
 * Sums of squares of doubles beyond this overflow, which DuckDB answers with an error. Such columns are divided by a power of two
 * first, which loses nothing, and the results multiplied by it.
 */
const hugeNumber = 1e150;
const hugeScale = 2 ** 600;

/** One scan for mean, deviation, quantiles and histogram of these columns, whose ranges are known. */
export async function scanDistributions(
  session: Session,
  file: string,
  columns: readonly FileColumn[],
  ranges: readonly Range[],
  { approximateQuantiles, signal }: DistributionOptions,
): Promise<Distribution[]> {
  const plans = columns.map((column, index) => planOf(column, ranges[index]));
  const wanted = plans.flatMap((plan, index) => {
    if (plan === undefined) return [];
    const number = `(${plan.number})::DOUBLE / ${plan.scale}::DOUBLE`;
    const quantile = approximateQuantiles ? 'approx_quantile' : 'quantile_cont';
    return [
      `avg(${number}) AS mean_${index}`,
      `stddev_samp(${number}) AS stddev_${index}`,
      ...(plan.unit === undefined
        ? []
        : [`skewness(${plan.unit}) AS skewness_${index}`, `kurtosis(${plan.unit}) AS kurtosis_${index}`]),
      `${quantile}(${number}, ${quantileShares}) AS quantiles_${index}`,
      `histogram(${plan.binOf}) AS bins_${index}`,
    ];
  });
  if (wanted.length === 0) return columns.map(() => none);
  const sql = `SELECT ${wanted.join(', ')} FROM read_parquet($1) AS s`;
  const row = (await session.one(sql, [file], { signal })) ?? {};
  return plans.map((plan, index) =>
    plan === undefined ? none : readDistribution(plan, (name) => row[`${name}_${index}`]),
  );
}

interface Plan {
  readonly isTime: boolean;
  /** SQL of the value as a finite number. */
  readonly number: string;
  readonly scale: number;
  /** SQL of the value moved and scaled into -1..1, whose powers are small; `undefined` for times and constants. */
  readonly unit: string | undefined;
  /** SQL of the number of its bin. */
  readonly binOf: string;
  readonly edges: readonly (number | bigint)[];
}

function planOf({ name, type }: FileColumn, range: Range | undefined): Plan | undefined {
  const number = finiteNumber(`s.${id(name)}`, type);
  if (number === undefined || range === undefined || range.low === null || range.high === null) return undefined;
  const isTime = columnClass(type) === 'time';
  const isWhole = isTime || columnClass(type) === 'integer';
  const bins = isWhole
    ? wholeBins(number, BigInt(range.low), BigInt(range.high))
    : realBins(number, Number(range.low), Number(range.high));
  const huge = Math.max(Math.abs(Number(range.low)), Math.abs(Number(range.high))) > hugeNumber;
  const unit = isTime ? undefined : unitInterval(number, Number(range.low), Number(range.high));
  return { isTime, number, scale: huge ? hugeScale : 1, unit, ...bins };
}

/**
 * SQL that moves and scales finite numbers from low..high to about -1..1, in halves because their distance may be beyond the highest
 * double; `undefined` for a constant. Shape and correlation are those of the numbers themselves.
 */
export function unitInterval(number: string, low: number, high: number): string | undefined {
  const half = high / 2 - low / 2;
  const middle = high / 2 + low / 2;
  if (!(half > 0)) return undefined;
  return `(((${number})::DOUBLE - '${middle}'::DOUBLE) / '${half}'::DOUBLE)`;
}

function wholeBins(number: string, low: bigint, high: bigint): Pick<Plan, 'binOf' | 'edges'> {
  const span = high - low + 1n;
  const width = (span + BigInt(profileLimits.bins) - 1n) / BigInt(profileLimits.bins);
  const count = Number((span + width - 1n) / width);
  // HUGEINT divides ten times as slowly, so it is for columns whose distances or values need it.
  const type = span < 2n ** 63n && high < 2n ** 63n ? 'BIGINT' : 'HUGEINT';
  return {
    binOf: `(((${number})::${type} - (${low})::${type}) // ${width}::${type})::UTINYINT`,
    edges: Array.from({ length: count + 1 }, (_, edge) => low + BigInt(edge) * width),
  };
}

/** In halves, because the distance from the lowest to the highest double is beyond the highest double. */
function realBins(number: string, low: number, high: number): Pick<Plan, 'binOf' | 'edges'> {
  const half = high / 2 - low / 2;
  if (half === 0) return { binOf: `CASE WHEN (${number}) IS NOT NULL THEN 0 END::UTINYINT`, edges: [low, high] };
  const last = profileLimits.bins - 1;
  // As text: a literal with a point is a DECIMAL, whose way to DOUBLE may be off by a bit, which puts the lowest value in bin -1.
  const place = `floor(((${number}) / 2 - '${low / 2}'::DOUBLE) / '${half}'::DOUBLE * ${profileLimits.bins})`;
  const edge = (index: number) => 2 * (low / 2 + half * (index / profileLimits.bins));
  return {
    // The highest value would be in a bin of its own. Not least(): that one takes a null for nothing.
    binOf: `(CASE WHEN ${place} > ${last} THEN ${last} ELSE ${place} END)::UTINYINT`,
    edges: Array.from({ length: profileLimits.bins + 1 }, (_, index) => (index > last ? high : edge(index))),
  };
}

function readDistribution(plan: Plan, read: (name: string) => unknown): Distribution {
  const number = (value: unknown) => finiteOrNull((value as number | null) ?? Number.NaN, plan.scale);
  const show = (value: number | bigint) => (plan.isTime ? isoOfMicros(value) : jsonNumber(value));
  const quantiles = (read('quantiles') as number[] | null)?.map((value) => show(value * plan.scale));
  const [p01, p05, p25, p50, p75, p95, p99] = quantiles ?? [];
  const shape = (name: string) => finiteOrNull((read(name) as number | null | undefined) ?? Number.NaN, 1);
  return {
    mean: plan.isTime ? null : number(read('mean')),
    stddev: plan.isTime ? null : number(read('stddev')),
    ...(plan.isTime ? {} : { skewness: shape('skewness'), kurtosis: shape('kurtosis') }),
    quantiles:
      p05 === undefined || p25 === undefined || p50 === undefined || p75 === undefined || p95 === undefined
        ? null
        : { p01, p05, p25, p50, p75, p95, p99 },
    histogram: readBins(plan, read('bins') as readonly { key: number; value: bigint }[] | null, show),
  };
}

function readBins(
  { edges }: Plan,
  counts: readonly { key: number; value: bigint }[] | null,
  show: (edge: number | bigint) => number | string,
): Bin[] {
  const byBin = new Map((counts ?? []).map(({ key, value }) => [Number(key), Number(value)]));
  return edges.slice(0, -1).map((from, bin) => ({
    from: show(from),
    to: show(edges[bin + 1] ?? from),
    count: byBin.get(bin) ?? 0,
  }));
}

/** The deviation of the largest doubles is no double itself. */
function finiteOrNull(value: number, scale: number): number | null {
  const scaled = value * scale;
  return Number.isFinite(scaled) ? scaled : null;
}

const jsonNumber = (value: number | bigint): number | string => {
  if (typeof value === 'number') return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
};

/** DuckDB's times reach further than JavaScript's; those stay a number with its unit. */
export function isoOfMicros(value: number | bigint): string {
  const date = new Date(Number(value) / 1000);
  return Number.isNaN(date.getTime()) ? `${value} µs` : date.toISOString();
}
