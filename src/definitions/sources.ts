import path from 'node:path';
import { DefinitionError } from '../errors.js';
import type { Schema } from '../types.js';
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

export type FileFormat = 'parquet' | 'csv' | 'tsv' | 'ndjson';
/** What ingest does with a column that holds personal data: a keyed hash (joinable), `***`, or nothing at all is kept. */
export type PiiRule = 'hash' | 'mask' | 'drop';

/** A file that a pipeline ingests. Relative paths start at the project root. */
export interface FileSource extends Definition<'file_source'> {
  readonly path: string;
  readonly format: FileFormat;
  /** When the row's facts became true. */
  readonly timestampField: string;
  /** When the row was made; breaks ties between rows of one event time. */
  readonly createdTimestampField?: string;
  readonly pii?: Readonly<Record<string, PiiRule>>;
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
  checkFields(where, def, [...metaFields, 'path', 'format', 'timestampField', 'createdTimestampField', 'pii']);
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
  if (typeof def.timestampField !== 'string' || def.timestampField === '') {
    throw new DefinitionError('timestampField is missing', {
      where,
      mend: 'name the column that holds the event time',
    });
  }
  for (const [column, rule] of Object.entries(def.pii ?? {})) {
    if (['hash', 'mask', 'drop'].includes(rule)) continue;
    throw new DefinitionError(`pii.${column} ${JSON.stringify(rule)} is unknown`, {
      where,
      mend: 'use hash, mask or drop',
    });
  }
  return define({ kind: 'file_source', ...def, format });
}

/** A stream of JSON events of a Kafka topic, or of the embedded event log of the same name: the store's configuration decides. */
export interface KafkaSource<E extends Schema = Schema> extends Definition<'kafka_source'> {
  readonly topic: string;
  readonly event: E;
  readonly timestampField: string;
  readonly createdTimestampField?: string;
  /** How far behind the newest event time seen an event may come before it counts as late; milliseconds. */
  readonly watermarkMs: number;
  /** The same facts as history: where backfills come from. */
  readonly batchSource?: FileSource;
}

/**
 * @param def.event the fields of one event; all are required and not null unless wrapped in `nullable()`.
 * @param def.timestampField the field that holds the event time; must be a timestamp.
 * @param def.watermark e.g. `'5 minutes'`; none = no event is late.
 */
export function kafkaSource<const E extends Schema>(
  def: {
    name?: string;
    topic: string;
    event: E;
    timestampField: keyof E & string;
    createdTimestampField?: keyof E & string;
    watermark?: Duration;
    batchSource?: FileSource;
  } & Meta,
): KafkaSource<E> {
  const { watermark, ...rest } = def;
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
    'batchSource',
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
  if (def.batchSource !== undefined && def.batchSource.kind !== 'file_source') {
    throw new DefinitionError('batchSource is not a file source', { where, mend: 'give it a fileSource' });
  }
  const watermarkMs = watermark === undefined ? Number.POSITIVE_INFINITY : parseDuration(where, 'watermark', watermark);
  return define({ kind: 'kafka_source', ...rest, name, watermarkMs });
}
