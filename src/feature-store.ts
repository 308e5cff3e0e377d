import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import type { EntityKeys, FeatureService, HistoricalRow, OnlineRow } from './definitions/index.js';
import type { Engines } from './engines.js';
import { DefinitionError } from './errors.js';
import type { Quarantine } from './etl/index.js';
import type { FeatureRepo } from './feature-repo/index.js';
import {
  type Entities,
  entityInput,
  type FeatureList,
  type FeatureRequest,
  findService,
  findView,
  type HistoricalOptions,
  type MaterializeOptions,
  type NamingOptions,
  OnlineRequests,
  onlineViewsOf,
  resolveRequest,
} from './feature-request.js';
import { Forgetting } from './forget/index.js';
import { type Lake, readAsOf } from './lake/index.js';
import {
  type EntityInput,
  type HistoricalOutput,
  type HistoricalResult,
  historicalFeatures,
} from './offline-store/historical-features.js';
import { TrainingSets } from './offline-store/training-sets.js';
import { type OnlineFeatures, type OnlineStore, readOnlineFeatures } from './online-store/index.js';
import { PipelineSteps } from './pipeline-steps.js';
import { checkViews } from './quality/index.js';
import type { Applied, Plan, Registry, RegistryState, TeardownCounts } from './registry/index.js';
import { RunLogs } from './run-logs/index.js';
import { Runs } from './runs/index.js';
import type { StreamProducer } from './stream-source/stream-source.js';
import { type MaterializeProgress, type MaterializeResult, materializeView } from './sync/index.js';
import { checkFreshness, Upkeep, type ViewFreshness } from './upkeep/index.js';

/**
 * A project's feature store: definitions, history, newest values. Made by `openFeatureStore`; close it when done. Methods throw
 * DefinitionError for requests that can't be meant, DataError for data that can't be used, StoreUnavailableError when a store
 * can't be reached.
 */
export class FeatureStore {
  readonly runs: Runs;
  readonly logs: RunLogs;
  readonly steps: PipelineSteps;
  readonly trainingSets: TrainingSets;
  readonly quarantine: Quarantine;
  readonly upkeep: Upkeep;
  readonly forgetting: Forgetting;
  readonly #engines: Engines;
  readonly #reload: () => Promise<FeatureRepo>;
  #repo: FeatureRepo;
  #state: Promise<RegistryState> | undefined;
  #online: Promise<OnlineStore> | undefined;
  readonly #requests = new OnlineRequests();

  constructor(repo: FeatureRepo, engines: Engines, reload: () => Promise<FeatureRepo>) {
    this.#repo = repo;
    this.#engines = engines;
    this.#reload = reload;
    this.runs = new Runs(engines.lake);
    this.logs = new RunLogs(engines.lake.sharedDirectory);
    this.steps = new PipelineSteps(this, engines);
    this.trainingSets = new TrainingSets(engines.lake);
    this.quarantine = this.steps.quarantine;
    this.forgetting = new Forgetting(engines, this);
    this.upkeep = new Upkeep({
      lake: engines.lake,
      rules: repo.config.upkeep,
      online: () => this.online(),
      tables: async () => [...(await this.state()).views.values()].map(({ table }) => table),
    });
  }

  get repo(): FeatureRepo {
    return this.#repo;
  }

  get project(): string {
    return this.#repo.config.project;
  }

  get lake(): Lake {
    return this.#engines.lake;
  }

  get registry(): Registry {
    return this.#engines.registry;
  }

