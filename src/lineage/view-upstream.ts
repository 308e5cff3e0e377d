import { tableName } from '../definitions/feature-table.js';
import type { RegisteredView, SourceSpec } from '../registry/index.js';
import type { Telling } from './context.js';
import type { Detail } from './graph.js';
import { type Publication, readPublications } from './publications.js';
import { readStreamReads, type StreamRead } from './stream-reads.js';

/** A view, and all that its rows came from. @returns its id. */
export async function tellView(telling: Telling, name: string): Promise<string> {
  const { graph, applied, lake, last, upToSnapshot } = telling;
  const view = applied.views.get(name) as RegisteredView;
  const { table, spec } = view;
  const filter = { tableName: tableName(table), upToSnapshot, last };
  const { publications, total } = await readPublications(lake, filter);
  const reads = await readStreamReads(lake, table, { upToSnapshot });
  const hidden = total - publications.length + Math.max(0, reads.length - last);
  const id = graph.node('view', name, name, {
    table: `${lake.project}.${tableName(table)}`,
    generation: table.generation,
    definitions: view.version,
    owner: spec.owner,
    transform: view.transformHash?.slice(0, 12),
    ...(hidden > 0 ? { olderNotShown: hidden } : {}),
  });
  for (const read of reads.slice(0, last)) graph.edge(await tellRead(telling, read, view), id);
  for (const publication of publications) graph.edge(await tellPublication(telling, publication), id);
  // What it is declared to come from, also while nothing has come.
  if (publications.length + reads.length === 0) graph.edge(tellSource(telling, spec.source), id);
  return id;
}

/** @returns the id of the publication; its source stands before it. */
export async function tellPublication(telling: Telling, publication: Publication): Promise<string> {
  const { graph, runs } = telling;
  const { runId, snapshot, baseSnapshot, registryVersion, code, recordedAt, published, alreadyThere } = publication;
  const {
    source,
    push,
    schema: _,
    ...origin
  } = publication.provenance as Publication['provenance'] & Record<string, Detail>;
  const run = await runs.find(runId);
  const id = graph.node('publication', `${runId}/${publication.tableName}`, `${publication.tableName} ${recordedAt}`, {
    ...{ runId, pipeline: run?.pipeline, recordedAt, snapshot, published, alreadyThere },
    interval: run?.interval,
    retryOf: run?.retryOf?.runId,
    // The lake it was compared with, so that only new rows were written.
    upstreamSnapshot: baseSnapshot,
    definitions: registryVersion ?? run?.registryVersion,
    code: code as Detail | undefined,
    ...(push === true ? { push } : {}),
    source: source ?? null,
    read: origin as Detail,
  });
  if (push === true) graph.edge(graph.node('source', 'push', 'push', { kind: 'push' }), id);
  else if (source === 'quarantine') graph.edge(graph.node('source', source, source, { kind: source }), id);
  else if (typeof source === 'string') graph.edge(tellSource(telling, source), id);
  return id;
}

export async function tellRead(telling: Telling, read: StreamRead, view: RegisteredView): Promise<string> {
  const { graph, runs } = telling;
  const { topic, runId, registryVersion, code, startedAt, partitions } = read;
  const key = `${runId}/${topic}/${startedAt}`;
  const id = graph.node('stream_read', key, `${topic} ${startedAt}`, {
    ...{ runId, pipeline: (await runs.find(runId))?.pipeline, topic, startedAt },
    ...{ partitions, definitions: registryVersion, code: code as unknown as Detail },
  });
  graph.edge(tellSource(telling, view.spec.source), id);
  return id;
}

/** @returns the id of a source as it was declared. */
export function tellSource({ graph, applied }: Telling, name: string): string {
  const spec: SourceSpec | undefined = applied.sources.get(name);
  if (spec === undefined) return graph.node('source', name, name, { kind: 'unknown' });
  const place =
    spec.kind === 'file_source'
      ? { path: spec.path }
      : spec.kind === 'postgres_source'
        ? { table: spec.table, query: spec.query, cursor: spec.cursor }
        : { topic: spec.topic };
  return graph.node('source', name, name, { kind: spec.kind, ...place, owner: spec.owner });
}
