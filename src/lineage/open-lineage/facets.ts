/** Who makes the events. */
export const producer = 'https://www.npmjs.com/package/asof';

const spec = 'https://openlineage.io/spec';
export const runEventSchema = `${spec}/2-0-2/OpenLineage.json#/$defs/RunEvent`;

/** The published schema of each facet that is sent, by its key. */
const schemas = {
  nominalTime: '1-0-1/NominalTimeRunFacet',
  errorMessage: '1-0-1/ErrorMessageRunFacet',
  parent: '1-2-0/ParentRunFacet',
  processing_engine: '1-1-1/ProcessingEngineRunFacet',
  tags: '1-0-0/TagsRunFacet',
  jobType: '2-0-4/JobTypeJobFacet',
  documentation: '1-1-0/DocumentationJobFacet',
  jobOwnership: '1-0-1/OwnershipJobFacet',
  sourceCodeLocation: '1-1-0/SourceCodeLocationJobFacet',
  schema: '1-2-0/SchemaDatasetFacet',
  dataSource: '1-0-1/DatasourceDatasetFacet',
  version: '1-0-1/DatasetVersionDatasetFacet',
  ownership: '1-0-1/OwnershipDatasetFacet',
  columnLineage: '1-2-0/ColumnLineageDatasetFacet',
  dataQualityAssertions: '1-1-0/DataQualityAssertionsDatasetFacet',
  dataQualityMetrics: '1-0-3/DataQualityMetricsInputDatasetFacet',
  inputStatistics: '1-0-0/InputStatisticsInputDatasetFacet',
  outputStatistics: '1-0-2/OutputStatisticsOutputDatasetFacet',
} as const;

export type Facet = Readonly<Record<string, unknown>>;
export type Facets = Readonly<Record<string, Facet>>;

export function facet(key: keyof typeof schemas, fields: Facet): Facet {
  const file = schemas[key];
  return { _producer: producer, _schemaURL: `${spec}/facets/${file}.json#/$defs/${file.split('/')[1]}`, ...fields };
}

/** Those that are there. */
export const present = (facets: Readonly<Record<string, Facet | undefined>>): Facets =>
  Object.fromEntries(Object.entries(facets).filter((entry): entry is [string, Facet] => entry[1] !== undefined));

export interface Dataset {
  readonly namespace: string;
  readonly name: string;
  readonly facets: Facets;
  readonly inputFacets?: Facets;
  readonly outputFacets?: Facets;
}

export type EventType = 'START' | 'RUNNING' | 'COMPLETE' | 'FAIL' | 'ABORT';

/** One event as it is sent. */
export interface RunEvent {
  readonly eventType: EventType;
  readonly eventTime: string;
  readonly producer: string;
  readonly schemaURL: string;
  readonly run: { readonly runId: string; readonly facets: Facets };
  readonly job: { readonly namespace: string; readonly name: string; readonly facets: Facets };
  readonly inputs: readonly Dataset[];
  readonly outputs: readonly Dataset[];
}
