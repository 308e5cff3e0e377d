import { existsSync } from 'node:fs';
import type { IngestResult } from '../batch-source/index.js';
import { insertQuarantined } from '../quality/index.js';
import { holdLease } from '../runs/index.js';
import { type EtlContext, stagingOf } from './etl-context.js';
import { quarantined, validated } from './explore-step.js';
import type { CleanReport, ExploreReport, PublishReport, StepOptions, StepTarget } from './step.js';

/**
 * Brings the validated rows into the offline store, in one transaction with the quarantined rows and the check that the run still
 * holds its interval. Publishing again, by the same run or another, adds nothing that is there.
 */
export async function publishStep(
  context: EtlContext,
  target: StepTarget & { pipeline: string },
  { signal, onProgress }: StepOptions,
): Promise<PublishReport> {
  const staging = stagingOf(context, target);
  return staging.once('publish', async () => {
    const { lake, offline } = context;
    const { runId, pipeline } = target;
    const { table } = context.view(target.view);
    onProgress?.({ message: `publish ${target.view}` });
    const badFile = staging.file(quarantined);
    const result = await offline.publish({
      table,
      file: staging.file(validated),
      runId,
      provenance: JSON.stringify({
        ...staging.result<IngestResult>('ingest').provenance,
        clean: staging.result<CleanReport>('clean'),
        quality: staging.result<ExploreReport>('explore').quality,
      }),
      alongside: async (session) => {
        await holdLease(session, lake, pipeline, runId);
        if (existsSync(badFile)) await insertQuarantined(session, lake, { runId, view: target.view, badFile });
      },
      signal,
    });
    return { rowsIn: result.published + result.alreadyThere, rowsOut: result.published, ...result };
  });
}
