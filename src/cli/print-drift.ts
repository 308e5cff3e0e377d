import type { ColumnDrift, DriftResult, FeatureStore } from '../index.js';
import { plural, printColumns } from './output.js';

/** How far the columns of a run's views moved, drifted ones first. */
export async function printDrift(store: FeatureStore, runId: string): Promise<void> {
  for (const { view, ...result } of await driftOf(store, runId)) {
    const { reference, referenceDetail, referenceRows, rows, columns } = result;
    const sizes =
      columns.length === 0
        ? 'nothing compared'
        : `${plural(rows, 'row')} against ${referenceRows.toLocaleString('en')}`;
    console.log(`\n${view} against ${reference} (${referenceDetail}): ${sizes}`);
    if (columns.length > 0) printColumns([...columns].sort((a, b) => Number(b.drifted) - Number(a.drifted)).map(shown));
  }
}

/** The same for machines, without the bars of the drawings. */
export async function driftOf(
  store: FeatureStore,
  runId: string,
): Promise<(DriftResult & { readonly view: string })[]> {
  const results = await store.steps.validationResults(runId);
  return results.flatMap(({ view, drift }) =>
    drift.map((each) => ({ view, ...each, columns: each.columns.map((column) => ({ ...column, overlay: null })) })),
  );
}

const figure = (value: number | null | undefined): string =>
  value === null || value === undefined ? '' : String(Number(value.toPrecision(3)));

function shown({ column, method, statistic, adjustedPValue, threshold, drifted, psi, note }: ColumnDrift) {
  return {
    column,
    method: method?.replace('_', '-') ?? 'not compared',
    drifted: drifted ? 'yes' : 'no',
    statistic: figure(statistic),
    'corrected p': figure(adjustedPValue),
    threshold: method === null ? '' : figure(threshold),
    psi: psi === null ? '' : `${figure(psi.value)} (chance: ${figure(psi.floor)})`,
    note: note ?? '',
  };
}
