import type { BatchSource } from '../definitions/batch-source.js';
import { createdTimestamp, eventTimestamp } from '../definitions/feature-table.js';
import type { Lake } from '../lake/index.js';
import { timestamp } from '../types.js';
import { type CleanCounts, type CleanView, writeCleaned } from './cleaning-rules.js';
import { isText, sourceShown } from './source-label.js';
import { parquetColumns, type SourceColumn } from './source-reader.js';
import { typeColumns, type WantedColumn } from './typed-columns.js';

export interface CleanRequest {
  readonly view: CleanView;
  readonly source: BatchSource;
  /** Staging file made by `ingestSource`. */
  readonly input: string;
  /** What ingest told of its columns. */
  readonly columns?: readonly SourceColumn[] | undefined;
  /** Staging file to write: join keys, event_timestamp, created_timestamp, features, `_ingest_position`; ordered by position. */
  readonly file: string;
  readonly signal?: AbortSignal | undefined;
}

export interface CleanResult extends CleanCounts {
  /** Columns of the source that the view does not use. */
  readonly droppedColumns: readonly string[];
}

/**
 * Casts a source's columns to what the view declares, applies the view's cleaning rules and removes exact duplicates.
 * @throws DataError naming file, column, count and first row for missing columns, wrong column types, values that do not fit, and
 * null join keys or event times (unless a rule drops or fills them); nothing is written then.
 */
export async function cleanFile(lake: Lake, request: CleanRequest): Promise<CleanResult> {
  const { view, source, input, file, signal } = request;
  return lake.withSession(async (session) => {
    const columns = await parquetColumns(session, input, { signal }, request.columns);
    const wanted = wantedOfView(view, source);
    const { relation } = await typeColumns(session, input, columns, wanted, {
      view: view.name,
      shown: sourceShown(source),
      pii: source.pii,
      text: isText(source),
      signal,
    });
    const created = source.createdTimestampField === undefined ? withCreated(relation) : relation;
    const counts = await writeCleaned(session, view, created, file, { signal });
    return { ...counts, droppedColumns: unusedColumns(columns, wanted) };
  });
}

function wantedOfView(view: CleanView, source: BatchSource): WantedColumn[] {
  const ruled = (column: string): boolean => view.clean.missing?.[column] !== undefined;
  const same =
    (required: boolean, role: string) =>
    ([name, type]: [string, WantedColumn['type']]): WantedColumn => ({
      from: name,
      to: name,
      type,
      required: required && !ruled(name),
      role,
    });
  const time = (from: string, to: string, required: boolean, role: string): WantedColumn => ({
    from,
    to,
    type: timestamp(),
    required: required && !ruled(to),
    role,
  });
  return [
    time(source.timestampField, eventTimestamp, true, 'timestampField'),
    ...Object.entries(view.joinKeys).map(same(true, 'join key')),
    ...(source.createdTimestampField === undefined
      ? []
      : [time(source.createdTimestampField, createdTimestamp, false, 'createdTimestampField')]),
    ...Object.entries(view.features).map(same(false, 'feature')),
  ];
}

/** Rows of a source without a created field have none. */
const withCreated = (relation: string): string =>
  `(SELECT *, NULL::TIMESTAMPTZ AS ${createdTimestamp} FROM ${relation})`;

export const unusedColumns = (columns: readonly SourceColumn[], wanted: readonly WantedColumn[]): string[] =>
  columns.map(({ name }) => name).filter((name) => !wanted.some(({ from }) => from === name));
