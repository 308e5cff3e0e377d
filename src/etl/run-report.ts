import path from 'node:path';
import type { IngestResult, Provenance } from '../batch-source/index.js';
import { eventTimestamp } from '../definitions/feature-table.js';
import type { ReportData } from '../quality/index.js';
import { Runs } from '../runs/index.js';
import { batchSourceOf, type EtlContext, stagingOf } from './etl-context.js';
import type { CleanReport, StepTarget } from './step.js';

/** The folder of a run's report, with a folder for each view in it. */
export const reportsOf = (sharedDirectory: string, runId: string): string =>
  path.join(sharedDirectory, 'reports', runId);

type Found = Pick<ReportData, 'quality' | 'profile' | 'expectations' | 'drift' | 'sample'> & {
  readonly quarantined: number;
};

/** No lake or page is the better for a thousand lines of one kind. */
const leftOutMax = 100;

/** All that is known of a run's data for one view. */
export async function reportData(
  context: EtlContext,
  target: StepTarget & { readonly pipeline: string },
  { quality, profile, expectations, drift, sample, quarantined }: Found,
): Promise<ReportData> {
  const staging = stagingOf(context, target);
  const { rows, provenance, notes = [] } = staging.result<IngestResult>('ingest');
  const { duplicates, dropped, droppedColumns } = staging.result<CleanReport>('clean');
  const { view, table } = context.view(target.view);
  const source = batchSourceOf(view);
  const run = await new Runs(context.lake).find(target.runId);
  return {
    project: context.project,
    view: target.view,
    pipeline: target.pipeline,
    runId: target.runId,
    startedAt: new Date().toISOString(),
    interval: run?.interval,
    registryVersion: run?.registryVersion,
    transform: context.transform,
    joinKeys: Object.keys(table.joinKeys),
    source: {
      name: source.name,
      ...placeOf(provenance),
      rows,
      columns: provenance.schema,
      owner: source.owner,
      createdTimestampField: source.createdTimestampField,
    },
    counts: { read: rows, duplicates, dropped, quarantined },
    quality,
    profile,
    expectations,
    drift,
    sample,
    notes: [...notes, ...leftOut(droppedColumns)],
  };
}

function leftOut(columns: readonly string[]): string[] {
  if (columns.length === 0) return [];
  const more = columns.length - leftOutMax;
  const named = `${columns.slice(0, leftOutMax).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  const [noun, verb] = columns.length === 1 ? ['Column', 'was'] : ['Columns', 'were'];
  return [
    `${noun} ${named} of the source ${verb} left out: the view does not use ${columns.length === 1 ? 'it' : 'them'}.`,
  ];
}

/** The columns in which no two rows of a view should agree. */
export const rowKeyOf = (table: { readonly joinKeys: object }): string[] => [
  ...Object.keys(table.joinKeys),
  eventTimestamp,
];

function placeOf(provenance: Provenance) {
  if ('path' in provenance) return { file: provenance.path, hash: provenance.sha256, bytes: provenance.bytes };
  const { database, table, query, cursor } = provenance;
  return { database, table, query, cursor };
}
