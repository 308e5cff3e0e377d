import { cleanFile, type IngestResult } from '../batch-source/index.js';
import type { BatchSource } from '../definitions/batch-source.js';
import { DefinitionError } from '../errors.js';
import { transformFile } from '../transform/transform-batch.js';
import { batchSourceOf, type EtlContext, stagingOf } from './etl-context.js';
import { ingested } from './ingest-step.js';
import { madeUnder } from './staged-steps.js';
import type { CleanReport, StepOptions, StepTarget } from './step.js';

export const cleaned = 'cleaned.parquet';

/** With an interval (ISO times) only rows whose event time lies in [start, end) go on. */
export type CleanTarget = StepTarget & {
  readonly interval?: { readonly start: string; readonly end: string } | undefined;
};

/**
 * Casts to the declared types, removes exact duplicates and columns the view does not use, applies the view's cleaning rules; for
 * a stream view its transform as well, so that rows mean the same wherever they come from.
 */
export async function cleanStep(context: EtlContext, target: CleanTarget, options: StepOptions): Promise<CleanReport> {
  const within = target.interval && { start: new Date(target.interval.start), end: new Date(target.interval.end) };
  const { signal, onProgress } = options;
  const staging = stagingOf(context, target);
  return staging.once('clean', madeUnder(context, target.view, 'clean'), async () => {
    const { view, table } = context.view(target.view);
    if (within !== undefined) checkNoCursor(batchSourceOf(view), target.view);
    const { columns } = staging.result<IngestResult>('ingest');
    const files = { input: staging.file(ingested), columns, file: staging.file(cleaned), signal };
    onProgress?.({ message: `clean ${target.view}` });
    if (view.kind === 'stream_feature_view') {
      return transformFile(context.lake, {
        view,
        ...files,
        within,
        onProgress: ({ doneRows, rows }) =>
          onProgress?.({ message: `transform ${target.view}`, rows: doneRows, of: rows }),
      });
    }
    const facts = { name: view.name, joinKeys: table.joinKeys, features: view.features, clean: view.clean, within };
    return cleanFile(context.lake, { view: facts, source: view.source, ...files });
  });
}

/** The next run would read on behind rows that this one left out. */
function checkNoCursor(source: BatchSource, view: string): void {
  if (source.kind !== 'postgres_source' || source.cursor === undefined) return;
  throw new DefinitionError(
    `source "${source.name}" reads on from its cursor, so a run can't take only its own interval`,
    {
      where: `view "${view}"`,
      mend: 'leave onlyInterval out, or take the cursor off the source',
    },
  );
}
