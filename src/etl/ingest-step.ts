import { type IngestResult, ingestFile } from '../batch-source/index.js';
import { batchSourceOf, type EtlContext, stagingOf } from './etl-context.js';
import type { StepOptions, StepReport, StepTarget } from './step.js';

export const ingested = 'ingested.parquet';

/** Reads the view's source into the run's staging folder, personal data dropped, masked or hashed, and notes where it came from. */
export async function ingestStep(context: EtlContext, target: StepTarget, options: StepOptions): Promise<StepReport> {
  const { rows } = await stagingOf(context, target).once('ingest', () => ingest(context, target, options));
  return { rowsIn: rows, rowsOut: rows };
}

function ingest(context: EtlContext, target: StepTarget, { signal, onProgress }: StepOptions): Promise<IngestResult> {
  const source = batchSourceOf(context.view(target.view).view);
  return ingestFile(context.lake, {
    source,
    projectRoot: context.projectRoot,
    file: stagingOf(context, target).file(ingested),
    signal,
    onProgress: ({ step, doneBytes, totalBytes }) =>
      onProgress?.({ message: `${step} ${source.path}`, rows: doneBytes, of: totalBytes }),
  });
}
