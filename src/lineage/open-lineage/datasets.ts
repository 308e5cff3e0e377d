import type { Provenance } from '../../batch-source/index.js';
import { createdTimestamp, eventTimestamp, tableName } from '../../definitions/feature-table.js';
import type { FeatureRepo } from '../../feature-repo/index.js';
import type { RegisteredView, RegistryState, SourceSpec } from '../../registry/index.js';
import { columnOrigins } from '../feature-lineage.js';
import { type Dataset, type Facet, type Facets, facet, present } from './facets.js';
import { type DatasetName, lakeName, onlineName, sourceName } from './naming.js';

/** What datasets are described by. */
export interface Described {
  readonly repo: FeatureRepo;
  readonly applied: RegistryState;
}

/** A source, as a run read it or as it is declared. */
export function sourceDataset(
  { repo, applied }: Described,
  source: string,
  { read, inputFacets }: { readonly read?: Partial<Provenance> | undefined; readonly inputFacets?: Facets } = {},
): Dataset | undefined {
  const spec = applied.sources.get(source);
  if (spec === undefined) return undefined;
  const name = sourceName(repo, spec, read);
  const columns = read?.schema ?? (spec.kind === 'kafka_source' ? columnsOf(spec.event) : undefined);
  const statistics =
    read?.rows === undefined
      ? undefined
      : facet('inputStatistics', {
          rowCount: read.rows,
          ...('bytes' in read ? { size: read.bytes, fileCount: 1 } : {}),
        });
  return {
    ...name,
    facets: present({
      schema: columns && schemaFacet(columns.map(({ name: column, type }) => [column, type])),
      dataSource: dataSource(name, source),
      version: versionOf(read),
      ownership: ownersFacet(spec.owner),
    }),
    inputFacets: present({ inputStatistics: statistics, ...inputFacets }),
  };
}

const columnsOf = (types: Readonly<Record<string, string>>) =>
  Object.entries(types).map(([name, type]) => ({ name, type }));

/** What tells this reading of the source from others. */
function versionOf(read: Partial<Provenance> = {}): Facet | undefined {
  const datasetVersion = 'sha256' in read ? read.sha256 : 'readAt' in read ? read.readAt : undefined;
  return datasetVersion === undefined ? undefined : facet('version', { datasetVersion });
}

/** A view's table in the lake. @param snapshot that holds what was written, or that was read. */
export function tableDataset(
  { repo }: Described,
  view: RegisteredView,
  {
    snapshot,
    published,
    columnLineage,
  }: { snapshot?: number | undefined; published?: number | undefined; columnLineage?: Facet | undefined },
): Dataset {
  const name = lakeName(repo, tableName(view.table));
  return {
    ...name,
    facets: present({ ...common(view, name, snapshot), columnLineage }),
    ...(published === undefined
      ? {}
      : { outputFacets: { outputStatistics: facet('outputStatistics', { rowCount: published }) } }),
  };
}

/** The view's newest rows, online. @param snapshot of the lake that they reflect. */
export function onlineDataset(
  described: Described,
  view: RegisteredView,
  { snapshot, written }: { snapshot?: number | undefined; written?: number | undefined },
): Dataset {
  const name = onlineName(described.repo, view.spec.name);
  const table = lakeName(described.repo, tableName(view.table));
  const fields = Object.fromEntries(
    viewColumns(view).map(([column]) => [column, { inputFields: [inputField(table, column, identity)] }]),
  );
  return {
    ...name,
    facets: present({ ...common(view, name, snapshot), columnLineage: facet('columnLineage', { fields }) }),
    ...(written === undefined
      ? {}
      : { outputFacets: { outputStatistics: facet('outputStatistics', { rowCount: written }) } }),
  };
}

const common = (view: RegisteredView, name: DatasetName, snapshot: number | undefined) => ({
  schema: schemaFacet(viewColumns(view)),
  dataSource: dataSource(name, view.spec.name),
  version: snapshot === undefined ? undefined : facet('version', { datasetVersion: String(snapshot) }),
  ownership: ownersFacet(view.spec.owner),
});

const viewColumns = ({ spec }: RegisteredView): [string, string][] => [
  ...Object.entries(spec.joinKeys),
  [eventTimestamp, 'timestamp'],
  [createdTimestamp, 'timestamp'],
  ...Object.entries(spec.features),
];

/** Column by column, what a view's table is made of. @param reads the datasets that stand for its sources, by their names. */
export function tableColumnLineage(
  described: Described,
  view: string,
  reads: ReadonlyMap<string, DatasetName>,
): Facet | undefined {
  const { spec } = described.applied.views.get(view) as RegisteredView;
  const fields: [string, { inputFields: object[] }][] = [];
  const add = (
    column: string,
    from: (source: SourceSpec) => readonly string[],
    by: Transformation = identity,
  ): void => {
    const inputFields = [...reads].flatMap(([source, dataset]) => {
      const declared = described.applied.sources.get(source);
      if (declared === undefined) return [];
      const pii = declared.pii ?? {};
      return from(declared).map((field) =>
        inputField(dataset, field, { ...by, masking: ['hash', 'mask'].includes(pii[field] ?? '') }),
      );
    });
    if (inputFields.length > 0) fields.push([column, { inputFields }]);
  };
  for (const key of Object.keys(spec.joinKeys)) add(key, () => [key]);
  add(eventTimestamp, ({ timestampField }) => [timestampField]);
  add(createdTimestamp, ({ createdTimestampField }) =>
    createdTimestampField === undefined ? [] : [createdTimestampField],
  );
  for (const feature of Object.keys(spec.features)) {
    const { sources, transform } = columnOrigins(described, view, feature);
    add(
      feature,
      ({ name }) => sources.find(({ source }) => source === name)?.columns ?? [],
      transform === undefined ? identity : wholeEvent,
    );
  }
  return fields.length === 0 ? undefined : facet('columnLineage', { fields: Object.fromEntries(fields) });
}

/** How a column comes from another, in OpenLineage's words. */
interface Transformation {
  readonly subtype: 'IDENTITY' | 'TRANSFORMATION';
  readonly description?: string;
  readonly masking?: boolean;
}

const identity: Transformation = { subtype: 'IDENTITY' };

/** More is not known, and who reads the lineage of a column must not take it for more. */
const wholeEvent: Transformation = {
  subtype: 'TRANSFORMATION',
  description: 'made by a function of the whole event: which of its fields it takes for this column is not known',
};

const inputField = (dataset: DatasetName, field: string, by: Transformation) => ({
  ...{ namespace: dataset.namespace, name: dataset.name, field },
  transformations: [{ type: 'DIRECT', masking: false, ...by }],
});

const schemaFacet = (columns: readonly (readonly [string, string])[]): Facet =>
  facet('schema', { fields: columns.map(([name, type]) => ({ name, type })) });

/** Names of files are no addresses: they are told as such. */
const dataSource = ({ namespace, name }: DatasetName, shown: string): Facet =>
  facet('dataSource', { name: shown, uri: namespace === 'file' ? `file://${encodeURI(name)}` : namespace });

const ownersFacet = (owner: string | undefined): Facet | undefined =>
  owner === undefined ? undefined : facet('ownership', { owners: [{ name: owner }] });
