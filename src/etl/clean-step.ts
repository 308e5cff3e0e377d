import { cleanFile, type IngestResult } from '../batch-source/index.js';
import { transformFile } from '../transform/transform-batch.js';
import { type EtlContext, stagingOf } from './etl-context.js';
import { ingested } from './ingest-step.js';
import { madeUnder } from './staged-steps.js';
import type { CleanReport, StepOptions, StepTarget } from './step.js';

export const cleaned = 'cleaned.parquet';

/**
 * Casts to the declared types, removes exact duplicates and columns the view does not use, applies the view's cleaning rules; for
 * a stream view its transform as well, so that rows mean the same wherever they come from.
 */
export async function cleanStep(context: EtlContext, target: StepTarget, options: StepOptions): Promise<CleanReport> {
  const { signal, onProgress } = options;
  const staging = stagingOf(context, target);
  return staging.once('clean', madeUnder(context, target.view, 'clean'), async () => {
    const { view, table } = context.view(target.view);
    const { columns } = staging.result<IngestResult>('ingest');
    const files = { input: staging.file(ingested), columns, file: staging.file(cleaned), signal };
    onProgress?.({ message: `clean ${target.view}` });
    if (view.kind === 'stream_feature_view') {
      return transformFile(context.lake, {
        view,
        ...files,
        onProgress: ({ doneRows, rows }) =>
          onProgress?.({ message: `transform ${target.view}`, rows: doneRows, of: rows }),
      });
    }
    const facts = { name: view.name, joinKeys: table.joinKeys, features: view.features, clean: view.clean };
    return cleanFile(context.lake, { view: facts, source: view.source, ...files });
  });
}
