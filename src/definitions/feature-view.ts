import { DefinitionError } from '../errors.js';
import type { NullableRow, Row, Schema } from '../types.js';
import { type BatchSource, isBatchSource } from './batch-source.js';
import { type CleaningRules, checkCleaning } from './cleaning.js';
import {
  checkFields,
  checkMeta,
  checkName,
  checkSchema,
  type Definition,
  define,
  label,
  type Meta,
  metaFields,
  reservedColumns,
} from './definition.js';
import { type Duration, parseDuration, parsePositiveDuration } from './duration.js';
import type { Entity } from './entity.js';
import type { EventContext } from './event-context.js';
import { checkExpectations, type Expectation } from './expectations.js';
import { viewSchema } from './feature-table.js';
import { checkRuledColumns } from './pii-rules.js';
import { selectable } from './selection.js';
import type { KafkaSource } from './sources.js';

type Intersect<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I : never;
type JoinKeysOf<E extends readonly Entity[]> = Intersect<E[number]['joinKeys']>;

/** What to do with an event older than the watermark: keep it as history, drop it, or set it aside. All are counted. */
export type LatePolicy = 'keep' | 'drop' | 'dead_letter';

/** What can be put in a feature service or a request: a view, or a part of it under the same or other names. */
export interface Selectable<N extends string = string, K = unknown, F extends Schema = Schema> {
  readonly name: N;
  readonly joinKeys: K;
  /** The features as they come out, by output name. */
  readonly features: F;
}

/** A part of a view, as `pick` and `prefixed` make it. */
export interface Selection<N extends string, K, F extends Schema> extends Selectable<N, K, F> {
  /** Only these features. */
  pick<const P extends keyof F & string>(...names: P[]): Selection<N, K, Pick<F, P>>;
  /** All features with a prefix to their names, where two views share one. */
  prefixed<const X extends string>(
    prefix: X,
  ): Selection<N, K, { readonly [P in keyof F & string as `${X}${P}`]: F[P] }>;
}

interface ViewBase {
  readonly entities: readonly Entity[];
  /** How long a row may be used after its event time; 0 = for ever. Milliseconds. */
  readonly ttlMs: number;
  /** Whether materialize, streams and pushes also feed the online store. */
  readonly online: boolean;
  /** The promise: how old the newest event may be, in the lake and online. Milliseconds; `undefined` = nothing is promised. */
  readonly freshnessMs: number | undefined;
  readonly expect: readonly Expectation[];
  readonly clean: CleaningRules;
}

/** Features of one or several entities, fed by a file or a database. */
export interface FeatureView<N extends string = string, K = unknown, F extends Schema = Schema>
  extends Definition<'feature_view'>,
    Selection<N, K, F>,
    ViewBase {
  readonly name: N;
  readonly source: BatchSource;
}

/** Features computed from a stream's events, and from the stream's batch source by the same transform. */
export interface StreamFeatureView<N extends string = string, K = unknown, F extends Schema = Schema>
  extends Definition<'stream_feature_view'>,
    Selection<N, K, F>,
    ViewBase {
  readonly name: N;
  readonly source: KafkaSource;
  readonly late: LatePolicy;
  /** From one event to the features; absent = fields of the same names. */
  readonly transform: ((event: Record<string, unknown>, context: EventContext) => Record<string, unknown>) | undefined;
}

export type AnyFeatureView = FeatureView | StreamFeatureView;

interface ViewOptions<N extends string, E extends readonly Entity[], F extends Schema> extends Meta {
  name: N;
  entities: E;
  features: F;
  /** e.g. `'36500 days'`; `'0'` or nothing = rows never expire. */
  ttl?: Duration;
  online?: boolean;
  /** A promise, e.g. `'2 hours'`: the newest event is at most this old, in the lake and online. `checkFreshness` warns when it is broken. */
  freshness?: Duration;
  expect?: readonly Expectation[];
  clean?: CleaningRules;
}

const viewFields = [...metaFields, 'entities', 'features', 'ttl', 'online', 'freshness', 'expect', 'clean', 'source'];

/**
 * @throws DefinitionError for anything the types can't catch: names, empty lists, clashing columns, expectations about
 * columns that don't exist, a ttl that is no duration.
 */
export function featureView<const N extends string, const E extends readonly Entity[], const F extends Schema>(
  def: ViewOptions<N, E, F> & { source: BatchSource },
): FeatureView<N, JoinKeysOf<E>, F> {
  const where = label('featureView', def.name);
  checkName('featureView', def.name);
  checkFields(where, def, viewFields);
  if (!isBatchSource(def.source)) {
    const mend =
      (def.source as { kind?: string } | undefined)?.kind === 'kafka_source'
        ? 'use streamFeatureView for a kafkaSource'
        : 'give it a fileSource or a postgresSource';
    throw new DefinitionError('source is no file and no database', { where, mend });
  }
  const checked = checkView(where, def);
  checkRuledColumns(where, def.source, [
    { role: 'join key', columns: checked.joinKeys },
    { role: 'feature', columns: def.features },
  ]);
  const { ttl: _, freshness: __, ...rest } = def;
  const base = { ...rest, ...checked, kind: 'feature_view' as const, source: def.source };
  return define(selectable(base)) as unknown as FeatureView<N, JoinKeysOf<E>, F>;
}

