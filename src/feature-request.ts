import type { FeatureService } from './definitions/feature-service.js';
import type { AnyFeatureView, Selectable } from './definitions/feature-view.js';
import { type ResolvedSelection, resolveSelection } from './definitions/selection.js';
import { didYouMean } from './did-you-mean.js';
import { DefinitionError } from './errors.js';
import type { FeatureRepo } from './feature-repo/index.js';
import type { EntityInput, HistoricalProgress } from './offline-store/historical-features.js';
import type { OnlineSelection } from './online-store/index.js';
import type { RegistryState } from './registry/index.js';
import type { MaterializeMode, MaterializeProgress } from './sync/index.js';

/** What to read: a service, its parts, or Feast's `view:feature` strings (`view:*` = all features of the view). */
export type FeatureRequest = FeatureService | FeatureList;
/** Parts of views, and references; the rows they give are not typed. */
export type FeatureList = readonly (Selectable | string)[];

export interface NamingOptions {
  /** Names every feature `view__feature`, for requests in which two views have one feature name. */
  readonly fullFeatureNames?: boolean | undefined;
}

export interface HistoricalOptions extends NamingOptions {
  /** Only rows that were made by the entity row's time count: no leakage from later backfills. */
  readonly createdCutoff?: boolean;
  /** Reads the lake as it was at this snapshot: the same request gives the same training set. */
  readonly asOfSnapshot?: number;
  /** The same by time: the newest snapshot that is kept of those committed at or before it. */
  readonly asOfTime?: Date;
  /** For an answer in a file: keeps a record under this name, and with it the snapshot it can be made again from. */
  readonly saveAs?: string;
  /** The column with each entity row's time; default `event_timestamp`, else the only timestamp column. */
  readonly entityTimestamp?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: HistoricalProgress) => void;
}

export interface MaterializeOptions {
  /** Default: every view that feeds the online store. */
  readonly views?: readonly string[];
  readonly mode?: MaterializeMode;
  readonly end?: Date | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: (view: string, progress: MaterializeProgress) => void;
}

/**
 * Which features of which tables a request means.
 * @param state the registry the tables are taken from: the current one, or that of an earlier snapshot.
 * @throws DefinitionError for an unknown view or feature, one that was not applied (or not yet there at that snapshot), and for two
 * features that would come out under one name.
 */
export function resolveRequest(
  request: FeatureRequest,
  repo: Pick<FeatureRepo, 'views'>,
  state: RegistryState,
  { fullFeatureNames = false }: NamingOptions = {},
): OnlineSelection[] {
  const parts = isService(request) ? request.features : request;
  const where = isService(request) ? `featureService "${request.name}"` : 'the requested features';
  if (!Array.isArray(parts) || parts.length === 0) {
    throw new DefinitionError('no features are asked for', { where, mend: "name some, e.g. 'driver_stats:conv_rate'" });
  }
  const selections = parts.map((part) =>
    typeof part === 'string' ? parseReference(part, repo) : resolveSelection(part),
  );
  const named = fullFeatureNames ? selections.map(withFullNames) : selections;
  checkUnique(where, named);
  return merge(named).map(({ view, columns }) => ({ table: tableOf(view, columns, state), columns }));
}

/** Requests that come again and again: what a service comes to is worked out once for each state of the registry. */
export class OnlineRequests {
  readonly #known = new WeakMap<object, { readonly state: RegistryState; readonly selections: OnlineSelection[] }>();

  /** As {@link resolveRequest}. */
  resolve(
    request: FeatureRequest,
    repo: Pick<FeatureRepo, 'views'>,
    state: RegistryState,
    options: NamingOptions,
  ): OnlineSelection[] {
    // Services are frozen; a list may be another one the next time.
    const isKept = isService(request) && options.fullFeatureNames !== true;
    const known = isKept ? this.#known.get(request) : undefined;
    if (known?.state === state) return known.selections;
    const selections = resolveRequest(request, repo, state, options);
    if (isKept) this.#known.set(request, { state, selections });
    return selections;
  }
}

const isService = (request: FeatureRequest): request is FeatureService =>
  (request as FeatureService).kind === 'feature_service';

