import { tableName } from '../definitions/feature-table.js';
import type { RunRecord } from '../runs/index.js';
import type { Telling } from './context.js';
import type { Detail } from './graph.js';
import { readPublications } from './publications.js';
import { readStreamReads } from './stream-reads.js';
import { tellOnline } from './view-downstream.js';
import { tellPublication, tellRead } from './view-upstream.js';

/** What a run read and what it wrote. @returns its id. */
export async function tellRun(telling: Telling, run: RunRecord): Promise<string> {
  const { graph, applied, lake } = telling;
  const { runId, pipeline, status, openedAt, closedAt, interval, registryVersion, code, trigger, retryOf } = run;
  const id = graph.node('run', runId, `run ${runId}`, {
    ...{ runId, pipeline, status, openedAt, closedAt, trigger },
    interval: interval as Detail,
    retryOf: retryOf?.runId,
    definitions: registryVersion,
    code: code as unknown as Detail,
  });
  const viewOfTable = new Map([...applied.views].map(([name, { table }]) => [tableName(table), name]));
  const view = (name: string): string => graph.node('view', name, name, {});
  const { publications } = await readPublications(lake, { runId, empty: true });
  for (const publication of publications) {
    const publicationId = await tellPublication(telling, publication);
    graph.edge(publicationId, id);
    graph.edge(id, view(viewOfTable.get(publication.tableName) ?? publication.tableName));
  }
  for (const name of run.views) {
    const registered = applied.views.get(name);
    if (registered === undefined) continue;
    for (const read of await readStreamReads(lake, registered.table, { runId })) {
      graph.edge(await tellRead(telling, read, registered), id);
      graph.edge(id, view(name));
    }
  }
  // What was brought online came from the view as it was in a snapshot.
  for (const step of run.steps) {
    if (step.view === undefined || step.snapshot === undefined || !applied.views.has(step.view)) continue;
    if (publications.some((one) => viewOfTable.get(one.tableName) === step.view)) continue;
    const read = graph.node('view', step.view, step.view, { snapshot: step.snapshot });
    graph.edge(read, id);
    await tellOnline(telling, step.view, id);
  }
  return id;
}
