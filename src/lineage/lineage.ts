import { didYouMean } from '../did-you-mean.js';
import { DefinitionError } from '../errors.js';
import { checkSnapshot, resolveMoment } from '../lake/index.js';
import type { RegistryState } from '../registry/index.js';
import type { LineageContext, Telling } from './context.js';
import { tellFeature } from './feature-lineage.js';
import { GraphBuilder, type LineageGraph } from './graph.js';
import { tellRun } from './run-lineage.js';
import { batchSourceOf } from './sources.js';
import { serviceFeatures, tellOnline, tellReaders, tellTrainingSet } from './view-downstream.js';
import { tellSource, tellView } from './view-upstream.js';

export type { LineageContext };

export interface LineageRequest {
  /** A view, `view:feature`, service, training set or source, in this order, else a run: its id, the beginning of it, or its workflow. */
  readonly name: string;
  /** Publications and stream reads of each view, the newest; default 5. */
  readonly last?: number | undefined;
  /** As the lake was at a snapshot, or at a time. */
  readonly asOfSnapshot?: number | undefined;
  readonly asOfTime?: Date | undefined;
}

/**
 * Where something comes from and where it goes, as the lake's records and the applied definitions tell it. A training set is told as
 * of the snapshot it was made from.
 * @throws DefinitionError when nothing has that name; the mend has names that are near.
 */
export async function lineageOf(context: LineageContext, request: LineageRequest): Promise<LineageGraph> {
  const { name, last = 5, ...moment } = request;
  const { repo, lake, registry, runs, trainingSets } = context;
  const sets = await trainingSets.list();
  const set = sets.find((known) => known.name === name);
  const now = await context.state();
  const isDefined = now.views.has(name) || now.services.has(name) || isFeature(now, name);
  const asked = await resolveMoment(lake, moment);
  // One that was expired is as good as any other, one to come is not.
  if (asked !== undefined && asked > (await lake.currentSnapshot())) await checkSnapshot(lake, asked);
  const upToSnapshot = asked ?? (isDefined ? undefined : set?.snapshot);
  const telling: Telling = {
    ...{ repo, lake, registry, runs, sets, state: () => context.state(), online: () => context.online() },
    ...{ graph: new GraphBuilder(), applied: await stateAt(context, now, upToSnapshot), upToSnapshot, last },
  };
  const { graph, applied } = telling;
  const done = (focus: string): LineageGraph => graph.graph(focus, upToSnapshot);

  if (applied.views.has(name)) {
    const id = await tellView(telling, name);
    await tellReaders(telling, name, id);
    return done(id);
  }
  if (isFeature(applied, name)) {
    const [view, feature] = name.split(':') as [string, string];
    return done(await tellFeature(telling, view, feature));
  }
  if (applied.services.has(name)) return done(await tellService(telling, name));
  if (set !== undefined) {
    const id = tellTrainingSet(telling, set);
    for (const view of viewsIn(set.features)) {
      if (applied.views.has(view)) graph.edge(await tellView(telling, view), id);
    }
    return done(id);
  }
  if (applied.sources.has(name)) {
    const id = tellSource(telling, name);
    for (const [view, { spec }] of applied.views) {
      if (spec.source !== name && batchSourceOf(applied, spec.source) !== name) continue;
      const viewId = graph.node('view', view, view, { owner: spec.owner });
      graph.edge(id, viewId);
      await tellReaders(telling, view, viewId);
    }
    return done(id);
  }
  return done(await tellRun(telling, await findRun(telling, name)));
}

async function tellService(telling: Telling, name: string): Promise<string> {
  const { graph, applied, sets } = telling;
  const features = serviceFeatures(telling, name);
  const id = graph.node('service', name, name, { owner: applied.services.get(name)?.owner, features });
  for (const view of viewsIn(features)) {
    if (!applied.views.has(view)) continue;
    graph.edge(await tellView(telling, view), id);
    await tellOnline(telling, view, id);
  }
  // A training set does not say which service it was asked by, only for which features.
  const wanted = JSON.stringify(Object.entries(features).sort());
  for (const set of sets)
    if (JSON.stringify(Object.entries(set.features).sort()) === wanted) graph.edge(id, tellTrainingSet(telling, set));
  return id;
}

const viewsIn = (features: Readonly<Record<string, string>>): string[] => [
  ...new Set(Object.values(features).map((column) => column.split(':')[0] as string)),
];

function isFeature({ views }: RegistryState, name: string): boolean {
  const [view = '', feature = '', ...more] = name.split(':');
  return more.length === 0 && views.get(view)?.spec.features[feature] !== undefined;
}

/** The definitions of then; those of now where the snapshot was expired, as rows outlive it. */
async function stateAt({ registry }: LineageContext, now: RegistryState, snapshot?: number): Promise<RegistryState> {
  if (snapshot === undefined) return now;
  return registry.state({ snapshot }).catch((error: unknown) => {
    if (error instanceof DefinitionError) return now;
    throw error;
  });
}

async function findRun({ applied, runs, sets }: Telling, name: string) {
  try {
    return await runs.show(name);
  } catch (error) {
    if (!(error instanceof DefinitionError) || !error.message.includes('there is no run')) throw error;
    const features = [...applied.views].flatMap(([view, { spec }]) =>
      Object.keys(spec.features).map((f) => `${view}:${f}`),
    );
    const known = [
      ...applied.views.keys(),
      ...applied.services.keys(),
      ...sets.map((set) => set.name),
      ...applied.sources.keys(),
      ...features,
    ];
    throw new DefinitionError(
      `nothing is called "${name}": no view, view:feature, service, training set, source or run`,
      {
        mend: `${didYouMean(name, known)}there are views ${[...applied.views.keys()].join(', ') || '(none)'}; \`asof list\` and \`asof runs\` tell more`,
      },
    );
  }
}
