import { type Session, type StatementOptions, tempTable } from '../../lake/index.js';
import type { ColumnDrift } from '../drift-result.js';
import { isoOfMicros } from '../profile-distribution.js';
import { columnClass, type FileColumn } from '../value-json.js';
import { type Count, chiSquared, jensenShannon, jensenShannonFloor, stabilityFloor, stabilityIndex } from './counts.js';
import { ksPValue } from './ks-two-sample.js';
import { countBars, countTenths, cumulated, scanNumbers } from './number-scan.js';
import { countedValues, isNumeric, type SamplePair, valuesOf } from './samples.js';
import { readValueCounts } from './value-counts.js';
import { readStretches, wassersteinFloor } from './wasserstein-floor.js';

/** Evidently's rules: up to so many reference values a test decides, above a distance; numbers with few values are categories. */
export const driftRules = { testUpTo: 1_000, categoriesUpTo: 5, pValue: 0.05, distance: 0.1 } as const;

/** What a constant reference is taken to deviate by, as in Evidently. */
const constantDeviation = 0.001;

/** Numbers with no more different values than this are drawn value by value. */
const drawnByValue = 20;

/** The comparison of one column, before p-values are corrected for the number of columns. */
export type Compared = Omit<ColumnDrift, 'adjustedPValue' | 'drifted'>;

export interface CompareColumn extends StatementOptions {
  readonly samples: SamplePair;
  readonly column: FileColumn;
  /** Values that can be compared; at least one in each sample. */
  readonly total: Count;
  /** The largest absolute value of both samples, of numbers and times. */
  readonly largest: number;
  /** The chance that a clean column stays below what chance alone may give. */
  readonly certainty: number;
}

const table = 'drift_values';

/** Compares one column of two samples. Values are counted in DuckDB, in a table that spills to disk. */
export async function compareColumn(session: Session, request: CompareColumn): Promise<Compared> {
  const { samples, column, signal } = request;
  const isNumber = isNumeric(column);
  const counted = countedValues(samples, column);
  const sql = isNumber ? cumulated(counted, scaleOf(request.largest)) : counted;
  await session.run(`CREATE OR REPLACE TEMP TABLE ${tempTable(table)} AS ${sql}`, valuesOf(samples), { signal });
  try {
    const row = await session.one<{ n: bigint }>(`SELECT count(*) AS n FROM ${tempTable(table)}`, [], { signal });
    const distinct = Number(row?.n ?? 0);
    return isNumber && distinct > driftRules.categoriesUpTo
      ? await compareNumbers(session, request, distinct)
      : await compareValues(session, request, { isNumber, distinct });
  } finally {
    await session.run(`DROP TABLE IF EXISTS ${tempTable(table)}`).catch(() => undefined);
  }
}

async function compareNumbers(session: Session, request: CompareColumn, distinct: number): Promise<Compared> {
  const { column, total, certainty, signal } = request;
  const scan = await scanNumbers(session, table, total, { signal });
  const tenths = await countTenths(session, table, total, { signal });
  const scale = scaleOf(request.largest);
  const show = (x: number): number | string =>
    columnClass(column.type) === 'time' ? isoOfMicros(x * scale) : x * scale;
  const overlay =
    distinct <= drawnByValue
      ? (await readValueCounts(session, table, column, total, { signal, inOrder: true })).overlay
      : { kind: 'bins' as const, bins: await countBars(session, table, total, show, { signal }) };
  const base = { ...basics(request, 'numeric', tenths), overlay };
  if (total.reference <= driftRules.testUpTo) {
    const statistic = Number(scan.ksDistance) / (total.current * total.reference);
    const pValue = ksPValue(total.current, total.reference, scan.ksDistance);
    return { ...base, method: 'ks', statistic, pValue, threshold: driftRules.pValue };
  }
  const unit = scan.deviation > 0 ? scan.deviation : constantDeviation / scale;
  const stretches = await readStretches(session, table, total, { signal });
  const floor = wassersteinFloor(stretches, total, certainty) / unit;
  return {
    ...base,
    method: 'wasserstein',
    statistic: scan.wasserstein / unit,
    pValue: null,
    threshold: Math.max(driftRules.distance, floor),
  };
}

async function compareValues(
  session: Session,
  request: CompareColumn,
  { isNumber, distinct }: { isNumber: boolean; distinct: number },
): Promise<Compared> {
  const { column, total, certainty, signal } = request;
  const { counts, overlay } = await readValueCounts(session, table, column, total, { signal, inOrder: isNumber });
  const base = { ...basics(request, isNumber ? 'numeric' : 'categorical', counts), overlay };
  const notes =
    counts.length < distinct
      ? [`${distinct} different values: the ${counts.length - 1} most frequent and all others together were compared`]
      : [];
  if (total.reference <= driftRules.testUpTo) {
    const { statistic, pValue, sparse } = chiSquared(counts);
    if (sparse > (2 * counts.length) / 5) notes.push('many values are rare, so the p-value is a rough one');
    return {
      ...base,
      method: 'chi_squared',
      statistic,
      pValue,
      threshold: driftRules.pValue,
      note: notes.join('; ') || undefined,
    };
  }
  const threshold = Math.max(driftRules.distance, jensenShannonFloor(counts, certainty));
  const statistic = jensenShannon(counts);
  return { ...base, method: 'jensen_shannon', statistic, pValue: null, threshold, note: notes.join('; ') || undefined };
}

function basics({ column, total, certainty }: CompareColumn, kind: ColumnDrift['kind'], counts: readonly Count[]) {
  const bins = counts.filter(({ current, reference }) => current + reference > 0).length;
  return {
    column: column.name,
    kind,
    psi: { value: stabilityIndex(counts), floor: stabilityFloor(counts, certainty), bins },
    currentRows: total.current,
    referenceRows: total.reference,
  };
}

/** A power of two near the largest number. */
const scaleOf = (largest: number): number =>
  largest > 0 && Number.isFinite(largest) ? 2 ** Math.max(-1_000, Math.min(1_000, Math.floor(Math.log2(largest)))) : 1;
