import { createdTimestamp } from '../definitions/feature-table.js';
import type { ColumnProfile } from './profile-types.js';
import type { ReportData } from './report-data.js';
import { formatNumber, formatShare } from './report-format.js';
import { alertLimits } from './report-limits.js';

/** One kind of oddity of the data, with the columns it was seen in. Failed expectations are told beside them. */
export interface Alert {
  readonly kind: 'drift' | 'note';
  /** Said of the columns: `missing in every row`. */
  readonly text: string;
  readonly columns: readonly AlertColumn[];
}

export interface AlertColumn {
  readonly name: string;
  /** Another one, of a pair. */
  readonly with?: string | undefined;
  readonly detail?: string | undefined;
}

/** What a reader should know of the data beside failed expectations, the gravest first. */
export function alertsOf(report: ReportData): Alert[] {
  const { profile } = report;
  const { rows, columns, keyDuplicates } = profile;
  const present = ({ missing }: ColumnProfile): number => rows - missing;
  const those = (
    text: string,
    is: (column: ColumnProfile) => boolean,
    detail?: (column: ColumnProfile) => string,
  ): Alert => ({
    kind: 'note',
    text,
    columns: columns.filter(is).map((column) => ({ name: column.name, detail: detail?.(column) })),
  });
  const found = [
    ...driftAlerts(report),
    ...(keyDuplicates !== undefined && keyDuplicates.rows > 0
      ? [
          {
            kind: 'note' as const,
            text: `${formatNumber(keyDuplicates.rows)} rows repeat the key of another row; the one created last counts`,
            columns: keyDuplicates.columns.map((name) => ({ name })),
          },
        ]
      : []),
    those('missing in every row', ({ name, missing }) => rows > 0 && missing === rows && isExpected(name, report)),
    those(
      `missing in more than ${formatShare(alertLimits.missingShare)} of the rows`,
      ({ missing, missingRatio }) => missing < rows && missingRatio > alertLimits.missingShare,
      ({ missingRatio }) => formatShare(missingRatio),
    ),
    those('the same value in every row', ({ distinct, missing }) => rows > 1 && distinct === 1 && missing === 0),
    those(
      'NaN or infinite values',
      ({ nonFinite }) => nonFinite > 0,
      ({ nonFinite }) => formatNumber(nonFinite),
    ),
    correlated(report),
    those(
      'very skewed',
      ({ skewness }) => Math.abs(skewness ?? 0) > alertLimits.skewness,
      ({ skewness }) => `skewness ${formatNumber(skewness ?? 0)}`,
    ),
    those(
      'mostly zeros',
      (column) => column.distinct > 1 && (column.zeros ?? 0) > alertLimits.zeroShare * present(column),
      (column) => formatShare((column.zeros ?? 0) / present(column)),
    ),
    those(
      'empty texts',
      ({ emptyTexts }) => (emptyTexts ?? 0) > 0,
      ({ emptyTexts }) => formatNumber(emptyTexts ?? 0),
    ),
    those(
      'texts that are nearly all different',
      (column) =>
        column.lengths !== undefined &&
        !(report.joinKeys ?? []).includes(column.name) &&
        column.distinct > Math.max(alertLimits.manyTexts, alertLimits.manyTextsShare * present(column)),
      ({ distinct }) => `${formatNumber(distinct)} different`,
    ),
  ];
  return found.filter((alert) => alert.columns.length > 0);
}

/** Created times that no column of the source gives are not missing. */
const isExpected = (column: string, { source }: ReportData): boolean =>
  column !== createdTimestamp || source === undefined || source.createdTimestampField !== undefined;

function driftAlerts({ drift = [] }: ReportData): Alert[] {
  return drift.flatMap(({ reference, columns }) => {
    const drifted = columns.filter((column) => column.drifted);
    const text = `drifted against ${reference}, ${drifted.length} of ${columns.length} columns`;
    return [{ kind: 'drift' as const, text, columns: drifted.map(({ column }) => ({ name: column })) }];
  });
}

function correlated({ profile: { correlations } }: ReportData): Alert {
  const { columns = [], values = [] } = correlations ?? {};
  const pairs = values.flatMap((row, i) =>
    row.flatMap((r, j) =>
      r !== null && Math.abs(r) > alertLimits.correlation
        ? [{ name: columns[j] ?? '', with: columns[i] ?? '', detail: formatNumber(r) }]
        : [],
    ),
  );
  return { kind: 'note', text: 'nearly the same, or the opposite of each other', columns: pairs };
}
