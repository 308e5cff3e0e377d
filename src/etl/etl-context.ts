import type { BatchSource } from '../definitions/batch-source.js';
import { type FeatureTable, viewSchema } from '../definitions/feature-table.js';
import type { AnyFeatureView } from '../definitions/feature-view.js';
import { DefinitionError } from '../errors.js';
import type { FeatureRepo } from '../feature-repo/index.js';
import type { Lake } from '../lake/index.js';
import type { MadeBy, OfflineStore } from '../offline-store/offline-store.js';
import type { Schema } from '../types.js';
import { Staging } from './staging.js';
import type { StepTarget } from './step.js';

/** What the steps need of a store: its lake, its loaded definitions and the tables they were applied to. */
export interface EtlContext {
  readonly project: string;
  readonly projectRoot: string;
  /** Below it lie what steps of one run hand each other, and reports: the steps may run on different hosts. */
  readonly sharedDirectory: string;
  readonly lake: Lake;
  readonly offline: OfflineStore;
  /** The applied definitions and the code that are at work. */
  readonly madeBy: MadeBy;
  /** Identity of the view's transform; `undefined` when it has none. */
  readonly transform: string | undefined;
  /** The view as defined and as applied. @throws DefinitionError when it is unknown or not applied. */
  view(name: string): { readonly view: AnyFeatureView; readonly table: FeatureTable };
}

/** The context of one view of a repository. */
export const etlContext = (
  repo: FeatureRepo,
  { lake, offline, madeBy }: Pick<EtlContext, 'lake' | 'offline' | 'madeBy'>,
  found: ReturnType<EtlContext['view']>,
): EtlContext => ({
  project: repo.config.project,
  projectRoot: repo.projectRoot,
  sharedDirectory: lake.sharedDirectory,
  lake,
  offline,
  madeBy,
  transform: repo.transformHash(found.view.name),
  view: () => found,
});

/** The columns of a cleaned file, as expectations and profiles see them. */
export const viewColumns = (view: AnyFeatureView, table: FeatureTable): Schema =>
  viewSchema(table.joinKeys, view.features);

export const stagingOf = ({ sharedDirectory }: EtlContext, { runId, view }: StepTarget): Staging =>
  new Staging(sharedDirectory, runId, view);

/** Where a view's history comes from. @throws DefinitionError for a stream view without a batch source. */
export function batchSourceOf(view: AnyFeatureView): BatchSource {
  const source = view.kind === 'feature_view' ? view.source : view.source.batchSource;
  if (source !== undefined) return source;
  throw new DefinitionError('the view has no batch source, so there is nothing to ingest', {
    where: `streamFeatureView "${view.name}"`,
    mend: 'give its kafkaSource a batchSource, or feed it by streamToStores',
  });
}