/** `driver_stats:conv_rate` */
function parseReference(reference: string, { views }: Pick<FeatureRepo, 'views'>): ResolvedSelection {
  const [viewName = '', feature, more] = reference.split(':');
  if (feature === undefined || more !== undefined) {
    throw new DefinitionError(`"${reference}" is no feature reference`, {
      mend: "write view:feature, e.g. 'driver_stats:conv_rate'",
    });
  }
  const view = findView(viewName, views);
  if (feature === '*') return resolveSelection(view as Selectable);
  if (!Object.hasOwn(view.features, feature)) {
    throw new DefinitionError(`view "${viewName}" has no feature "${feature}"`, {
      mend: `${didYouMean(feature, Object.keys(view.features))}it has ${Object.keys(view.features).join(', ')}`,
    });
  }
  return { view, columns: { [feature]: feature } };
}

/** @throws DefinitionError naming those there are. */
export function findService(name: string, services: ReadonlyMap<string, FeatureService>): FeatureService {
  const service = services.get(name);
  if (service !== undefined) return service;
  throw new DefinitionError(`there is no feature service "${name}"`, {
    mend: `there are ${[...services.keys()].join(', ') || 'none'}`,
  });
}

export function findView(name: string, views: ReadonlyMap<string, AnyFeatureView>): AnyFeatureView {
  const view = views.get(name);
  if (view !== undefined) return view;
  throw new DefinitionError(`there is no feature view "${name}"`, {
    mend: `there are ${[...views.keys()].join(', ')}`,
  });
}

/** Names of the views that feed the online store, or those asked for. @throws DefinitionError when one is unknown or kept offline. */
export function onlineViewsOf(views: ReadonlyMap<string, AnyFeatureView>, asked?: readonly string[]): string[] {
  if (asked === undefined) return [...views.values()].filter(({ online }) => online).map(({ name }) => name);
  const offline = asked.find((name) => !findView(name, views).online);
  if (offline === undefined) return [...new Set(asked)];
  throw new DefinitionError(`view "${offline}" does not feed the online store`, {
    mend: 'leave it out, or take `online: false` off its definition and apply',
  });
}

const withFullNames = ({ view, columns }: ResolvedSelection): ResolvedSelection => ({
  view,
  columns: Object.fromEntries(Object.values(columns).map((feature) => [`${view.name}__${feature}`, feature])),
});

function checkUnique(where: string, selections: readonly ResolvedSelection[]): void {
  const from = new Map<string, string>();
  for (const { view, columns } of selections) {
    for (const [output, feature] of Object.entries(columns)) {
      const source = `${view.name}:${feature}`;
      const other = from.get(output);
      if (other !== undefined) {
        const mend =
          other === source
            ? 'name it once'
            : `ask for full feature names (view__feature), or rename one in the service: .prefixed('${view.name}_')`;
        throw new DefinitionError(`feature "${output}" comes twice, from ${other} and ${source}`, { where, mend });
      }
      from.set(output, source);
    }
  }
}

/** One selection per view where that keeps the order of the features; the join and the online read work by view. */
function merge(selections: readonly ResolvedSelection[]): ResolvedSelection[] {
  const merged: { view: AnyFeatureView; columns: Record<string, string> }[] = [];
  for (const { view, columns } of selections) {
    const last = merged.at(-1);
    if (last?.view === view) Object.assign(last.columns, columns);
    else merged.push({ view, columns: { ...columns } });
  }
  return merged;
}

function tableOf(
  view: AnyFeatureView,
  columns: Readonly<Record<string, string>>,
  state: RegistryState,
): OnlineSelection['table'] {
  const registered = state.views.get(view.name);
  if (registered === undefined) {
    throw new DefinitionError(`view "${view.name}" is not applied (registry version ${state.version})`, {
      mend: 'run `asof apply`, or ask for a later snapshot',
    });
  }
  const { table, version } = registered;
  const missing = Object.values(columns).find((feature) => !Object.hasOwn(table.features, feature));
  if (missing !== undefined) {
    throw new DefinitionError(
      `view "${view.name}" has no feature "${missing}" in version ${version} of the registry (now read at ${state.version})`,
      { mend: 'run `asof apply` for a new feature; for an older snapshot ask only for features it had' },
    );
  }
  return table;
}

/** Entity rows: objects, the path of a CSV, Parquet or NDJSON file, or one SELECT. */
export type Entities<L = Readonly<Record<string, unknown>>> = readonly L[] | string | EntityInput;

/** What a caller's entity rows mean. */
export function entityInput(entities: Entities): EntityInput {
  if (Array.isArray(entities)) return { type: 'rows', rows: entities };
  if (typeof entities !== 'string') return entities as EntityInput;
  return /^\s*(select|with|from)\s/i.test(entities) ? { type: 'sql', sql: entities } : { type: 'file', path: entities };
}
