import { logFactorial } from './log-gamma.js';

/**
 * The chance that the two-sided Kolmogorov-Smirnov statistic of n values is above d. `scipy.stats.kstwo.sf`
 * Which way suits which n and d: Simard and L'Ecuyer, Journal of Statistical Software 39 (2011).
 */
export function kolmogorovSf(n: number, d: number): number {
  if (d <= 0 || n * d <= 0.5) return 1;
  if (d >= 1) return 0;
  const nd = n * d;
  const ndd = nd * d;
  if (nd <= 1) return clip(1 - Math.exp(logFactorial(n) - n * Math.log(n) + n * Math.log(2 * nd - 1)));
  if (d >= 0.5 || nd >= n - 1 || ndd >= (n <= 140 ? 4 : 2.2)) return clip(2 * oneSided(n, d));
  return clip(1 - (n <= 140 || (n <= 100_000 && n * d ** 1.5 <= 1.4) ? durbin(n, d) : pelzGood(n, d)));
}

const clip = (p: number): number => Math.min(1, Math.max(0, p));

/** Smirnov's one-sided probability, exact: a sum of positive terms. Twice it is the two-sided one where that is small. */
function oneSided(n: number, d: number): number {
  const logs = Math.log(d) + logFactorial(n);
  let sum = 0;
  for (let j = 0; j <= Math.floor(n * (1 - d)); j++) {
    const rest = 1 - d - j / n;
    if (rest <= 0) continue;
    const ways = logs - logFactorial(j) - logFactorial(n - j);
    sum += Math.exp(ways + (j - 1) * Math.log(d + j / n) + (n - j) * Math.log(rest));
  }
  return sum;
}

type Matrix = Float64Array;
const scale = 2 ** 128;

/** Durbin's matrix, as Marsaglia, Tsang and Wang compute it, Journal of Statistical Software 8 (2003). Exact; for small n·d. */
function durbin(n: number, d: number): number {
  const k = Math.ceil(n * d);
  const h = k - n * d;
  const size = 2 * k - 1;
  let power = durbinMatrix(size, h);
  let powerScales = 0;
  let result: Matrix | undefined;
  let resultScales = 0;
  for (let left = n; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) {
      result = result === undefined ? power : multiply(result, power, size);
      resultScales += powerScales;
    }
    power = multiply(power, power, size);
    powerScales *= 2;
    if (Math.abs(power[(k - 1) * size + k - 1] ?? 0) > scale) {
      power = power.map((value) => value / scale);
      powerScales += 1;
    }
  }
  const middle = result?.[(k - 1) * size + k - 1] ?? 0;
  return Math.exp(Math.log(middle) + resultScales * Math.log(scale) + logFactorial(n) - n * Math.log(n));
}

function durbinMatrix(size: number, h: number): Matrix {
  const matrix = new Float64Array(size * size);
  const corner = 1 - 2 * h ** size + Math.max(0, 2 * h - 1) ** size;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const distance = row - column + 1;
      if (distance < 0) continue;
      const value =
        column === 0 && row === size - 1
          ? corner
          : column === 0
            ? 1 - h ** (row + 1)
            : row === size - 1
              ? 1 - h ** (size - column)
              : 1;
      matrix[row * size + column] = value * Math.exp(-logFactorial(distance));
    }
  }
  return matrix;
}

function multiply(a: Matrix, b: Matrix, size: number): Matrix {
  const product = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let inner = 0; inner < size; inner++) {
      const factor = a[row * size + inner] ?? 0;
      if (factor === 0) continue;
      for (let column = 0; column < size; column++)
        product[row * size + column] = (product[row * size + column] ?? 0) + factor * (b[inner * size + column] ?? 0);
    }
  }
  return product;
}

/** Pelz and Good, Journal of the Royal Statistical Society B 38 (1976): a series in 1/√n, to its fourth term. */
function pelzGood(n: number, d: number): number {
  const z = Math.sqrt(n) * d;
  const pi2 = Math.PI ** 2;
  const q = -pi2 / (2 * z ** 2);
  // Over k + 1/2, k = 0, 1, …: each half-integer counts for itself and its negative.
  const sums = [0, 0, 0, 0] as [number, number, number, number];
  const terms = Math.ceil((16 * z) / Math.PI) + 1;
  for (let k = 0; k < terms; k++) {
    const half = k + 0.5;
    const p2 = pi2 * half ** 2;
    const weight = 2 * Math.exp(q * half ** 2);
    sums[0] += weight;
    sums[1] += weight * (p2 - z ** 2);
    sums[2] += weight * (6 * z ** 6 + 2 * z ** 4 + (2 * z ** 4 - 5 * z ** 2) * p2 + (1 - 2 * z ** 2) * p2 ** 2);
    sums[3] +=
      weight *
      ((5 - 30 * z ** 2) * p2 ** 3 +
        (212 * z ** 4 - 60 * z ** 2) * p2 ** 2 +
        (135 * z ** 4 - 96 * z ** 6) * p2 -
        30 * z ** 6 -
        90 * z ** 8);
  }
  let extra2 = 0;
  let extra3 = 0;
  for (let k = 1; k < terms; k++) {
    const p2 = pi2 * k ** 2;
    const weight = 2 * Math.exp(q * k ** 2);
    extra2 += weight * p2;
    extra3 += weight * (3 * p2 * z ** 2 - p2 ** 2);
  }
  const root = Math.sqrt(2 * Math.PI);
  const k0 = (root / (2 * z)) * sums[0];
  const k1 = (root / (12 * z ** 4)) * sums[1];
  const k2 = (root / (144 * z ** 7)) * sums[2] - (root / (72 * z ** 3)) * extra2;
  const k3 = (root / (12960 * z ** 10)) * sums[3] + (root / (432 * z ** 6)) * extra3;
  return k0 + k1 / Math.sqrt(n) + k2 / n + k3 / n ** 1.5;
}
