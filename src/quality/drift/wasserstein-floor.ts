import { type Session, type StatementOptions, tempTable } from '../../lake/index.js';
import { chiSquaredPpf } from './chi-squared.js';
import type { Count } from './counts.js';

/** A stretch of values at which both samples together have about the same cumulated share. */
export interface Stretch {
  readonly share: number;
  /** ∫ √(F·(1 - F)) over it. */
  readonly weight: number;
}

/** The stretches of a table made of `cumulated`, narrow where shares are small or large: some 300 at most. */
export async function readStretches(
  session: Session,
  table: string,
  total: Count,
  options: StatementOptions,
): Promise<Stretch[]> {
  const rows = await session.all<{ share: number; weight: number }>(
    `SELECT avg(f) AS share, fsum(sqrt(f * (1 - f)) * width) AS weight FROM (
       SELECT (c_to + r_to) / ${total.current + total.reference} AS f, next_x - x AS width FROM ${tempTable(table)}
     ) WHERE f > 0 AND f < 1 AND width IS NOT NULL GROUP BY floor(8 * ln(f / (1 - f))) ORDER BY share`,
    [],
    options,
  );
  return rows.map(({ share, weight }) => ({ share: Number(share), weight: Number(weight) }));
}

/**
 * The Wasserstein distance that chance alone stays below, with probability `certainty`, when nothing moved. It is then
 * √(1/n + 1/m) · ∫ |B(F(x))| dx of a Brownian bridge B, whose mean and variance follow from those of the absolute values of two normal
 * variables; a gamma distribution of that mean and variance stands for it.
 * @returns in the units of the stretches' weights.
 */
export function wassersteinFloor(stretches: readonly Stretch[], total: Count, certainty: number): number {
  let mean = 0;
  let variance = 0;
  for (const [index, one] of stretches.entries()) {
    mean += Math.sqrt(2 / Math.PI) * one.weight;
    for (const other of stretches.slice(index)) {
      const odds = (one.share * (1 - other.share)) / (other.share * (1 - one.share));
      const correlation = Math.sqrt(Math.min(1, odds));
      const covariance = (2 / Math.PI) * (correlation * Math.asin(correlation) + Math.sqrt(1 - correlation ** 2) - 1);
      variance += (one === other ? 1 : 2) * one.weight * other.weight * covariance;
    }
  }
  if (!(variance > 0)) return 0;
  const shape = mean ** 2 / variance;
  const scale = variance / mean;
  const sizes = Math.sqrt(1 / total.current + 1 / total.reference);
  return (sizes * scale * chiSquaredPpf(certainty, 2 * shape)) / 2;
}