  /** The online store, opened on first use; where that fails, the next caller tries anew. */
  online(): Promise<OnlineStore> {
    this.#online ??= this.#engines.openOnline().catch((error: unknown) => {
      this.#online = undefined;
      throw error;
    });
    return this.#online;
  }

  /** What is applied; read once and again after `apply` and `requireApplied`. */
  state(): Promise<RegistryState> {
    this.#state ??= this.registry.state();
    return this.#state;
  }

  /** What `apply` would change. @throws DefinitionError for expectations that DuckDB can't make sense of. */
  async plan(): Promise<Plan> {
    await checkViews(this.#repo.views.values());
    return this.registry.plan(this.#repo);
  }

  /** Makes registry and tables what the definitions say. */
  async apply(): Promise<Applied> {
    await checkViews(this.#repo.views.values());
    const applied = await this.registry.apply(this.#repo);
    this.#state = undefined;
    return applied;
  }

  /**
   * Makes sure that the loaded definitions are the applied ones; definition files that were edited since are loaded again.
   * @returns the registry's version.
   * @throws DefinitionError naming what differs.
   */
  async requireApplied(): Promise<number> {
    this.#state = undefined;
    try {
      await this.registry.checkApplied(this.#repo);
    } catch (error) {
      const again = await this.#reload();
      if (again.definitionsHash === this.#repo.definitionsHash) throw error;
      if (again.config.project !== this.project) {
        throw new DefinitionError(`the project is now called "${again.config.project}"`, {
          mend: 'start the worker again',
        });
      }
      this.#repo = again;
      await this.registry.checkApplied(this.#repo);
    }
    return (await this.state()).version;
  }

  /** A feature service of the repository, by name. */
  service(name: string): FeatureService {
    return findService(name, this.#repo.services);
  }

  /**
   * The features as of each entity row's time, joined to the entity rows in the order given. The typed form stands last: it is the
   * one the compiler explains mistakes by.
   */
  getHistoricalFeatures(
    features: FeatureRequest,
    entities: string | EntityInput,
    options?: HistoricalOptions,
  ): Promise<Record<string, unknown>[]>;
  getHistoricalFeatures(
    features: FeatureList,
    entities: readonly Readonly<Record<string, unknown>>[],
    options?: HistoricalOptions,
  ): Promise<Record<string, unknown>[]>;
  getHistoricalFeatures<S extends FeatureService, L extends EntityKeys<S>>(
    features: S,
    entities: readonly L[],
    options?: HistoricalOptions,
  ): Promise<HistoricalRow<S, L>[]>;
  async getHistoricalFeatures(
    features: FeatureRequest,
    entities: Entities,
    options: HistoricalOptions = {},
  ): Promise<Record<string, unknown>[]> {
    const { rows } = await this.writeHistoricalFeatures(features, entities, { type: 'rows' }, options);
    return rows ?? [];
  }

  /** The same into a Parquet or CSV file, or a new table of the lake; the rows never pass through JavaScript. */
  async writeHistoricalFeatures(
    features: FeatureRequest,
    entities: Entities,
    output: HistoricalOutput,
    options: HistoricalOptions = {},
  ): Promise<HistoricalResult> {
    const { createdCutoff, entityTimestamp, saveAs, signal, onProgress } = options;
    return readAsOf(this.lake, options, async (asOfSnapshot) => {
      const state =
        asOfSnapshot === undefined ? await this.state() : await this.registry.state({ snapshot: asOfSnapshot });
      return historicalFeatures(this.lake, {
        selections: resolveRequest(features, this.#repo, state, options),
        entities: entityInput(entities),
        options: { createdCutoff, asOfSnapshot, entityTimestamp },
        output,
        save: { name: saveAs, keepMs: this.#repo.config.upkeep.keepTrainingSetsMs },
        signal,
        onProgress,
      });
    });
  }

  /** The newest features of each entity, in the order asked; missing and expired ones are null. */
  getOnlineFeatures(
    features: FeatureList,
    keys: readonly Readonly<Record<string, unknown>>[],
    options?: NamingOptions,
  ): Promise<Record<string, unknown>[]>;
  getOnlineFeatures<S extends FeatureService>(features: S, keys: readonly EntityKeys<S>[]): Promise<OnlineRow<S>[]>;
  async getOnlineFeatures(
    features: FeatureRequest,
    keys: readonly object[],
    options: NamingOptions = {},
  ): Promise<Record<string, unknown>[]> {
    const { rows } = await this.getOnlineFeaturesDetailed(features, keys, options);
    return rows;
  }

  /** The same with a status and an event timestamp for every feature. */
  async getOnlineFeaturesDetailed(
    features: FeatureRequest,
    keys: readonly object[],
    options: NamingOptions = {},
  ): Promise<OnlineFeatures> {
    const selections = this.#requests.resolve(features, this.#repo, await this.state(), options);
    return readOnlineFeatures(await this.online(), selections, keys as readonly Record<string, unknown>[], new Date());
  }

  /** Brings views online, here and now. A pipeline does the same durably. */
  async materialize({
    views,
    mode = { type: 'incremental' },
    end,
    signal,
    onProgress,
  }: MaterializeOptions = {}): Promise<MaterializeResult[]> {
    await this.requireApplied();
    const names = this.onlineViews(views); // all checked before the first is written
    const stores = { lake: this.lake, offline: this.#engines.offline, online: await this.online() };
    const results: MaterializeResult[] = [];
    for (const view of names) {
      const { table } = await this.view(view);
      const file = path.join(this.#repo.stateDir, 'staging', `materialize-${randomUUID()}.parquet`);
      const request = { table, mode, end, file, signal, onProgress: (p: MaterializeProgress) => onProgress?.(view, p) };
      try {
        results.push(await materializeView(stores, request));
      } finally {
        rmSync(file, { force: true });
      }
    }
    return results;
  }

  /**
   * Names of the views that feed the online store.
   * @param asked only these. @throws DefinitionError when one of them is unknown or kept offline.
   */
  onlineViews(asked?: readonly string[]): string[] {
    return onlineViewsOf(this.#repo.views, asked);
  }

  /**
   * How old the newest event of views is, in the lake and online, against what they promise.
   * @param views default: all. @throws DefinitionError when one is unknown or not applied.
   */
  async freshness(views: readonly string[] = [...this.#repo.views.keys()]): Promise<ViewFreshness[]> {
    const found = await Promise.all([...new Set(views)].map((name) => this.view(name)));
    return checkFreshness({ ...this.#engines, openOnline: () => this.online() }, found);
  }

  /** A view as defined, with the table it was applied to. */
  async view(name: string) {
    const view = findView(name, this.#repo.views);
    const registered = (await this.state()).views.get(name);
    if (registered === undefined)
      throw new DefinitionError(`view "${name}" is not applied`, { mend: 'run `asof apply`' });
    return { view, table: registered.table };
  }

  /** Puts events into a topic; the file engine creates it when it is not there. */
  openProducer(topic: string): Promise<StreamProducer> {
    return this.#engines.openProducer(topic);
  }

  /** Removes this project's tables, online rows and event logs, and nothing else. */
  async teardown(): Promise<TeardownCounts> {
    await (await this.online()).dropProject();
    await this.#engines.dropStreams();
    const counts = await this.registry.teardown();
    this.#state = undefined;
    return counts;
  }

  async close(): Promise<void> {
    await (await this.#online)?.close();
    this.lake.close();
  }
}
