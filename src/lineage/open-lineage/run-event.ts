import { tableName } from '../../definitions/feature-table.js';
import { DefinitionError } from '../../errors.js';
import type { ExpectationResult, Profile } from '../../quality/index.js';
import type { LineageContext } from '../context.js';
import { readPublications } from '../publications.js';
import { batchSourceOf, piiOf } from '../sources.js';
import { type Described, onlineDataset, sourceDataset, tableColumnLineage, tableDataset } from './datasets.js';
import { type Dataset, type EventType, producer, type RunEvent, runEventSchema } from './facets.js';
import { jobFacets, runFacets, runUuid } from './job-facets.js';
import { qualityFacets } from './quality-facets.js';
import { jobNamespace } from './target.js';
import type { ToldRun } from './told-run.js';

/** What is to be told of a run. Times are ISO strings. */
export interface RunEventRequest {
  readonly runId: string;
  readonly type: EventType;
  /** For events in the middle of a run; its start and end are on record. */
  readonly at: string;
  /** The workflow that started the run's, a backfill. */
  readonly parentWorkflowId?: string | undefined;
}

interface Found {
  readonly profile: Profile;
  readonly expectations: readonly ExpectationResult[];
}

/**
 * One event, made of the lake's records alone: made again it is the same. Of rows it tells counts, never values.
 * @throws DefinitionError when there is no record of the run.
 */
export async function openLineageEvent(context: LineageContext, request: RunEventRequest): Promise<RunEvent> {
  const { runId, ...rest } = request;
  const run = await context.runs.find(runId);
  if (run === undefined)
    throw new DefinitionError(`there is no record of run ${runId}`, { mend: 'nothing can be told of it' });
  return eventOf(context, run, { ...rest, workflow: context.repo.pipelines.get(run.pipeline)?.workflow });
}

interface EventRequest extends Omit<RunEventRequest, 'runId'> {
  /** Which says what is read and written. */
  readonly workflow: string | undefined;
  /** Default: that of a pipeline. */
  readonly jobType?: 'COMMAND' | undefined;
}

/** The same of a run that the lake may have no record of. */
export async function eventOf(context: LineageContext, run: ToldRun, request: EventRequest): Promise<RunEvent> {
  const { repo } = context;
  const { runId } = run;
  const { type, at, workflow, jobType } = request;
  const described: Described = { repo, applied: await context.state() };
  const namespace = jobNamespace(repo);
  const pipeline = repo.pipelines.get(run.pipeline);
  const isStream = workflow === 'streamToStores';
  const { inputs, outputs } = await datasets(context, described, run, workflow);
  const parent = await parentOf(context, run, request.parentWorkflowId);
  const hidesValues = run.views.some((view) => personal(described, view));
  return {
    eventType: type,
    eventTime: type === 'START' ? run.openedAt : type === 'RUNNING' ? at : (run.closedAt ?? at),
    producer,
    schemaURL: runEventSchema,
    run: { runId: runUuid(runId), facets: runFacets({ run, type, namespace, parent, hidesValues }) },
    job: { namespace, name: run.pipeline, facets: jobFacets(pipeline, { isStream, jobType }, run.code) },
    inputs,
    outputs,
  };
}

type Both = { readonly inputs: Dataset[]; readonly outputs: Dataset[] };

async function datasets(context: LineageContext, described: Described, run: ToldRun, workflow?: string): Promise<Both> {
  const both: Both = { inputs: [], outputs: [] };
  const publications = (await readPublications(context.lake, { runId: run.runId, empty: true })).publications;
  const validated = await validations(context, run.runId);
  for (const name of run.views) {
    const view = described.applied.views.get(name);
    if (view === undefined) continue;
    const step = run.steps.find((one) => one.view === name && one.snapshot !== undefined);
    if (workflow === 'materializeOfflineToOnline') {
      both.inputs.push(tableDataset(described, view, { snapshot: step?.snapshot }));
      both.outputs.push(onlineDataset(described, view, { snapshot: step?.snapshot, written: step?.rowsOut }));
      continue;
    }
    const isStream = workflow === 'streamToStores';
    const source = isStream ? view.spec.source : batchSourceOf(described.applied, view.spec.source);
    const publication = publications.find((one) => one.tableName === tableName(view.table));
    const quality = qualityFacets(validated.get(name), { isPrivate: privateColumns(described, name) });
    const read = publication?.provenance;
    const input = source === undefined ? undefined : sourceDataset(described, source, { read, inputFacets: quality });
    if (input !== undefined) both.inputs.push(input);
    const reads = new Map(input === undefined || source === undefined ? [] : [[source, input]]);
    const isCounted = isStream && run.status !== 'running' && run.lost !== true;
    const published = isCounted ? run.published : publication?.published;
    const columnLineage = tableColumnLineage(described, name, reads);
    both.outputs.push(tableDataset(described, view, { snapshot: publication?.snapshot, published, columnLineage }));
    if (isStream && view.spec.online) both.outputs.push(onlineDataset(described, view, {}));
  }
  return both;
}

async function validations({ lake }: LineageContext, runId: string): Promise<Map<string, Found>> {
  const rows = await lake.all<{ view_name: string; profile: string; expectations: string }>(
    `SELECT view_name, profile, expectations FROM ${lake.system('validation_results')} WHERE run_id = $1`,
    [runId],
  );
  return new Map(
    rows.map(({ view_name, profile, expectations }) => [
      view_name,
      { profile: JSON.parse(profile) as Profile, expectations: JSON.parse(expectations) as ExpectationResult[] },
    ]),
  );
}

/** The personal columns of what a view is made of. */
function personal({ applied }: Described, view: string): Readonly<Record<string, string>> | undefined {
  const pii = piiOf(applied, applied.views.get(view)?.spec.source ?? '');
  return Object.keys(pii).length === 0 ? undefined : pii;
}

/** Join keys name somebody; what a transform makes of personal data is not known. */
function privateColumns(described: Described, name: string): (column: string) => boolean {
  const view = described.applied.views.get(name);
  const pii = personal(described, name);
  const all = pii !== undefined && view?.transformHash !== undefined;
  return (column) => all || pii?.[column] !== undefined || view?.spec.joinKeys[column] !== undefined;
}

/** What started a run: a backfill by its workflow, or, after() another pipeline, the run whose data it is for. */
async function parentOf(
  { lake }: LineageContext,
  { workflowId, pipeline }: ToldRun,
  parentWorkflowId: string | undefined,
): Promise<{ runId: string; job: string } | undefined> {
  const events = lake.system('run_events');
  const backfill = await lake.one<{ run_id: string }>(
    `SELECT run_id FROM ${events} WHERE event = 'backfill_opened' AND workflow_id = $1 ORDER BY recorded_at DESC LIMIT 1`,
    [parentWorkflowId ?? null],
  );
  if (backfill !== undefined) return { runId: backfill.run_id, job: `${pipeline}.backfill` };
  const upstream = await lake.one<{ run_id: string; pipeline: string }>(
    `SELECT e.run_id, e.pipeline FROM ${lake.system('dispatches')} AS d
     JOIN ${events} AS e ON e.run_id = d.upstream_run AND e.event = 'opened' WHERE d.workflow_id = $1 LIMIT 1`,
    [workflowId ?? null],
  );
  return upstream === undefined ? undefined : { runId: upstream.run_id, job: upstream.pipeline };
}
