/**
 * P-values corrected for how many there are, after Benjamini and Hochberg, Journal of the Royal Statistical Society B 57 (1995): of
 * what stays below 0.05, at most 5% are expected to be false alarms. `scipy.stats.false_discovery_control`
 */
export function adjustPValues(pValues: readonly number[]): number[] {
  const order = pValues.map((_, index) => index).sort((a, b) => (pValues[b] ?? 1) - (pValues[a] ?? 1));
  const adjusted = [...pValues];
  let least = 1;
  for (const [fromTop, index] of order.entries()) {
    const rank = pValues.length - fromTop;
    least = Math.min(least, ((pValues[index] ?? 1) * pValues.length) / rank);
    adjusted[index] = least;
  }
  return adjusted;
}
