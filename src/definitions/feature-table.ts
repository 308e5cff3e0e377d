import { int32, int64, type Schema, sqlType, string, timestamp } from '../types.js';

/** A view as its tables in both stores know it: what engines need, wherever it was read from. */
export interface FeatureTable {
  readonly view: string;
  /** Grows with every breaking change; each generation has a table of its own. */
  readonly generation: number;
  readonly joinKeys: Schema;
  readonly features: Schema;
  /** 0 = rows never expire. */
  readonly ttlMs: number;
}

/** The name of the view's table in the lake; the first generation carries the view's own name. */
export const tableName = ({ view, generation }: Pick<FeatureTable, 'view' | 'generation'>): string =>
  generation === 1 ? view : `${view}__g${generation}`;

/** When a row's facts became true, and when the row was made (may be null). */
export const eventTimestamp = 'event_timestamp';
export const createdTimestamp = 'created_timestamp';

/** The columns of a view as expectations and profiles see them. */
export const viewSchema = (joinKeys: Schema, features: Schema): Schema => ({
  ...joinKeys,
  [eventTimestamp]: timestamp(),
  [createdTimestamp]: timestamp(),
  ...features,
});

/**
 * Columns asof adds to every row. Ingest time and position (of the row in its source) are the last tie-break between rows of one
 * key, event time and created time; topic, partition and offset say which stream event a row came from.
 */
export const ingestColumns: Schema = {
  _ingest_time: timestamp(),
  _ingest_position: int64(),
  _topic: string(),
  _partition: int32(),
  _offset: int64(),
};

/** All columns of a feature table in the lake, in order: join keys, times, features, ingest columns. */
export function tableColumns(table: Pick<FeatureTable, 'joinKeys' | 'features'>): Schema {
  return {
    ...table.joinKeys,
    [eventTimestamp]: timestamp(),
    [createdTimestamp]: timestamp(),
    ...table.features,
    ...ingestColumns,
  };
}

/** The columns that make a row what it is: two rows equal in all of these are one row. */
export const valueColumns = (table: Pick<FeatureTable, 'joinKeys' | 'features'>): string[] => [
  ...Object.keys(table.joinKeys),
  eventTimestamp,
  createdTimestamp,
  ...Object.keys(table.features),
];

/** The order "newest first" among rows of one key, for ORDER BY; a row without created time is older than one with it. */
export const newestFirst = (alias?: string): string => {
  const prefix = alias === undefined ? '' : `${alias}.`;
  return `${prefix}event_timestamp DESC, ${prefix}created_timestamp DESC NULLS LAST, ${prefix}_ingest_time DESC, ${prefix}_ingest_position DESC`;
};

/** The same order as one value that grows with it, for arg_max, which holds one row a key where a window would sort them all. */
export const newness = (alias: string): string =>
  `(${alias}.event_timestamp, coalesce(${alias}.created_timestamp, '-infinity'::TIMESTAMPTZ), ${alias}._ingest_time, ${alias}._ingest_position)`;

/** `"driver_id" BIGINT, …`: the columns as DDL. Names were checked when the view was defined. */
export const columnDefinitions = (columns: Schema): string =>
  Object.entries(columns)
    .map(([name, type]) => `"${name}" ${sqlType(type)}`)
    .join(', ');
