import { type IngestProgress, type IngestResult, ingestSource, sourceShown } from '../batch-source/index.js';
import { DefinitionError } from '../errors.js';
import { batchSourceOf, type EtlContext, stagingOf } from './etl-context.js';
import { lastCursor } from './last-cursor.js';
import { madeUnder } from './staged-steps.js';
import type { StepOptions, StepReport, StepTarget } from './step.js';

export const ingested = 'ingested.parquet';

/** Of a source with a cursor all rows are read again, not only what is new. */
export type IngestTarget = StepTarget & { readonly full?: unknown };

/** Reads the view's source into the run's staging folder, personal data dropped, masked or hashed, and notes where it came from. */
export async function ingestStep(context: EtlContext, target: IngestTarget, options: StepOptions): Promise<StepReport> {
  if (target.full !== undefined && typeof target.full !== 'boolean') {
    throw new DefinitionError(`argument "full" is ${JSON.stringify(target.full)}, not true or false`, {
      mend: 'write {"full": true} to read all rows again, or leave it out',
    });
  }
  const under = madeUnder(context, target.view, 'ingest');
  const { rows, reusedFrom } = await stagingOf(context, target).once('ingest', under, () =>
    ingest(context, target, options),
  );
  return { rowsIn: rows, rowsOut: rows, ...(reusedFrom === undefined ? {} : { reusedFrom }) };
}

async function ingest(
  context: EtlContext,
  target: IngestTarget,
  { signal, onProgress }: StepOptions,
): Promise<IngestResult> {
  const { view, table } = context.view(target.view);
  const source = batchSourceOf(view);
  const isNew = source.kind === 'postgres_source' && target.full !== true;
  const after = isNew ? await lastCursor(context.lake, table, view, source) : undefined;
  const shown = sourceShown(source);
  return ingestSource(context.lake, {
    source,
    projectRoot: context.projectRoot,
    file: stagingOf(context, target).file(ingested),
    after,
    signal,
    onProgress: (progress) => onProgress?.(told(progress, shown)),
  });
}

function told(progress: IngestProgress, shown: string): { message: string; rows: number; of?: number } {
  const message = `${progress.step} ${shown}`;
  return 'doneRows' in progress
    ? { message, rows: progress.doneRows }
    : { message, rows: progress.doneBytes, of: progress.totalBytes };
}
