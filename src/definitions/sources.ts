import path from 'node:path';
import { DefinitionError } from '../errors.js';
import type { Schema } from '../types.js';
import {
  type BatchSource,
  type BatchSourceFields,
  batchSourceFields,
  checkBatchSource,
  isBatchSource,
} from './batch-source.js';
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
} from './definition.js';
import { type Duration, parseDuration } from './duration.js';
import { checkEventRules, checkPiiRules, type PiiRule, type PiiRules, type Seen, seenSchema } from './pii-rules.js';
import { parseStreamStart, type StreamStart, type StreamStartOption } from './stream-start.js';

export type FileFormat = 'parquet' | 'csv' | 'tsv' | 'ndjson';

/** A file that a pipeline ingests. Relative paths start at the project root. */
export interface FileSource extends Definition<'file_source'>, BatchSourceFields {
  readonly path: string;
  readonly format: FileFormat;
}

const formats: Record<string, FileFormat> = {
  '.parquet': 'parquet',
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
};

/**
 * @param def.format only needed when the file's ending doesn't say it. CSV finds its own delimiter, tabs included.
 * @param def.pii columns masked, hashed (key from ASOF_PII_KEY) or dropped before anything is kept.
 */
export function fileSource(
  def: {
    name: string;
    path: string;
    format?: FileFormat;
    timestampField: string;
    createdTimestampField?: string;
    pii?: Record<string, PiiRule>;
  } & Meta,
): FileSource {
  checkName('fileSource', def.name);
  const where = label('fileSource', def.name);
  checkFields(where, def, [...metaFields, ...batchSourceFields, 'path', 'format']);
  checkMeta(where, def);
  if (typeof def.path !== 'string' || def.path === '') {
    throw new DefinitionError('path is missing', { where, mend: "write path: 'data/my-file.parquet'" });
  }
  const format = def.format ?? formats[path.extname(def.path).toLowerCase()];
  if (format === undefined || !Object.values(formats).includes(format)) {
    throw new DefinitionError(`can't tell the format of "${def.path}"`, {
      where,
      mend: `add format: one of ${[...new Set(Object.values(formats))].join(', ')}`,
    });
  }
  checkBatchSource(where, def);
  return define({ kind: 'file_source', ...def, format });
}

/** A stream of JSON events of a Kafka topic, or of the embedded event log of the same name: the store's configuration decides. */
export interface KafkaSource<S extends Schema = Schema> extends Definition<'kafka_source'> {
  readonly topic: string;
  /** The fields of one event, as producers send them. */
  readonly event: Schema;
  /** The fields as views see them, once the rules for personal data are applied. */
  readonly seen: S;
  readonly pii?: PiiRules;
  readonly timestampField: string;
  readonly createdTimestampField?: string;
  /** How far behind the newest event time seen an event may come before it counts as late; milliseconds. */
  readonly watermarkMs: number;
  /** Where reading begins in a partition that the view never read. */
  readonly start: StreamStart;
  /** The same facts as history: where backfills come from. */
  readonly batchSource?: BatchSource;
}

/**
 * @param def.event the fields of one event; all are required and not null unless wrapped in `nullable()`.
 * @param def.timestampField the field that holds the event time; must be a timestamp.
 * @param def.watermark e.g. `'5 minutes'`; none = no event is late.
 * @param def.pii fields masked, hashed (key from ASOF_PII_KEY) or dropped before the transform sees them and anything is kept. The
 * batchSource has the same rules.
 * @param def.start where a view begins that never read the topic: `'earliest'` (default), `'latest'`, or
 * `{ timestamp: '2026-01-01T00:00:00Z' }`, the first event sent at or after it; a stream in files keeps no such times.
 */
export function kafkaSource<
  const E extends Schema,
  const P extends { readonly [K in keyof E]?: PiiRule } = Record<never, PiiRule>,
>(
  def: {
    name?: string;
    topic: string;
    event: E;
    timestampField: keyof E & string;
    createdTimestampField?: keyof E & string;
    watermark?: Duration;
    start?: StreamStartOption;
    batchSource?: BatchSource;
    pii?: P;
  } & Meta,
): KafkaSource<Seen<E, P>> {
  const { watermark, start, ...rest } = def;
  const name = def.name ?? def.topic;
  checkName('kafkaSource', name);
  const where = label('kafkaSource', name);
  checkFields(where, def, [
    ...metaFields,
    'topic',
    'event',
    'timestampField',
    'createdTimestampField',
    'watermark',
    'start',
    'batchSource',
    'pii',
  ]);
  checkMeta(where, def);
  if (!/^[A-Za-z0-9._-]{1,200}$/.test(def.topic) || /^\.+$/.test(def.topic)) {
    throw new DefinitionError(`topic ${JSON.stringify(def.topic)} is not a topic name`, {
      where,
      mend: 'use letters, digits, ".", "_" and "-"',
    });
  }
  checkSchema(where, 'event', def.event);
  for (const field of ['timestampField', 'createdTimestampField'] as const) {
    const column = def[field];
    if (field === 'createdTimestampField' && column === undefined) continue;
    if (column === undefined || def.event[column]?.kind !== 'timestamp') {
      throw new DefinitionError(`${field} ${JSON.stringify(column)} is not a timestamp of the event`, {
        where,
        mend: `add it to event: { ${String(column)}: timestamp() }`,
      });
    }
  }
  if (def.batchSource !== undefined && !isBatchSource(def.batchSource)) {
    throw new DefinitionError('batchSource is no file and no database', {
      where,
      mend: 'give it a fileSource or a postgresSource',
    });
  }
  const pii = def.pii as PiiRules | undefined;
  const { timestampField, createdTimestampField } = def;
  checkPiiRules(where, pii, { timestampField, createdTimestampField });
  checkEventRules(where, def.event, pii, def.batchSource && (def.batchSource.pii ?? {}));
  const seen = seenSchema(def.event, pii) as Seen<E, P>;
  const watermarkMs = watermark === undefined ? Number.POSITIVE_INFINITY : parseDuration(where, 'watermark', watermark);
  const { pii: _, ...fields } = rest;
  return define({
    kind: 'kafka_source',
    ...fields,
    name,
    seen,
    watermarkMs,
    start: parseStreamStart(where, start),
    ...(pii === undefined ? {} : { pii }),
  });
}
