import type { IngestResult, Provenance } from '../batch-source/index.js';
import { columnsOf, describeExpectation } from '../definitions/expectations.js';
import { DataError } from '../errors.js';
import { insertQuarantined } from '../quality/index.js';
import { announce, holdLease, Runs } from '../runs/index.js';
import { batchSourceOf, type EtlContext, stagingOf } from './etl-context.js';
import { quarantined, validated } from './explore-step.js';
import { readingHash } from './last-cursor.js';
import { madeUnder } from './staged-steps.js';
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
  const report = await staging.once('publish', madeUnder(context, target.view, 'publish'), async () => {
    const { lake, offline } = context;
    const { runId, pipeline } = target;
    const { view, table } = context.view(target.view);
    onProgress?.({ message: `publish ${target.view}` });
    const explored = staging.result<ExploreReport>('explore');
    const badFile = staging.file(quarantined);
    const { provenance } = staging.result<IngestResult>('ingest');
    const from = {
      runId,
      view: target.view,
      pipeline,
      interval: (await new Runs(lake).find(runId))?.interval,
      source: sourceOf(provenance),
      rules: view.expect.map((e) => ({ rule: describeExpectation(e), columns: columnsOf(e) })),
    };
    const result = await offline.publish({
      table,
      file: staging.file(validated),
      runId,
      provenance: JSON.stringify({
        ...provenance,
        reading: readingHash(view, batchSourceOf(view)),
        clean: staging.result<CleanReport>('clean'),
        quality: explored.quality,
        exploredBy: explored.reusedFrom,
      }),
      madeBy: context.madeBy,
      alongside: async (session) => {
        await holdLease(session, lake, pipeline, runId);
        await announce(session, lake, { runId, pipeline, view: target.view });
        if (explored.quarantined === 0) return;
        const aside = await insertQuarantined(session, lake, { ...from, badFile, signal });
        if (aside === explored.quarantined) return;
        throw new DataError(`${explored.quarantined} rows were set aside, but their file holds ${aside}`, {
          where: badFile,
          mend: 'start the pipeline again, and let nothing else write to its staging folder',
        });
      },
      signal,
    });
    return { rowsIn: result.published + result.alreadyThere, rowsOut: result.published, ...result };
  });
  // What steps returned stays, for those called again.
  staging.removeData();
  if (report.reusedFrom === undefined) return report;
  // This run wrote nothing.
  return { ...report, rowsOut: 0, published: 0, alreadyThere: report.published + report.alreadyThere };
}

/** What says where a quarantined row came from, beside its place. */
function sourceOf(provenance: Provenance): Readonly<Record<string, unknown>> {
  if ('path' in provenance) {
    const { source, path, sha256 } = provenance;
    return { source, path, sha256 };
  }
  const { source, database, table, query, readAt } = provenance;
  return { source, database, table, query, readAt };
}
