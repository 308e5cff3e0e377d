import type { FeatureTable } from '../definitions/feature-table.js';
import { columnReader } from '../lake/chunk-values.js';
import { ids, type Lake } from '../lake/index.js';
import { entityKeys } from '../online-store/entity-key.js';
import type { OnlineEntry } from '../online-store/online-store.js';
import { encodeRow, encodeTombstone } from '../online-store/row-codec.js';
import type { StoredSchema } from '../online-store/stored-schema.js';
import { int64, type Schema, timestamp } from '../types.js';

/** Columns of rows on their way to the online store: plain values, one array per column, all of one length. */
export interface RowColumns {
  /** In the order of the table's join keys. */
  readonly keys: readonly (readonly unknown[])[];
  /** Microseconds; null = the key has no row, which becomes a tombstone. */
  readonly event: readonly (bigint | null)[];
  readonly created: readonly (bigint | null)[];
  /** In the order of the table's features. */
  readonly features: readonly (readonly unknown[])[];
  readonly ingestTime: readonly (bigint | null)[];
  readonly ingestPosition: readonly (number | bigint | null)[];
}

export interface RowOrigin {
  readonly schema: StoredSchema;
  /** The snapshot that holds each row, or one for all. */
  readonly committed: number | readonly number[];
  readonly reflects: number;
}

/** Packs rows for the online store. */
export function packRows(
  table: FeatureTable,
  columns: RowColumns,
  { schema, committed, reflects }: RowOrigin,
): OnlineEntry[] {
  const keys = entityKeys(table.joinKeys, columns.keys);
  const { event, created, features, ingestTime, ingestPosition } = columns;
  const values = new Array<unknown>(features.length);
  return keys.map((key, row) => {
    const at = typeof committed === 'number' ? committed : (committed[row] as number);
    const eventUs = event[row];
    if (eventUs == null) {
      return { key, row: encodeTombstone({ generation: table.generation, snapshot: at }) };
    }
    for (let feature = 0; feature < values.length; feature += 1) values[feature] = features[feature]?.[row] ?? null;
    const packed = encodeRow({
      generation: table.generation,
      committed: at,
      reflects,
      eventUs,
      createdUs: created[row] ?? null,
      ingestUs: ingestTime[row] ?? 0n,
      position: ingestPosition[row] ?? 0,
      schema,
      values,
    });
    return { key, row: packed };
  });
}

/** Some of the rows, by index. */
export function pickRows(columns: RowColumns, rows: readonly number[]): RowColumns {
  const pick = <T>(column: readonly T[]): T[] => rows.map((row) => column[row] as T);
  return {
    keys: columns.keys.map(pick),
    event: pick(columns.event),
    created: pick(columns.created),
    features: columns.features.map(pick),
    ingestTime: pick(columns.ingestTime),
    ingestPosition: pick(columns.ingestPosition),
  };
}

interface RowFileOptions {
  readonly fromRow?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Rows of a file made by `writeNewestRows` or `writeStreamRows`, a chunk of DuckDB (2,048 rows) at a time. */
export async function* readRowFile(
  lake: Lake,
  table: FeatureTable,
  file: string,
  { fromRow = 0, withCommitted = false, signal }: RowFileOptions & { readonly withCommitted?: boolean },
): AsyncGenerator<{ columns: RowColumns; committed: number[] }> {
  const schema: Schema = {
    ...table.joinKeys,
    event_timestamp: timestamp(),
    created_timestamp: timestamp(),
    ...table.features,
    _ingest_time: timestamp(),
    _ingest_position: int64(),
    ...(withCommitted ? { committed: int64() } : {}),
  };
  const readers = Object.values(schema).map(columnReader);
  const session = await lake.session();
  try {
    const sql = `SELECT ${ids(Object.keys(schema))} FROM read_parquet($1, file_row_number = true) WHERE file_row_number >= $2`;
    for await (const chunk of session.chunks(sql, [file, BigInt(fromRow)], { signal })) {
      const columns = readers.map((read, index) => read(chunk, index));
      yield split(table, columns);
    }
  } finally {
    session.close();
  }
}

/** The same rows packed, in batches of at least `batchRows` but for the last. Columns are let go of chunk by chunk. */
export async function* readPackedRows(
  lake: Lake,
  table: FeatureTable,
  file: string,
  { origin, batchRows, ...options }: RowFileOptions & { readonly origin: RowOrigin; readonly batchRows: number },
): AsyncGenerator<OnlineEntry[]> {
  let batch: OnlineEntry[] = [];
  for await (const { columns } of readRowFile(lake, table, file, options)) {
    for (const entry of packRows(table, columns, origin)) batch.push(entry);
    if (batch.length < batchRows) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function split(table: FeatureTable, columns: unknown[][]): { columns: RowColumns; committed: number[] } {
  const keyCount = Object.keys(table.joinKeys).length;
  const featureCount = Object.keys(table.features).length;
  const [event, created] = columns.slice(keyCount, keyCount + 2) as [(bigint | null)[], (bigint | null)[]];
  const features = columns.slice(keyCount + 2, keyCount + 2 + featureCount);
  const [ingestTime, ingestPosition, committed] = columns.slice(keyCount + 2 + featureCount) as [
    (bigint | null)[],
    (number | null)[],
    number[] | undefined,
  ];
  return {
    columns: { keys: columns.slice(0, keyCount), event, created, features, ingestTime, ingestPosition },
    committed: committed ?? [],
  };
}
