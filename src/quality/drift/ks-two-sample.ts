import { kolmogorovSf } from './kolmogorov.js';

/** Up to here the p-value is counted out, as scipy's `method='auto'` does. */
const exactMax = 10_000;

/**
 * The two-sided p-value of a two-sample Kolmogorov-Smirnov test, as `scipy.stats.ks_2samp` gives it: exact when neither sample has
 * more than 10,000 values, else that of one sample of n·m/(n+m) values.
 * @param distance the largest difference of the cumulated counts, as a whole number: max |cₙ·m - cₘ·n|; over n·m it is the statistic
 */
export function ksPValue(n: number, m: number, distance: bigint): number {
  if (distance <= 0n) return 1;
  const statistic = Number(distance) / (n * m);
  if (Math.max(n, m) > exactMax) return kolmogorovSf(roundHalfEven((n * m) / (n + m)), statistic);
  const common = divisor(n, m);
  const gap = Number(distance) / common;
  const p = n === m ? outsideSquare(n, gap) : outside(Math.max(n, m), Math.min(n, m), common, gap);
  return Math.min(1, Math.max(0, p));
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  return x - down === 0.5 ? down + (down % 2) : Math.round(x);
}

/**
 * The share of all orders of n and n values in which some difference reaches `gap` steps, by the reflection principle:
 * 2·(C(2n, n-gap) - C(2n, n-2·gap) + …) / C(2n, n), as a nested product so that nothing large is subtracted.
 */
function outsideSquare(n: number, gap: number): number {
  let share = 0;
  for (let k = Math.floor(n / gap); k >= 0; k--) {
    let factor = 1;
    for (let j = 0; j < gap; j++) factor *= (n - k * gap - j) / (n + k * gap + j + 1);
    share = factor * (1 - share);
  }
  return 2 * share;
}

/**
 * The same for n > m: over all orders as lattice paths from (0, 0) to (n, m), the share that touches |x·m - y·n| / common >= gap.
 * The share of paths to (x, y) follows from those one step before, weighted by how many of the paths come that way.
 */
function outside(n: number, m: number, common: number, gap: number): number {
  const stepX = m / common;
  const stepY = n / common;
  const isOutside = (x: number, y: number): boolean => Math.abs(x * stepX - y * stepY) >= gap;
  const share = new Float64Array(m + 1);
  for (let y = 0; y <= m; y++) share[y] = isOutside(0, y) ? 1 : 0;
  for (let x = 1; x <= n; x++) {
    // Outside of the band all are 1; only the band moves.
    const low = Math.max(0, Math.floor((x * stepX - gap) / stepY) + 1);
    const high = Math.min(m, Math.ceil((x * stepX + gap) / stepY) - 1);
    const before = Math.max(0, Math.floor(((x - 1) * stepX - gap) / stepY) + 1);
    for (let y = before; y < Math.min(low, m + 1); y++) share[y] = 1;
    for (let y = low; y <= high; y++) {
      const below = y === 0 ? 0 : (share[y - 1] ?? 1);
      share[y] = ((share[y] ?? 1) * x + below * y) / (x + y);
    }
    for (let y = high + 1; y <= m && share[y] !== 1; y++) share[y] = 1;
  }
  return share[m] ?? 1;
}
