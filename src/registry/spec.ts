import {
  type AnyFeatureView,
  type BatchSource,
  type CleaningRules,
  type Deadline,
  type Definition,
  type Entity,
  type Expectation,
  type FeatureService,
  type Json,
  type KafkaSource,
  type Notification,
  type Pipeline,
  resolveSelection,
  type Schedule,
  type Setting,
  streamStartText,
} from '../definitions/index.js';
import { DefinitionError } from '../errors.js';
import { int64, itemsOf, list, nullable, parseTypeName, type Schema, typeName, type ValueType } from '../types.js';

/** The kinds of objects the registry keeps. Sources and views each have one namespace for both of their forms. */
export const objectKinds = ['entity', 'source', 'feature_view', 'feature_service', 'pipeline'] as const;
export type ObjectKind = (typeof objectKinds)[number];

interface BaseSpec {
  readonly name: string;
  readonly description?: string | undefined;
  readonly owner?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** Column → type, as written by {@link specType}. */
export type Types = Readonly<Record<string, string>>;

export interface EntitySpec extends BaseSpec {
  readonly kind: 'entity';
  readonly joinKeys: Types;
}

export type SourceSpec = BaseSpec &
  (
    | {
        readonly kind: 'file_source';
        readonly path: string;
        readonly format: string;
        readonly timestampField: string;
        readonly createdTimestampField?: string | undefined;
        readonly pii?: Readonly<Record<string, string>> | undefined;
      }
    | {
        readonly kind: 'postgres_source';
        readonly table?: string | undefined;
        readonly query?: string | undefined;
        /** Where the URL is read from; never what is read there. */
        readonly connection: Setting;
        readonly timestampField: string;
        readonly createdTimestampField?: string | undefined;
        readonly cursor?: string | undefined;
        readonly cursorLag?: { readonly ms: number } | { readonly difference: number } | undefined;
        /** Absent = no limit of its own. */
        readonly timeoutMs?: number | undefined;
        readonly pii?: Readonly<Record<string, string>> | undefined;
      }
    | {
        readonly kind: 'kafka_source';
        readonly topic: string;
        readonly event: Types;
        readonly timestampField: string;
        readonly createdTimestampField?: string | undefined;
        /** Absent = no event is late. */
        readonly watermarkMs?: number | undefined;
        /** Absent = the earliest event. */
        readonly start?: string | undefined;
        readonly batchSource?: string | undefined;
        readonly pii?: Readonly<Record<string, string>> | undefined;
      }
  );

/** What a definition says of a view; the registry adds the table to it. */
export interface ViewDefinitionSpec extends BaseSpec {
  readonly kind: 'feature_view' | 'stream_feature_view';
  readonly entities: readonly string[];
  readonly joinKeys: Types;
  readonly features: Types;
  readonly source: string;
  readonly ttlMs: number;
  readonly online: boolean;
  /** Absent = nothing is promised. */
  readonly freshnessMs?: number | undefined;
  readonly expect: readonly Expectation[];
  readonly clean: CleaningRules;
  readonly late?: string | undefined;
  /** Hash of the transform's source files; never its code. */
  readonly transform?: string | undefined;
}

export interface ViewSpec extends ViewDefinitionSpec {
  readonly table: {
    readonly generation: number;
    /** Every feature column of the table: also those that are not features any more. */
    readonly columns: Types;
  };
}

export interface ServiceSpec extends BaseSpec {
  readonly kind: 'feature_service';
  /** Per view, output name → the view's feature. */
  readonly features: readonly { readonly view: string; readonly columns: Readonly<Record<string, string>> }[];
}

export interface PipelineSpec extends BaseSpec {
  readonly kind: 'pipeline';
  readonly workflow: string;
  readonly args: Readonly<Record<string, Json>>;
  readonly schedule: Schedule;
  readonly startAt?: string | undefined;
  readonly endAt?: string | undefined;
  readonly catchup: boolean;
  readonly retries: { readonly attempts: number; readonly delayMs: number };
  /** Absent = skip. */
  readonly overlap?: string | undefined;
  readonly maxActiveRuns?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly deadline?: Deadline | undefined;
  readonly onFailure?: readonly Notification[] | undefined;
  readonly onSuccess?: readonly Notification[] | undefined;
}

/** Not told by `table`: a source has one too, the name it has in its database. */
export const isViewSpec = (spec: Spec): spec is ViewSpec =>
  spec.kind === 'feature_view' || spec.kind === 'stream_feature_view';

export type Spec = EntitySpec | SourceSpec | ViewSpec | ServiceSpec | PipelineSpec;
export type DefinitionSpec = Exclude<Spec, ViewSpec> | ViewDefinitionSpec;

/** `views`, `feature-view`, `stream_feature_view` …: the kind a person means. */
export function objectKind(text: string): ObjectKind {
  const wanted = text.toLowerCase().replaceAll('-', '_').replace(/ies$/, 'y').replace(/s$/, '');
  const kind = objectKinds.find(
    (known) => known === wanted || known === `feature_${wanted}` || wanted.endsWith(`_${known}`),
  );
  if (kind !== undefined) return kind;
  throw new DefinitionError(`there are no objects of kind "${text}"`, { mend: `use one of ${objectKinds.join(', ')}` });
}

/** A type as kept in the registry: its name, and what TypeScript knows beyond the column, e.g. `int64(bigint)`, `float32?`. */
export function specType(type: ValueType): string {
  const nullable = type.nullable === true ? '?' : '';
  if (type.kind === 'list') return `list<${specType(itemsOf(type))}>${nullable}`;
  return `${typeName(type)}${type.mode === 'bigint' ? '(bigint)' : ''}${nullable}`;
}

/** The part of a {@link specType} that decides the column. */
export const columnType = (text: string): string => text.replace(/\(bigint\)|\?/g, '');

export function parseSpecType(text: string): ValueType {
  if (text.endsWith('?')) return nullable(parseSpecType(text.slice(0, -1)));
  const item = /^list<(.+)>$/.exec(text)?.[1];
  if (item !== undefined) return list(parseSpecType(item));
  return text === 'int64(bigint)' ? int64({ mode: 'bigint' }) : parseTypeName(text);
}

/** Columns as kept in the registry, as a schema again. */
export const parseTypes = (types: Types): Schema =>
  Object.fromEntries(Object.entries(types).map(([name, text]) => [name, parseSpecType(text)]));

const types = (schema: Schema): Types =>
  Object.fromEntries(Object.entries(schema).map(([name, type]) => [name, specType(type)]));

const meta = ({ name, description, owner, tags }: Definition): BaseSpec => ({ name, description, owner, tags });

export const entitySpec = (entity: Entity): EntitySpec => ({
  kind: 'entity',
  ...meta(entity),
  joinKeys: types(entity.joinKeys),
});

export function sourceSpec(source: BatchSource | KafkaSource): SourceSpec {
  const { timestampField, createdTimestampField } = source;
  if (source.kind === 'file_source') {
    const { path, format, pii } = source;
    return { kind: source.kind, ...meta(source), path, format, timestampField, createdTimestampField, pii };
  }
  if (source.kind === 'postgres_source') {
    const { kind, table, query, connection, cursor, cursorLag, pii } = source;
    const timeoutMs = source.timeoutMs === 0 ? undefined : source.timeoutMs;
    const times = { timestampField, createdTimestampField };
    return { kind, ...meta(source), table, query, connection, ...times, cursor, cursorLag, timeoutMs, pii };
  }
  return {
    kind: source.kind,
    ...meta(source),
    topic: source.topic,
    event: types(source.event),
    timestampField,
    createdTimestampField,
    // JSON has no Infinity.
    watermarkMs: Number.isFinite(source.watermarkMs) ? source.watermarkMs : undefined,
    start: source.start === 'earliest' ? undefined : streamStartText(source.start),
    batchSource: source.batchSource?.name,
    pii: source.pii,
  };
}

export function viewSpec(view: AnyFeatureView, transform: string | undefined): ViewDefinitionSpec {
  return {
    kind: view.kind,
    ...meta(view),
    entities: view.entities.map((entity) => entity.name),
    joinKeys: types(view.joinKeys as Schema),
    features: types(view.features),
    source: view.source.name,
    ttlMs: view.ttlMs,
    online: view.online,
    freshnessMs: view.freshnessMs,
    expect: view.expect,
    clean: view.clean,
    late: view.kind === 'stream_feature_view' ? view.late : undefined,
    transform,
  };
}

export const serviceSpec = (service: FeatureService): ServiceSpec => ({
  kind: 'feature_service',
  ...meta(service),
  features: service.features.map((selection) => {
    const { view, columns } = resolveSelection(selection);
    return { view: view.name, columns };
  }),
});

/** What is as usual is absent, so that specs of older definitions stay equal. */
export const pipelineSpec = (pipeline: Pipeline): PipelineSpec => ({
  kind: 'pipeline',
  ...meta(pipeline),
  workflow: pipeline.workflow,
  args: pipeline.args,
  schedule: pipeline.schedule,
  startAt: pipeline.startAt,
  endAt: pipeline.endAt,
  catchup: pipeline.catchup,
  retries: pipeline.retries,
  overlap: pipeline.overlap === 'skip' ? undefined : pipeline.overlap,
  maxActiveRuns: pipeline.maxActiveRuns,
  timeoutMs: pipeline.timeoutMs,
  deadline: pipeline.deadline,
  onFailure: pipeline.onFailure.length === 0 ? undefined : pipeline.onFailure,
  onSuccess: pipeline.onSuccess.length === 0 ? undefined : pipeline.onSuccess,
});
