import type { FeatureRepo } from '../feature-repo/index.js';
import type { Lake } from '../lake/index.js';
import type { TrainingSet, TrainingSets } from '../offline-store/training-sets.js';
import type { OnlineStore } from '../online-store/index.js';
import type { RegisteredView, Registry, RegistryState } from '../registry/index.js';
import type { Runs } from '../runs/index.js';
import type { GraphBuilder } from './graph.js';

/** What lineage is read from: a FeatureStore. */
export interface LineageContext {
  readonly repo: FeatureRepo;
  readonly lake: Lake;
  readonly registry: Registry;
  readonly runs: Runs;
  readonly trainingSets: TrainingSets;
  state(): Promise<RegistryState>;
  online(): Promise<OnlineStore>;
}

/** One telling of lineage: what it reads, how much of it, and what it has found so far. */
export interface Telling extends Omit<LineageContext, 'trainingSets'> {
  readonly graph: GraphBuilder;
  /** Of the moment that is told of. */
  readonly applied: RegistryState;
  readonly sets: readonly TrainingSet[];
  readonly upToSnapshot: number | undefined;
  /** Publications and stream reads of each view. */
  readonly last: number;
}

export const viewOf = ({ applied }: Telling, name: string): RegisteredView | undefined => applied.views.get(name);
