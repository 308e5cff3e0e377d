import type { FeatureTable } from '../definitions/feature-table.js';
import type { FeatureRepo } from '../feature-repo/feature-repo.js';
import type { Plan } from './plan.js';
import type { EntitySpec, ObjectKind, PipelineSpec, ServiceSpec, SourceSpec, Spec, ViewSpec } from './spec.js';

/** One version of one object. */
export interface RegistryEntry<S extends Spec = Spec> {
  readonly kind: ObjectKind;
  readonly name: string;
  /** The apply that brought it. */
  readonly version: number;
  readonly appliedAt: Date;
  readonly spec: S;
  /** This version took the object out. */
  readonly removed: boolean;
}

/** A view as applied, with the table that holds its rows. */
export interface RegisteredView {
  readonly spec: ViewSpec;
  readonly version: number;
  readonly table: FeatureTable;
  /** Identity of the transform that was applied; `undefined` when the view has none. */
  readonly transformHash: string | undefined;
}

/** All that is applied at one version, by name. */
export interface RegistryState {
  /** 0 = nothing was applied yet. */
  readonly version: number;
  readonly entities: ReadonlyMap<string, EntitySpec>;
  readonly sources: ReadonlyMap<string, SourceSpec>;
  readonly views: ReadonlyMap<string, RegisteredView>;
  readonly services: ReadonlyMap<string, ServiceSpec>;
  readonly pipelines: ReadonlyMap<string, PipelineSpec>;
}

/** A moment of the registry: one of its own versions, or a snapshot of the lake. Neither = now. */
export interface RegistryMoment {
  readonly version?: number | undefined;
  readonly snapshot?: number | undefined;
}

export interface Applied {
  readonly plan: Plan;
  /** The registry's version afterwards; unchanged when there was nothing to do. */
  readonly version: number;
}

export interface TeardownCounts {
  readonly objects: Readonly<Record<ObjectKind, number>>;
  readonly tables: number;
}

/**
 * What was applied, kept in the lake with the rows it describes. Methods throw StoreUnavailableError when the lake can't be
 * reached, DefinitionError when asked for what does not exist.
 */
export interface Registry {
  /** What `apply` would do. Writes nothing. */
  plan(repo: FeatureRepo): Promise<Plan>;
  /**
   * Makes the registry and the tables what the definitions say, in one transaction. With nothing to do it writes nothing. Of two
   * applies at once the later one plans again on what the earlier one did.
   */
  apply(repo: FeatureRepo): Promise<Applied>;
  /** @throws DefinitionError naming each object whose definition is not the one applied; says to run `asof apply`. */
  checkApplied(repo: FeatureRepo): Promise<void>;
  /** @throws DefinitionError when the registry does not reach back to that moment. */
  state(at?: RegistryMoment): Promise<RegistryState>;
  /** The objects of a kind as they are now, by name. */
  list(kind: ObjectKind): Promise<RegistryEntry[]>;
  /** @throws DefinitionError when there is none of that name; names those there are. */
  describe(kind: ObjectKind, name: string): Promise<RegistryEntry>;
  /** Every version of an object, oldest first; empty when it never was. */
  history(kind: ObjectKind, name: string): Promise<RegistryEntry[]>;
  /** Drops this project's tables, rows and registry, and nothing else. Open the lake again to start anew. */
  teardown(): Promise<TeardownCounts>;
}
