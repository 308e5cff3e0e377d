import { createHash } from 'node:crypto';
import type { Pipeline } from '../../definitions/index.js';
import { type CodeVersion, describeCode } from '../../feature-repo/index.js';
import { asofVersion } from '../../version.js';
import { type EventType, type Facets, facet, present } from './facets.js';
import type { ToldRun } from './told-run.js';

const messageMax = 1_000;

/** What is known of a job without its runs. */
export const jobFacets = (
  pipeline: Pipeline | undefined,
  { isStream, jobType = 'PIPELINE' }: { readonly isStream: boolean; readonly jobType?: string | undefined },
  code: CodeVersion | undefined,
): Facets =>
  present({
    jobType: facet('jobType', {
      processingType: isStream ? 'STREAMING' : 'BATCH',
      integration: 'ASOF',
      jobType,
    }),
    documentation:
      pipeline?.description === undefined ? undefined : facet('documentation', { description: pipeline.description }),
    ownership:
      pipeline?.owner === undefined ? undefined : facet('jobOwnership', { owners: [{ name: pipeline.owner }] }),
    sourceCodeLocation:
      code?.commit === undefined || code.remote === undefined
        ? undefined
        : facet('sourceCodeLocation', {
            ...{ type: 'git', url: code.remote, repoUrl: code.remote, version: code.commit, path: code.folder ?? '' },
            ...(code.branch === undefined ? {} : { branch: code.branch }),
          }),
  });

export interface RunFacetsRequest {
  readonly run: ToldRun;
  readonly type: EventType;
  readonly namespace: string;
  /** What started the run: another run, or a backfill. */
  readonly parent: { readonly runId: string; readonly job: string } | undefined;
  /** Whether messages may hold values of rows. */
  readonly hidesValues: boolean;
}

export function runFacets({ run, type, namespace, parent, hidesValues }: RunFacetsRequest): Facets {
  const { interval, message } = run;
  const isOpen = interval?.end.startsWith('9999');
  const tags = [
    ['asof.trigger', run.trigger],
    ['asof.definitions', String(run.registryVersion)],
    ...(run.code === undefined ? [] : [['asof.code', describeCode(run.code)]]),
    ...(run.quality === undefined ? [] : [['asof.quality', run.quality]]),
    ...(run.workflowId === undefined ? [] : [['asof.workflow', run.workflowId]]),
  ].map(([key, value]) => ({ key, value, source: 'ASOF' }));
  return present({
    nominalTime:
      interval === undefined
        ? undefined
        : facet('nominalTime', {
            nominalStartTime: interval.start,
            ...(isOpen ? {} : { nominalEndTime: interval.end }),
          }),
    processing_engine: facet('processing_engine', { name: 'asof', version: asofVersion() }),
    tags: facet('tags', { tags }),
    parent:
      parent === undefined
        ? undefined
        : facet('parent', { run: { runId: runUuid(parent.runId) }, job: { namespace, name: parent.job } }),
    errorMessage:
      type !== 'FAIL'
        ? undefined
        : facet('errorMessage', {
            message: safeMessage(message ?? 'it failed', hidesValues),
            programmingLanguage: 'TypeScript',
          }),
  });
}

/** Addresses without users and passwords; where rows are personal, nothing that was quoted. */
export function safeMessage(message: string, hidesValues: boolean): string {
  const plain = message.replace(/(:\/\/)[^/\s@]*@/g, '$1…@').slice(0, messageMax);
  return hidesValues ? plain.replace(/"[^"]*"|'[^']*'/g, '"…"') : plain;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** OpenLineage's runs are UUIDs, as Temporal's are; others become one of version 8, always the same. */
export function runUuid(runId: string): string {
  if (uuid.test(runId)) return runId.toLowerCase();
  const hex = createHash('sha256').update(`asof run ${runId}`).digest('hex');
  const variant = ((Number.parseInt(hex[16] as string, 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