/**
 * @param def.transform a pure function of one event; its output must name every feature. It runs on stream events and on rows
 * of the batch source alike, so both mean the same. Its second argument tells key, headers, timestamp, partition and offset of the
 * message: `(event, { headers }) => …`; rows of the batch source and pushed rows have none of them.
 * @param def.late what happens to events older than the source's watermark; default `keep`.
 */
export function streamFeatureView<
  const N extends string,
  const E extends readonly Entity[],
  const F extends Schema,
  S extends Schema,
>(
  def: ViewOptions<N, E, F> & {
    source: KafkaSource<S>;
    transform?: (event: Row<S>, context: EventContext) => NullableRow<NoInfer<F>>;
    late?: LatePolicy;
  },
): StreamFeatureView<N, JoinKeysOf<E>, F> {
  const where = label('streamFeatureView', def.name);
  checkName('streamFeatureView', def.name);
  checkFields(where, def, [...viewFields, 'transform', 'late']);
  if (def.source?.kind !== 'kafka_source') {
    throw new DefinitionError('source is not a kafka source', {
      where,
      mend: 'give it a kafkaSource, or use featureView for a file or a database',
    });
  }
  if (def.late !== undefined && !['keep', 'drop', 'dead_letter'].includes(def.late)) {
    throw new DefinitionError(`late "${String(def.late)}" is unknown`, {
      where,
      mend: 'use keep, drop or dead_letter',
    });
  }
  if (def.transform !== undefined && typeof def.transform !== 'function') {
    throw new DefinitionError('transform is not a function', { where, mend: 'write transform: (event) => ({ … })' });
  }
  const checked = checkView(where, def);
  checkRuledColumns(where, def.source, [
    { role: 'join key', columns: checked.joinKeys },
    // What a transform gives is new, whatever it is called.
    { role: 'feature', columns: def.transform === undefined ? def.features : {} },
  ]);
  for (const key of Object.keys(checked.joinKeys)) {
    if (def.source.seen[key] === undefined) {
      throw new DefinitionError(`the events have no field "${key}", a join key`, {
        where,
        mend: `add ${key} to the source's event`,
      });
    }
  }
  if (def.transform === undefined) {
    for (const feature of Object.keys(def.features)) {
      if (def.source.seen[feature] === undefined) {
        throw new DefinitionError(`the events have no field "${feature}"`, {
          where,
          mend: 'add it to the event, or compute it in transform',
        });
      }
    }
  }
  const { ttl: _, freshness: __, ...rest } = def;
  const base = {
    ...rest,
    ...checked,
    kind: 'stream_feature_view' as const,
    late: def.late ?? 'keep',
    transform: def.transform,
  };
  return define(selectable(base)) as unknown as StreamFeatureView<N, JoinKeysOf<E>, F>;
}

function checkView(where: string, def: ViewOptions<string, readonly Entity[], Schema>) {
  checkMeta(where, def);
  checkSchema(where, 'features', def.features);
  if (!Array.isArray(def.entities) || def.entities.length === 0 || def.entities.some((e) => e?.kind !== 'entity')) {
    throw new DefinitionError('entities must list at least one entity', { where, mend: 'write entities: [driver]' });
  }
  const joinKeys: Record<string, Schema[string]> = {};
  for (const { name, joinKeys: keys } of def.entities) {
    for (const [key, type] of Object.entries(keys)) {
      if (joinKeys[key] !== undefined) {
        throw new DefinitionError(`join key "${key}" comes from two entities`, {
          where,
          mend: `rename it in entity "${name}"`,
        });
      }
      joinKeys[key] = type as Schema[string];
    }
  }
  for (const feature of Object.keys(def.features)) {
    if (joinKeys[feature] !== undefined || reservedColumns.includes(feature)) {
      const what = joinKeys[feature] === undefined ? 'the name of a column asof adds itself' : 'also a join key';
      throw new DefinitionError(`feature "${feature}" is ${what}`, { where, mend: 'rename the feature' });
    }
  }
  const columns = new Set([...Object.keys(joinKeys), ...Object.keys(def.features), ...reservedColumns]);
  const clean = def.clean ?? {};
  checkExpectations(where, def.expect ?? [], { ...joinKeys, ...def.features, ...viewSchema(joinKeys, def.features) });
  checkCleaning(where, clean);
  for (const column of Object.keys({ ...clean.missing, ...clean.outliers })) {
    if (!columns.has(column)) {
      throw new DefinitionError(`clean names "${column}", which is no column of the view`, {
        where,
        mend: `use one of ${[...columns].join(', ')}`,
      });
    }
  }
  return {
    joinKeys: Object.freeze(joinKeys),
    ttlMs: def.ttl === undefined ? 0 : parseDuration(where, 'ttl', def.ttl),
    online: def.online ?? true,
    freshnessMs: def.freshness === undefined ? undefined : parsePositiveDuration(where, 'freshness', def.freshness),
    expect: def.expect ?? [],
    clean,
  };
}
