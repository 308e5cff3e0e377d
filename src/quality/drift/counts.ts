import { chiSquaredPpf, chiSquaredSf } from './chi-squared.js';

/** How often one value, or the values of one bin, came in each of two samples. */
export interface Count {
  readonly current: number;
  readonly reference: number;
}

const totals = (counts: readonly Count[]): Count => ({
  current: counts.reduce((sum, { current }) => sum + current, 0),
  reference: counts.reduce((sum, { reference }) => sum + reference, 0),
});

const seen = (counts: readonly Count[]): Count[] => counts.filter(({ current, reference }) => current + reference > 0);

export interface ChiSquared {
  readonly statistic: number;
  readonly pValue: number;
  /** Counts expected below 5 where nothing moved: with many of them the p-value is a rough one. */
  readonly sparse: number;
}

/**
 * Whether two samples of counts come from one distribution: `scipy.stats.chi2_contingency(counts, correction=False)`. Both samples
 * count as samples. (`scipy.stats.chisquare` against the reference's shares, as in Evidently, takes these for the truth: at 5% a false
 * alarm 22% of the time for two equal samples of three values, more often for more.) For two values it is the two-sided pooled Z-test.
 */
export function chiSquared(all: readonly Count[]): ChiSquared {
  const counts = seen(all);
  const total = totals(counts);
  const rows = total.current + total.reference;
  let statistic = 0;
  let sparse = 0;
  for (const { current, reference } of counts) {
    for (const [observed, size] of [
      [current, total.current],
      [reference, total.reference],
    ] as const) {
      const expected = ((current + reference) / rows) * size;
      statistic += (observed - expected) ** 2 / expected;
      if (expected < 5) sparse++;
    }
  }
  if (counts.length < 2) return { statistic: 0, pValue: 1, sparse };
  return { statistic, pValue: chiSquaredSf(statistic, counts.length - 1), sparse };
}

/** Distance of the shares, 0 to 1: `scipy.spatial.distance.jensenshannon(current, reference, base=2)`. */
export function jensenShannon(counts: readonly Count[]): number {
  const total = totals(counts);
  let divergence = 0;
  for (const { current, reference } of counts) {
    const p = current / total.current;
    const q = reference / total.reference;
    for (const share of [p, q]) if (share > 0) divergence += (share * Math.log2((2 * share) / (p + q))) / 2;
  }
  return Math.sqrt(Math.max(0, divergence));
}

/**
 * The distance that chance alone stays below, with probability `certainty`, when nothing moved: 8·ln 2·distance² ~ (1/n + 1/m)·χ²,
 * with a degree less than there are values. Values that came once say more apart than that, by up to 2·ln 2.
 */
export function jensenShannonFloor(all: readonly Count[], certainty: number): number {
  const counts = seen(all);
  if (counts.length < 2) return 0;
  const total = totals(counts);
  const smaller = Math.min(total.current, total.reference) / (total.current + total.reference);
  const rare =
    counts.filter(({ current, reference }) => (current + reference) * smaller < 10).length > counts.length / 5;
  const square = chiSquaredPpf(certainty, counts.length - 1) * (1 / total.current + 1 / total.reference);
  return Math.min(1, Math.sqrt((square * (rare ? 2 * Math.LN2 : 1)) / (8 * Math.LN2)));
}

/**
 * The population stability index: Σ (p - q)·ln(p / q). Where one sample has nothing, half a row stands for it: the index would be
 * infinite.
 */
export function stabilityIndex(all: readonly Count[]): number {
  const counts = seen(all);
  const total = totals(counts);
  return counts.reduce((sum, { current, reference }) => {
    const p = Math.max(current, 0.5) / total.current;
    const q = Math.max(reference, 0.5) / total.reference;
    return sum + (p - q) * Math.log(p / q);
  }, 0);
}

/** The index that chance alone stays below, with probability `certainty`: when nothing moved, it is (1/n + 1/m)·χ²(bins - 1). */
export function stabilityFloor(all: readonly Count[], certainty: number): number {
  const counts = seen(all);
  if (counts.length < 2) return 0;
  const total = totals(counts);
  return chiSquaredPpf(certainty, counts.length - 1) * (1 / total.current + 1 / total.reference);
}
