import { StoreUnavailableError } from '../errors.js';
import type { TrainingSet } from '../offline-store/training-sets.js';
import type { RegisteredView } from '../registry/index.js';
import { readCursor } from '../sync/index.js';
import type { Telling } from './context.js';
import type { Detail } from './graph.js';

/** What reads a view, or one of its features: services, the online store, saved training sets. @param from the node it comes from. */
export async function tellReaders(telling: Telling, view: string, from: string, feature?: string): Promise<void> {
  const { graph, applied, sets } = telling;
  await tellOnline(telling, view, from);
  for (const { name, owner, features } of applied.services.values()) {
    const columns = features.find((selection) => selection.view === view)?.columns ?? {};
    const used = Object.entries(columns).filter(([, own]) => feature === undefined || own === feature);
    if (used.length === 0) continue;
    graph.edge(from, graph.node('service', name, name, { owner, features: serviceFeatures(telling, name) }));
  }
  for (const set of sets) {
    const reads = Object.values(set.features).some((column) =>
      feature === undefined ? column.startsWith(`${view}:`) : column === `${view}:${feature}`,
    );
    if (reads && isUpTo(telling, set.snapshot)) graph.edge(from, tellTrainingSet(telling, set));
  }
}

const isUpTo = ({ upToSnapshot }: Telling, snapshot: number): boolean =>
  upToSnapshot === undefined || snapshot <= upToSnapshot;

/** Output name → `view:feature`. */
export const serviceFeatures = ({ applied }: Telling, service: string): Record<string, string> =>
  Object.fromEntries(
    (applied.services.get(service)?.features ?? []).flatMap(({ view, columns }) =>
      Object.entries(columns).map(([output, feature]) => [output, `${view}:${feature}`]),
    ),
  );

export const tellTrainingSet = ({ graph }: Telling, set: TrainingSet): string =>
  graph.node('training_set', set.name, set.name, {
    ...{ place: set.place, snapshot: set.snapshot, rows: set.rows, createdAt: set.createdAt, features: set.features },
    expiresAt: set.expiresAt,
  });

/** How far the online rows of a view reflect the lake, as the online store itself says. */
export async function tellOnline(telling: Telling, view: string, from: string): Promise<string | undefined> {
  const { graph, repo, applied } = telling;
  const registered = applied.views.get(view) as RegisteredView;
  if (!registered.spec.online) return undefined;
  const engine = repo.config.onlineStore.type;
  const id = graph.node('online', view, `${view} online`, { view, engine, ...(await cursorOf(telling, view)) });
  graph.edge(from, id);
  return id;
}

async function cursorOf({ online }: Telling, view: string): Promise<Record<string, Detail | undefined>> {
  try {
    const cursor = await readCursor(await online(), view);
    if (cursor === undefined) return { snapshot: null };
    const { snapshot, committedAt, end } = cursor;
    return { snapshot, committedAt, end: end.toISOString() };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return { unreachable: true };
  }
}
