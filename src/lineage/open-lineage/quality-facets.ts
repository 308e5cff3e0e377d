import type { ExpectationResult, Profile } from '../../quality/index.js';
import { type Facet, type Facets, facet } from './facets.js';

/** What an event may tell of a column's values; only numbers that are nobody's. */
export interface Tellable {
  /** Join keys, and columns that are or may be made of personal data: nothing of their values is told. */
  readonly isPrivate: (column: string) => boolean;
}

const quantiles = { p05: '0.05', p25: '0.25', p50: '0.5', p75: '0.75', p95: '0.95' } as const;

/**
 * The profile of what was validated: counts of every column, and the spread of numbers. Texts and times are never told, because a
 * least, greatest or frequent one is a value of a row.
 */
function metricsFacet({ rows, columns }: Profile, { isPrivate }: Tellable): Facet {
  const metrics = columns.map(({ name, missing, distinct, min, max, quantiles: found }) => {
    const isTold = !isPrivate(name) && typeof min === 'number' && typeof max === 'number';
    const spread = Object.entries(quantiles).flatMap(([key, share]) => {
      const value = found?.[key as keyof typeof quantiles];
      return typeof value === 'number' ? [[share, value]] : [];
    });
    return [
      name,
      {
        ...{ nullCount: missing, distinctCount: distinct, count: rows - missing },
        ...(isTold ? { min, max, ...(spread.length === 0 ? {} : { quantiles: Object.fromEntries(spread) }) } : {}),
      },
    ];
  });
  return facet('dataQualityMetrics', { rowCount: rows, columnMetrics: Object.fromEntries(metrics) });
}

/** Rules as they are defined and whether they held; what was seen is not told, it may be a value of a row. */
function assertionsFacet(results: readonly ExpectationResult[]): Facet | undefined {
  if (results.length === 0) return undefined;
  const assertions = results.flatMap(({ rule, columns, expectation, passed, severity }) =>
    (columns.length === 0 ? [undefined] : columns).map((column) => ({
      ...{ assertion: rule, success: passed, name: expectation, severity: severity === 'error' ? 'error' : 'warn' },
      ...(column === undefined ? {} : { column }),
    })),
  );
  return facet('dataQualityAssertions', { assertions });
}

export const qualityFacets = (
  found: { readonly profile: Profile; readonly expectations: readonly ExpectationResult[] } | undefined,
  tellable: Tellable,
): Facets => {
  if (found === undefined) return {};
  const assertions = assertionsFacet(found.expectations);
  return {
    dataQualityMetrics: metricsFacet(found.profile, tellable),
    ...(assertions === undefined ? {} : { dataQualityAssertions: assertions }),
  };
};
