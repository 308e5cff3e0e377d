import { logGamma } from './log-gamma.js';

const tiny = 1e-300;
const precise = 1e-16;
const stepsMax = 100_000;

/** The chance that a chi-squared variable with so many degrees of freedom is above x. `scipy.stats.chi2.sf` */
export function chiSquaredSf(x: number, degrees: number): number {
  if (Number.isNaN(x) || !(degrees > 0)) return Number.NaN;
  if (x <= 0) return 1;
  if (x === Number.POSITIVE_INFINITY) return 0;
  return upperGamma(degrees / 2, x / 2);
}

/** The value that a chi-squared variable stays below with chance p. `scipy.stats.chi2.ppf` */
export function chiSquaredPpf(p: number, degrees: number): number {
  if (!(p >= 0 && p <= 1) || !(degrees > 0)) return Number.NaN;
  if (p === 0) return 0;
  if (p === 1) return Number.POSITIVE_INFINITY;
  let low = 0;
  let high = degrees + 10;
  while (chiSquaredSf(high, degrees) > 1 - p) high *= 2;
  // By halves: sure, and quick enough for the few that a report needs.
  for (let i = 0; i < 200 && high - low > 1e-14 * high; i++) {
    const middle = (low + high) / 2;
    if (chiSquaredSf(middle, degrees) > 1 - p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The regularised upper incomplete gamma function Q(a, x): a series below a + 1, a continued fraction (Lentz) above. */
function upperGamma(a: number, x: number): number {
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  return x < a + 1 ? 1 - front * lowerSeries(a, x) : front * upperFraction(a, x);
}

function lowerSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < stepsMax && term > sum * precise; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

function upperFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < stepsMax; n++) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / awayFromZero(an * d + b);
    c = awayFromZero(b + an / c);
    const step = c * d;
    fraction *= step;
    if (Math.abs(step - 1) < precise) break;
  }
  return fraction;
}

const awayFromZero = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
