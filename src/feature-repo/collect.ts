import {
  type AnyFeatureView,
  type BatchSource,
  type Definition,
  type Entity,
  type FeatureService,
  type FeatureStoreConfig,
  isDefinition,
  type KafkaSource,
  type Pipeline,
} from '../definitions/index.js';
import { DefinitionError } from '../errors.js';

/** A loaded file and what it exports. */
export interface LoadedFile {
  /** As shown to people, e.g. `feature_repo/features.ts`. */
  readonly shown: string;
  readonly file: string;
  readonly exports: Readonly<Record<string, unknown>>;
}

export interface Collected {
  readonly configs: Map<string, FeatureStoreConfig>;
  readonly entities: Map<string, Entity>;
  readonly sources: Map<string, BatchSource | KafkaSource>;
  readonly views: Map<string, AnyFeatureView>;
  readonly services: Map<string, FeatureService>;
  readonly pipelines: Map<string, Pipeline>;
  /** The files whose exports hold a definition: where it is written, and where it is exported again. */
  readonly files: ReadonlyMap<Definition, readonly LoadedFile[]>;
}

const called = {
  entity: 'entity',
  file_source: 'source',
  kafka_source: 'source',
  postgres_source: 'source',
  feature_view: 'view',
  stream_feature_view: 'view',
  feature_service: 'feature service',
  pipeline: 'pipeline',
  feature_store_config: 'feature store configuration',
} as const;

/**
 * Finds the definitions among the files' exports (lists of definitions included) and those that views use without exporting them.
 * @throws DefinitionError when two different definitions of a kind have one name, or names that SQL can't tell apart.
 */
export function collect(files: readonly LoadedFile[]): Collected {
  const found = new Map<Definition, LoadedFile[]>();
  for (const file of files) {
    for (const definition of exportedBy(file)) {
      const places = found.get(definition) ?? [];
      if (!places.includes(file)) places.push(file);
      found.set(definition, places);
    }
  }
  const exported = [...found.keys()];
  const reached = exported.flatMap((definition) =>
    definition.kind === 'feature_view' || definition.kind === 'stream_feature_view'
      ? usedBy(definition as AnyFeatureView)
      : [],
  );
  for (const [used, view] of reached) if (!found.has(used)) found.set(used, found.get(view) ?? []);

  const byName = new Map<string, Definition>();
  const collected: Collected = {
    configs: new Map(),
    entities: new Map(),
    sources: new Map(),
    views: new Map(),
    services: new Map(),
    pipelines: new Map(),
    files: found,
  };
  for (const definition of found.keys()) {
    const kind = called[definition.kind];
    const twin = byName.get(`${kind}:${definition.name.toLowerCase()}`);
    if (twin !== undefined) throw clash(kind, twin, definition, found);
    byName.set(`${kind}:${definition.name.toLowerCase()}`, definition);
    (mapFor(collected, definition) as Map<string, Definition>).set(definition.name, definition);
  }
  return collected;
}

function* exportedBy({ exports }: LoadedFile): Generator<Definition> {
  for (const value of Object.values(exports)) {
    if (isDefinition(value)) yield value;
    else if (Array.isArray(value)) yield* value.filter(isDefinition);
  }
}

/** A view's entities and sources; the view tells where they were found. */
function usedBy(view: AnyFeatureView): [Definition, Definition][] {
  const batch = view.kind === 'stream_feature_view' ? view.source.batchSource : undefined;
  return [...view.entities, view.source, ...(batch === undefined ? [] : [batch])].map((used) => [used, view]);
}

function mapFor(collected: Collected, { kind }: Definition): Map<string, unknown> {
  switch (kind) {
    case 'entity':
      return collected.entities;
    case 'file_source':
    case 'kafka_source':
    case 'postgres_source':
      return collected.sources;
    case 'feature_view':
    case 'stream_feature_view':
      return collected.views;
    case 'feature_service':
      return collected.services;
    case 'pipeline':
      return collected.pipelines;
    case 'feature_store_config':
      return collected.configs;
  }
}

function clash(kind: string, a: Definition, b: Definition, found: Collected['files']): DefinitionError {
  const [first = '?', second = '?'] = [a, b].map((one) => found.get(one)?.[0]?.shown);
  const places = first === second ? `both in ${first}` : `in ${first} and in ${second}`;
  const names =
    a.name === b.name ? `are named "${a.name}"` : `are named "${a.name}" and "${b.name}", which SQL can't tell apart`;
  return new DefinitionError(`two definitions ${names}: ${places}`, {
    where: `${kind} "${b.name}"`,
    mend: a.name === b.name ? 'rename one, or define it once and import it' : 'rename one',
  });
}
