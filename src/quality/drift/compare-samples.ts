import type { Session, StatementOptions } from '../../lake/index.js';
import type { Schema } from '../../types.js';
import type { ColumnDrift } from '../drift-result.js';
import { columnClass, type FileColumn } from '../value-json.js';
import { type Compared, compareColumn, driftRules } from './compare-column.js';
import { adjustPValues } from './false-discovery.js';
import { asFileColumns, type ColumnCount, countSample, isComparable, isNumeric, type SamplePair } from './samples.js';

export interface CompareRequest extends StatementOptions {
  readonly samples: SamplePair;
  /** The columns to compare, as declared; both samples have them. */
  readonly columns: Schema;
  readonly onColumn?: ((done: number, of: number) => void) | undefined;
}

export interface Comparison {
  readonly rows: number;
  readonly referenceRows: number;
  readonly columns: readonly ColumnDrift[];
}

/** Chance of one false alarm among all columns that distances and stability indexes are kept to. */
const falseAlarms = 0.05;

/**
 * How far each column moved, by the rules of Evidently (legacy `_get_default_stattest`, 0.4 to 0.7), by the number of reference values:
 *
 * - up to 1,000: numbers Kolmogorov-Smirnov; values, and numbers with at most five different ones, chi-squared. Drifted when p < 0.05 after
 *   correction for the number of columns.
 * - more: numbers Wasserstein distance over the reference's standard deviation (`numpy.std`, ddof 0); values Jensen-Shannon distance, base
 *   2. Drifted from 0.1 on, and only above what chance alone gives samples of these sizes.
 *
 * NaN and infinities are left out, as nulls are. Memory is bounded: DuckDB counts the values of one column at a time.
 */
export async function compareSamples(session: Session, request: CompareRequest): Promise<Comparison> {
  const { samples, signal } = request;
  const columns = asFileColumns(request.columns);
  const now = await countSample(session, samples.current, columns, { signal });
  const before = await countSample(session, samples.reference, columns, { signal });
  const pairs = columns.map((column, index) => {
    const none: ColumnCount = { present: 0, usable: 0, largest: 0 };
    return { column, now: now.columns[index] ?? none, before: before.columns[index] ?? none };
  });
  const ready = pairs.filter((pair) => whyNot(pair) === undefined);
  const certainty = 1 - falseAlarms / Math.max(1, ready.length);
  const compared: Compared[] = [];
  for (const pair of pairs) {
    const total = { current: pair.now.usable, reference: pair.before.usable };
    const why = whyNot(pair);
    const largest = Math.max(pair.now.largest, pair.before.largest);
    const { column } = pair;
    const found =
      why === undefined
        ? await compareColumn(session, { samples, column, total, largest, certainty, signal })
        : nothing(column, total, why);
    const notes = [
      found.note,
      leftOut('this run', now.rows, pair.now),
      leftOut('the reference', before.rows, pair.before),
    ];
    compared.push({ ...found, note: notes.filter((note) => note !== undefined).join('; ') || undefined });
    request.onColumn?.(compared.length, columns.length);
  }
  return { rows: now.rows, referenceRows: before.rows, columns: decide(compared) };
}

/** P-values are corrected for how many there are; distances are compared with their thresholds. */
function decide(compared: readonly Compared[]): ColumnDrift[] {
  const tested = compared.filter(({ pValue }) => pValue !== null);
  const adjusted = adjustPValues(tested.map(({ pValue }) => pValue ?? 1));
  const byColumn = new Map(tested.map(({ column }, index) => [column, adjusted[index] ?? 1]));
  return compared.map(({ pValue, overlay, note, ...found }) => {
    const adjustedPValue = byColumn.get(found.column) ?? null;
    const drifted =
      adjustedPValue === null
        ? found.statistic !== null && found.statistic >= found.threshold
        : adjustedPValue < found.threshold;
    return { ...found, pValue, adjustedPValue, drifted, note, overlay };
  });
}

interface Pair {
  readonly column: FileColumn;
  readonly now: ColumnCount;
  readonly before: ColumnCount;
}

function whyNot({ column, now, before }: Pair): string | undefined {
  if (!isComparable(column)) return `${columnClass(column.type) === 'list' ? 'lists' : 'bytes'} are not compared`;
  if (now.usable === 0) return 'this run has no value to compare';
  return before.usable === 0 ? 'the reference has no value to compare' : undefined;
}

const nothing = (column: FileColumn, total: { current: number; reference: number }, note: string): Compared => ({
  column: column.name,
  kind: isNumeric(column) ? 'numeric' : 'categorical',
  method: null,
  statistic: null,
  pValue: null,
  threshold: driftRules.pValue,
  psi: null,
  currentRows: total.current,
  referenceRows: total.reference,
  note,
  overlay: null,
});

function leftOut(where: string, rows: number, { present, usable }: ColumnCount): string | undefined {
  const parts = [
    ...(rows > present ? [`${rows - present} nulls`] : []),
    ...(present > usable && usable > 0 ? [`${present - usable} NaN or infinite values`] : []),
  ];
  return parts.length === 0 ? undefined : `left out of ${where}: ${parts.join(', ')}`;
}
